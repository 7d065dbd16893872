"""Given a wire watch that was killed, when it is started again, then it goes on with what it had counted and named."""

from __future__ import annotations

import json
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest

from exporter.engine.runtime import RuntimeFiles
from stack.keepalived.wire.nodes import Nodes
from stack.keepalived.wire.owners import Owners
from stack.keepalived.wire.report import WireReporter
from stack.keepalived.wire.resume import resume
from stack.keepalived.wire.speakers import Speakers
from tests.unit.test_wire_speakers import OWN

VIP = IPv4Address("192.0.2.53")
WALL = 1_800_000_000.0
FOREIGN = {"hardware": "02:00:00:00:00:64", "lasting": False, "first": WALL - 60, "last": WALL - 40}
STRANGER = {
    "kind": "stranger",
    "source": "192.0.2.99",
    "hardware": "02:00:00:00:00:63",
    "way": "multicast",
    "mixed": False,
    "settled": False,
    "lasting": False,
    "first": WALL - 300,
    "last": WALL - 200,
    "count": 17,
    "seen": ["VRRPv3, virtual router 53, priority 200"],
}
LAST = {
    "time": WALL - 1,
    "problem": "",
    "dropped": 3,
    "announcements": 5,
    "peer": ["02:00:00:00:00:0c"],
    "addresses": {"192.0.2.53": {"replies": 7, "split": False, "foreign": FOREIGN}},
    "adverts": {"foreign_source": 17, "forged": 2},
    "senders": [STRANGER],
}


def told_after_a_restart(folder: Path, content: bytes | None, *, findings: bool = True) -> dict[str, Any]:
    """What a new watch writes at once, which has heard nothing yet."""
    files = RuntimeFiles(folder)
    if content is not None:
        files.wire.write_bytes(content)
    nodes = Nodes(OWN.address, OWN.peer)
    owners, speakers = Owners([VIP], nodes, print), Speakers(OWN, nodes, lambda: None, print)
    reporter = WireReporter(files, owners, speakers, nodes, clock=lambda: WALL)
    resume(files, owners, speakers, reporter, now=50.0, clock=lambda: WALL, findings=findings)
    reporter.tell(50.0, "")
    document: dict[str, Any] = json.loads(files.wire.read_bytes())
    return document


def test_counters_and_findings_go_on(tmp_path: Path) -> None:
    found = told_after_a_restart(tmp_path, json.dumps(LAST).encode())
    assert (found["dropped"], found["announcements"]) == (3, 5)
    assert found["addresses"] == LAST["addresses"]
    assert {reason: count for reason, count in found["adverts"].items() if count} == {"foreign_source": 17, "forged": 2}
    assert found["senders"] == [STRANGER]


def test_with_keepalived_itself_begins_what_is_found_but_no_counter(tmp_path: Path) -> None:
    found = told_after_a_restart(tmp_path, json.dumps(LAST).encode(), findings=False)
    assert found["addresses"] == {"192.0.2.53": {"replies": 7, "split": False, "foreign": None}}
    assert (found["dropped"], found["adverts"]["foreign_source"], found["senders"]) == (3, 17, [])


def test_what_was_said_in_the_future_was_said_now(tmp_path: Path) -> None:
    ahead = {**LAST, "senders": [{**STRANGER, "first": WALL + 3600, "last": WALL + 3600}]}
    found = told_after_a_restart(tmp_path, json.dumps(ahead).encode())
    assert [(one["first"], one["last"]) for one in found["senders"]] == [(WALL, WALL)]


@pytest.mark.parametrize("content", [None, b"", b"\0" * 50, b"{}", json.dumps({**LAST, "dropped": -1}).encode()])
def test_without_a_report_that_makes_sense_it_begins(tmp_path: Path, content: bytes | None) -> None:
    found = told_after_a_restart(tmp_path, content)
    assert (found["dropped"], found["announcements"], found["senders"]) == (0, 0, [])
    assert found["addresses"]["192.0.2.53"]["replies"] == 0


def test_an_address_that_is_no_virtual_ip_any_more_is_left_out(tmp_path: Path) -> None:
    other = {"replies": 7, "split": False, "foreign": None}
    moved = {**LAST, "addresses": {"192.0.2.54": other, "rubbish": other}}
    found = told_after_a_restart(tmp_path, json.dumps(moved).encode())
    assert list(found["addresses"]) == ["192.0.2.53"]
    assert found["dropped"] == 3
