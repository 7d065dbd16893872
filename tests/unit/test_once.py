"""``--once``: the running exporter's verdict or, without one, one from a snapshot of its own; always in time."""

from __future__ import annotations

import ipaddress
import json
import time
from pathlib import Path
from typing import Any

import jsonschema
import prometheus_client.parser
import pytest

from exporter import once
from exporter.model.observations import NodeStatus, PeerVip, Status
from exporter.settings.values import Settings
from exporter.views import status_document
from tests.unit import samples
from tests.unit.samples import beta, check, container
from tests.unit.standin_application import factory, running_exporter
from tests.unit.standin_http_server import (
    Behaviour,
    StandinHttpServer,
    answer,
    drips,
    floods,
    hangs,
    port_without_server,
    sends,
)

SCHEMA = json.loads(status_document.SCHEMA.read_bytes())
SPLIT = samples.status(
    samples.vips(),
    samples.peer(beta(vips={samples.VIP: PeerVip(True, 60.0), samples.VIP_6: PeerVip(False, 60.0)})),
    samples.containers(container(state="exited", exit_code=1)),
)


def settings(port: int, **changes: Any) -> Settings:
    return samples.settings(exporter_port=port, exporter_address=ipaddress.ip_address("127.0.0.1"), **changes)


def run(port: int, output: str = "text", only: tuple[str, ...] = (), timeout: float = 5.0) -> tuple[str, int]:
    return once.run(settings(port, peer_timeout=timeout), output, only, timeout)


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> int:
    """No exporter runs here; a snapshot of its own sees that a container has ended."""
    seen = samples.status(samples.vips(), samples.peer(), samples.containers(container(state="exited")))
    monkeypatch.setattr(once, "Application", factory(seen))
    return port_without_server()


@pytest.mark.parametrize(
    ("status", "code", "word"),
    [
        (samples.healthy(), 0, "OK"),
        (samples.status(samples.containers(container(state="exited"))), 1, "WARNING"),
        (SPLIT, 2, "CRITICAL"),
        (samples.status(failed={"vip": "no netlink"}), 3, "UNKNOWN"),
    ],
)
def test_the_exit_code_is_the_verdict_as_nagios_plugins_have_it(status: NodeStatus, code: int, word: str) -> None:
    with running_exporter(status) as port:
        text, exit_code = run(port)
        assert text.startswith(f"{word}: ")
        assert text.endswith(f"\nfrom the running exporter, port {port}\n")
        assert exit_code == code
        for output in ("nagios", "json", "prometheus"):
            assert run(port, output)[1] == code


def test_json_is_the_running_exporter_s_document() -> None:
    with running_exporter(SPLIT) as port:
        document = json.loads(run(port, "json")[0])
    jsonschema.Draft202012Validator(SCHEMA).validate(document)
    assert document["status"] == "critical"


def test_prometheus_is_the_running_exporter_s_exposition() -> None:
    with running_exporter(SPLIT) as port:
        text = run(port, "prometheus")[0]
    families = {family.name for family in prometheus_client.parser.text_string_to_metric_families(text)}
    assert {"dnsha_vip_owned", "process_open_fds"} <= families


def test_nagios_gets_its_line() -> None:
    with running_exporter(SPLIT) as port:
        first, *rest = run(port, "nagios")[0].splitlines()
    assert first.startswith("DNSHA CRITICAL - alpha and beta both own 192.0.2.53 | ok=")
    assert len(rest) == 2


@pytest.mark.parametrize(("only", "code"), [(("containers",), 1), (("peer",), 0), (("containers", "vip"), 2)])
def test_only_what_was_asked_for_is_evaluated(only: tuple[str, ...], code: int) -> None:
    with running_exporter(SPLIT) as port:
        assert run(port, only=only)[1] == code
        document, exit_code = run(port, "json", only=only)
    assert exit_code == code
    assert {one["collector"] for one in json.loads(document)["checks"]} == set(only)


def test_a_collector_that_does_not_run_here_is_unknown() -> None:
    with running_exporter(SPLIT) as port:
        text, code = run(port, only=("sync",))
    assert (text.splitlines()[0], code) == ("UNKNOWN: nothing was checked", 3)


@pytest.mark.parametrize("output", once.FORMATS)
def test_without_an_exporter_it_looks_for_itself(alone: int, output: str) -> None:
    text, code = run(alone, output)
    assert code == 1
    if output == "text":
        assert text.endswith("\ncollected for this answer: no exporter runs on this node\n")
    if output == "json":
        jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(text))
    if output == "prometheus":
        assert "dnsha_vip_owned" in text


def test_a_look_of_its_own_at_a_part_asks_the_peer_too_but_judges_only_that_part(alone: int) -> None:
    document = json.loads(run(alone, "json", only=("vip",))[0])
    assert {one["collector"] for one in document["checks"]} == {"vip"}
    assert {one["name"] for one in document["collectors"]} == {"vip", "peer"}
    assert document["checks"][0]["seen"] == "1 owner of 192.0.2.53"


def test_the_other_node_s_exporter_on_this_port_is_not_believed(alone: int) -> None:
    """Host networking, a tunnel, a wrong EXPORTER_ADDRESS: it answers, but it is not about this node."""
    with running_exporter(SPLIT, name="beta") as port:
        text, code = run(port)
    assert code == 1
    assert text.endswith("\ncollected for this answer: no exporter runs on this node\n")


@pytest.mark.parametrize("output", once.FORMATS)
def test_a_node_on_which_an_exporter_should_serve_is_not_well_without_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, output: str
) -> None:
    """An exporter made its state directory when it served here; now it is dead, and all else is well."""
    monkeypatch.setattr(once, "Application", factory(samples.healthy()))
    port = port_without_server()
    text, code = once.run(settings(port, peer_timeout=0.3, state_directory=tmp_path), output, (), 5.0)
    assert code == 1
    seen = f"no exporter of this node answers on port {port}, so nothing is watched or counted here"
    if output == "text":
        assert text.splitlines()[0] == f"WARNING: {seen}"
        assert "WARNING   exporter.running" in text
        assert f"where none is meant to run any more, remove {tmp_path}" in text
    if output == "nagios":
        assert text.startswith(f"DNSHA WARNING - {seen} | ok=")
    if output == "json":
        document = json.loads(text)
        jsonschema.Draft202012Validator(SCHEMA).validate(document)
        assert document["status"] == "warning"
        assert [c["collector"] for c in document["checks"] if c["id"] == "exporter.running"] == ["exporter"]
    if output == "prometheus":
        assert 'dnsha_check_status{check="exporter.running"} 1.0' in text
        assert "dnsha_status 1.0" in text


def test_where_scripts_alone_look_no_exporter_is_missed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(once, "Application", factory(samples.healthy()))
    never_served = settings(port_without_server(), peer_timeout=0.3, state_directory=tmp_path / "never-made")
    assert once.run(never_served, "text", (), 5.0)[1] == 0


def test_who_asks_for_some_collectors_is_told_of_these_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(once, "Application", factory(samples.healthy()))
    served = settings(port_without_server(), peer_timeout=0.3, state_directory=tmp_path)
    text, code = once.run(served, "json", ("sync",), 5.0)
    assert code == 0
    assert {check["collector"] for check in json.loads(text)["checks"]} == {"sync"}


def test_a_worse_verdict_is_not_softened_by_a_missing_exporter(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(once, "Application", factory(SPLIT))
    served = settings(port_without_server(), peer_timeout=0.3, state_directory=tmp_path)
    assert once.run(served, "text", (), 5.0)[1] == 2


GOOD = json.loads(status_document.build(samples.healthy(), (check(),), Status.OK))


@pytest.mark.parametrize(
    "behaviour",
    [
        sends(b""),
        sends(answer(b"<html>", "404 Not Found")),
        sends(answer(b"<html>")),
        sends(answer(b'{"format": 1}')),
        sends(answer(json.dumps({**GOOD, "time": None}).encode())),
        sends(answer(json.dumps({**GOOD, "time": "now"}).encode())),
        sends(answer(json.dumps({**GOOD, "time": 10**400}).encode())),
        sends(answer(json.dumps({**GOOD, "checks": None}).encode())),
        sends(answer(json.dumps({**GOOD, "checks": [{}]}).encode())),
        floods,
    ],
)
@pytest.mark.parametrize("output", ["text", "json"])
def test_whatever_else_listens_on_this_port_it_looks_for_itself(alone: int, behaviour: Behaviour, output: str) -> None:
    with StandinHttpServer(behaviour) as server:
        assert run(server.port, output)[1] == 1


@pytest.mark.parametrize("when", [0, 2**52, -(2**52)])
def test_an_exporter_with_an_impossible_clock_is_repeated_without_a_traceback(when: int) -> None:
    with StandinHttpServer(sends(answer(json.dumps({**GOOD, "time": when}).encode()))) as server:
        assert run(server.port)[1] == 0


def test_metrics_that_are_no_text_are_not_repeated(alone: int) -> None:
    requests = iter([answer(json.dumps(GOOD).encode()), answer(b"\xff\xfe")])
    with StandinHttpServer(lambda connection, _: connection.sendall(next(requests))) as server:
        text, code = run(server.port, "prometheus")
    assert code == 1
    assert "dnsha_vip_owned" in text


@pytest.mark.parametrize("behaviour", [hangs, drips])
def test_an_exporter_that_hangs_costs_no_more_than_the_time_there_is(alone: int, behaviour: Behaviour) -> None:
    with StandinHttpServer(behaviour) as server:
        began = time.monotonic()
        assert run(server.port, timeout=0.25)[1] == 1
        assert time.monotonic() - began < 2.0


def test_collectors_that_have_no_result_in_time_are_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = samples.status(samples.vips(), failed={"resolve": "the first query is under way"})
    monkeypatch.setattr(once, "Application", factory(waiting))
    began = time.monotonic()
    text, code = run(port_without_server(), timeout=0.3)
    assert time.monotonic() - began < 2.0
    assert code == 3
    assert "UNKNOWN   resolve.data" in text
    assert "the first query is under way" in text
