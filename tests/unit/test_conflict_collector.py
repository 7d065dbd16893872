"""What the exporter makes of the wire watch's report: whatever is in the file, and however old it is."""

from __future__ import annotations

import fcntl
import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.collectors.conflict import ConflictCollector
from exporter.engine.runtime import RuntimeFiles
from exporter.model.errors import CollectorError, ParseError
from exporter.model.observations import Advertiser, AdvertiserKind, Conflict, ConflictObservation, ForeignDevice
from exporter.parsers.wire_report import parse_wire_report
from tests.unit.hostile import NOT_QUITE_JSON, documents_like, json_values
from tests.unit.samples import NOW, VIP

DEVICE = {"hardware": "02:00:00:00:00:64", "lasting": True, "first": NOW - 60, "last": NOW - 1}
SENDER = {
    "kind": "forged",
    "source": "192.0.2.12",
    "hardware": "02:00:00:00:00:64",
    "way": "unicast",
    "mixed": False,
    "settled": False,
    "lasting": False,
    "first": NOW - 90,
    "last": NOW - 80,
    "count": 3,
    "seen": ["its interval is 40.95 s, this node's 0.05 s"],
}
GOOD: dict[str, Any] = {
    "time": NOW,
    "problem": "",
    "dropped": 5,
    "announcements": 2,
    "peer": ["02:00:00:00:00:0c"],
    "addresses": {VIP: {"replies": 7, "split": False, "foreign": DEVICE}},
    "adverts": {"forged": 3},
    "senders": [SENDER],
}


@given(st.binary(max_size=100) | json_values.map(lambda v: json.dumps(v).encode()) | documents_like(GOOD))
def test_any_report_is_understood_or_refused(content: bytes) -> None:
    try:
        report = parse_wire_report(content)
    except ParseError:
        return
    assert math.isfinite(report.time)
    assert report.problem.isprintable()
    assert all(text.isprintable() for one in report.advertisers for text in (one.source, one.way, *one.seen))
    assert all(count >= 0 for count in report.advertisements.values())


@pytest.mark.parametrize("content", NOT_QUITE_JSON)
def test_what_is_not_quite_json_is_refused(content: bytes) -> None:
    with pytest.raises(ParseError):
        parse_wire_report(content)


@pytest.mark.parametrize(
    "part",
    [
        {"senders": [{**SENDER, "kind": "somebody"}]},
        {"senders": [{**SENDER, "hardware": "02:00"}]},
        {"senders": [SENDER] * 65},
        {"adverts": {"Forged!": 3}},
        {"addresses": {VIP: {"replies": -1, "split": False, "foreign": None}}},
        {"time": 1e300},
    ],
)
def test_one_part_that_makes_no_sense_spoils_the_whole(part: dict[str, Any]) -> None:
    with pytest.raises(ParseError):
        parse_wire_report(json.dumps({**GOOD, **part}).encode())


@contextmanager
def living(files: RuntimeFiles) -> Iterator[None]:
    """A keepalived that holds its lock."""
    with files.lock.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def collect(directory: Path, content: bytes | None, now: float = NOW + 1) -> ConflictObservation:
    """What is told of a report beside a living keepalived."""
    files = RuntimeFiles(directory)
    if content is not None:
        files.wire.write_bytes(content)
    with living(files):
        return ConflictCollector(files, lambda: now).collect()


def test_a_report_is_told_as_it_is(tmp_path: Path) -> None:
    assert collect(tmp_path, json.dumps(GOOD).encode()) == ConflictObservation(
        keepalived_up=True,
        conflicts=(
            Conflict(
                VIP,
                "02:00:00:00:00:64",
                7,
                ForeignDevice("02:00:00:00:00:64", lasting=True, first=NOW - 60, last=NOW - 1),
                split=False,
            ),
        ),
        advertisements={"forged": 3},
        advertisers=(
            Advertiser(
                AdvertiserKind.FORGED,
                "192.0.2.12",
                "02:00:00:00:00:64",
                "unicast",
                mixed=False,
                settled=False,
                lasting=False,
                first=NOW - 90,
                last=NOW - 80,
                count=3,
                seen=("its interval is 40.95 s, this node's 0.05 s",),
            ),
        ),
        announcements=2,
        dropped_frames=5,
    )


def test_a_device_that_has_gone_is_no_owner_of_now(tmp_path: Path) -> None:
    gone = {VIP: {"replies": 7, "split": True, "foreign": {**DEVICE, "lasting": False}}}
    (conflict,) = collect(tmp_path, json.dumps({**GOOD, "addresses": gone}).encode()).conflicts
    assert (conflict.foreign_owner, conflict.split) == (None, True)
    assert conflict.foreign is not None


@pytest.mark.parametrize(
    "content, now, said",
    [
        (None, NOW, "wire.json does not exist; run a keepalived image as new as the exporter's"),
        (b"{", NOW, "is of no use"),
        (json.dumps(GOOD).encode(), NOW + 9, "said something last 9 s ago"),
        (json.dumps({**GOOD, "problem": "eth0 is down"}).encode(), NOW, "^eth0 is down$"),
    ],
)
def test_what_is_not_known_is_not_told(tmp_path: Path, content: bytes | None, now: float, said: str) -> None:
    with pytest.raises(CollectorError, match=said):
        collect(tmp_path, content, now)


def test_beside_a_dead_keepalived_nobody_looks(tmp_path: Path) -> None:
    files = RuntimeFiles(tmp_path)
    files.wire.write_bytes(json.dumps(GOOD).encode())
    assert ConflictCollector(files, lambda: NOW).collect() == ConflictObservation(keepalived_up=False)
