"""What the exporter makes of the DHCP service's report: whatever is in the file, and however old it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.checks import dhcp
from exporter.collectors.dhcp import DhcpCollector
from exporter.model.errors import CollectorError, ParseError
from exporter.model.observations import Check, DhcpObservation, Status
from exporter.parsers.dhcp import parse_dhcp
from stack.dhcp.status import DhcpStatus, publish
from tests.unit import samples
from tests.unit.hostile import NOT_QUITE_JSON, documents_like, json_values
from tests.unit.samples import NOW

GOOD = {
    "time": NOW, "serving": True, "problem": "", "leases": 3, "copied": NOW - 1, "copy_problem": "",
    "foreign": ["192.0.2.1"],
}  # fmt: skip


@given(st.binary(max_size=100) | json_values.map(lambda value: json.dumps(value).encode()) | documents_like(GOOD))
def test_any_report_is_understood_or_refused(content: bytes) -> None:
    try:
        report = parse_dhcp(content)
    except ParseError:
        return
    assert report.problem.isprintable()
    assert report.leases >= 0


@pytest.mark.parametrize("content", NOT_QUITE_JSON)
def test_what_is_not_quite_json_is_refused(content: bytes) -> None:
    with pytest.raises(ParseError):
        parse_dhcp(content)


@pytest.mark.parametrize(
    "change",
    [{"serving": 1}, {"leases": -1}, {"foreign": [1]}, {"foreign": ["router"]}, {"copied": -1}, {"time": None}],
)
def test_a_report_that_makes_no_sense_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ParseError):
        parse_dhcp(json.dumps({**GOOD, **change}).encode())


def test_what_the_service_writes_is_what_is_read(tmp_path: Path) -> None:
    status = DhcpStatus(serving=False, problem="it failed", leases=7, copied=None, copy_problem="no key", foreign=())
    publish(tmp_path / "dhcp.json", NOW - 1, status)
    seen = DhcpCollector(tmp_path / "dhcp.json", lambda: NOW).collect()
    assert seen == DhcpObservation(NOW - 1, serving=False, problem="it failed", leases=7, copied=None,
                                   copy_problem="no key", foreign=())  # fmt: skip


@pytest.mark.parametrize(("now", "says"), [(NOW + 60, "nothing has been said of DHCP for 60 s"), (NOW - 60, "60 s")])
def test_what_is_old_is_not_repeated(tmp_path: Path, now: float, says: str) -> None:
    (tmp_path / "dhcp.json").write_text(json.dumps(GOOD))
    with pytest.raises(CollectorError, match=says):
        DhcpCollector(tmp_path / "dhcp.json", lambda: now).collect()


def test_a_service_that_never_ran_is_told_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(CollectorError, match="docker compose up -d dhcp"):
        DhcpCollector(tmp_path / "dhcp.json").collect()


def judged(owned: bool = True, moved: float = 3600.0, **changes: Any) -> dict[str, Check]:
    vip = samples.vip(device="eth0" if owned else None, usable=owned or None, last_transition=NOW - moved)
    status = samples.status(samples.vips(vip), samples.dhcp(**changes))
    return {one.id: one for one in dhcp.evaluate(status, samples.settings())}


def test_the_owner_serves_and_the_other_one_stands_by() -> None:
    assert {one.status for one in judged().values()} == {Status.OK}
    assert {one.status for one in judged(owned=False, serving=False).values()} == {Status.OK}


@pytest.mark.parametrize(
    ("changes", "check", "verdict"),
    [
        ({"serving": False}, "dhcp.server", Status.CRITICAL),
        ({"serving": False, "moved": 3.0}, "dhcp.server", Status.OK),
        ({"serving": True, "owned": False}, "dhcp.server", Status.WARNING),
        ({"serving": False, "problem": "dnsmasq has ended with 2"}, "dhcp.server", Status.CRITICAL),
        ({"copied": None, "copy_problem": "there is no PAIR_KEY"}, "dhcp.copy", Status.WARNING),
        ({"copied": NOW - 200}, "dhcp.copy", Status.WARNING),
        ({"foreign": ("192.0.2.1",)}, "dhcp.foreign", Status.WARNING),
    ],
)
def test_what_is_not_well_is_told_and_what_to_do(changes: dict[str, Any], check: str, verdict: Status) -> None:
    found = judged(**changes)[check]
    assert found.status is verdict
    assert verdict is Status.OK or found.advice


def test_a_standalone_node_has_nobody_to_copy_from() -> None:
    status = samples.status(samples.vips(), samples.dhcp(copied=None))
    assert "dhcp.copy" not in {one.id for one in dhcp.evaluate(status, samples.settings(peer_ip=None))}
