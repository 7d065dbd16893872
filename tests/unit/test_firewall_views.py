"""What the exporter makes of the firewall's report: whatever is in the file, and however old it is."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.collectors.firewall import FirewallCollector
from exporter.model.errors import CollectorError, ParseError
from exporter.model.observations import FirewallObservation, Status
from exporter.parsers.firewall import parse_firewall
from tests.unit import samples
from tests.unit.evaluating import evaluate, the
from tests.unit.hostile import NOT_QUITE_JSON, documents_like, json_values
from tests.unit.samples import NOW

GOOD = {"time": NOW, "state": "loaded", "problem": "", "closed": [9090, 9093]}
FAILED = {**GOOD, "state": "failed", "problem": "it cannot be loaded: nft: Operation not supported"}


@given(
    st.binary(max_size=100)
    | json_values.map(lambda value: json.dumps(value).encode())
    | documents_like(GOOD)
    | documents_like(FAILED)
)
def test_any_report_is_understood_or_refused(content: bytes) -> None:
    try:
        report = parse_firewall(content)
    except ParseError:
        return
    assert math.isfinite(report.time)
    assert report.problem.isprintable()
    assert bool(report.problem) == (report.state == "failed")
    assert all(0 < port < 65536 for port in report.closed)


@pytest.mark.parametrize("content", NOT_QUITE_JSON)
def test_what_is_not_quite_json_is_refused(content: bytes) -> None:
    with pytest.raises(ParseError):
        parse_firewall(content)


@pytest.mark.parametrize(
    "change",
    [{"state": "perhaps"}, {"problem": "but"}, {"closed": [0]}, {"closed": [True]}, {"closed": [1] * 65}, {"time": -1}],
)
def test_a_report_that_contradicts_itself_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ParseError):
        parse_firewall(json.dumps({**GOOD, **change}).encode())


@pytest.mark.parametrize("port", [1, 65535])
def test_the_first_and_the_last_port_may_be_closed(port: int) -> None:
    assert parse_firewall(json.dumps({**GOOD, "closed": [port]}).encode()).closed == (port,)


def look(directory: Path, content: bytes | None, now: float = NOW + 1) -> FirewallObservation:
    path = directory / "firewall.json"
    if content is not None:
        path.write_bytes(content)
    return FirewallCollector(path, lambda: now).collect()


def test_a_report_is_taken_over(tmp_path: Path) -> None:
    assert look(tmp_path, json.dumps(GOOD).encode()) == FirewallObservation(NOW, "loaded", "", (9090, 9093))


@pytest.mark.parametrize("now", [NOW + 51, NOW - 51])
def test_an_old_report_that_all_is_well_is_not_repeated(tmp_path: Path, now: float) -> None:
    with pytest.raises(CollectorError, match="nothing has been said of the firewall for 51 s; docker compose up"):
        look(tmp_path, json.dumps(GOOD).encode(), now)


def test_why_it_ended_stays_the_answer(tmp_path: Path) -> None:
    stopped = {**FAILED, "problem": "its service was stopped"}
    assert look(tmp_path, json.dumps(stopped).encode(), NOW + 9999).problem == "its service was stopped"


@pytest.mark.parametrize(("content", "said"), [(None, "has not run since the boot"), (b"\0\0", "is of no use")])
def test_a_report_that_is_missing_or_garbage_is_named(tmp_path: Path, content: bytes | None, said: str) -> None:
    with pytest.raises(CollectorError, match=said):
        look(tmp_path, content)


def test_a_loaded_firewall_is_well_and_says_what_it_closes() -> None:
    check = the(evaluate(samples.firewall()), "firewall.loaded")
    assert (check.status, check.seen) == (Status.OK, "loaded; closed to the LAN: 9090, 9093, 9094, 9100, 9754")


def test_a_firewall_that_is_not_loaded_is_a_warning_with_open_ports_and_reason() -> None:
    check = the(evaluate(samples.firewall(state="failed", problem="it cannot be loaded: nft: no")), "firewall.loaded")
    assert check.status is Status.WARNING
    assert check.seen == (
        "not loaded: it cannot be loaded: nft: no; "
        "open to the LAN, unless another firewall closes them: 9090, 9093, 9094, 9100, 9754"
    )
    assert "modprobe nf_tables" in check.advice


def test_a_service_that_is_off_while_it_should_be_on_is_a_warning() -> None:
    assert the(evaluate(samples.firewall(state="off")), "firewall.loaded").status is Status.WARNING


def test_on_a_node_whose_owner_has_switched_it_off_nobody_judges_it() -> None:
    assert not [check for check in evaluate(samples.vips()) if check.collector == "firewall"]
