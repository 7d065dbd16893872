"""What the exporter makes of the advert filter's report: whatever is in the file, and however old it is."""

from __future__ import annotations

import fcntl
import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.collectors.advert_filter import AdvertFilterCollector
from exporter.engine.runtime import RuntimeFiles
from exporter.model.errors import CollectorError, ParseError
from exporter.model.observations import AdvertFilterObservation, Status
from exporter.parsers.advert_filter import parse_advert_filter
from tests.unit import samples
from tests.unit.evaluating import evaluate, the
from tests.unit.hostile import NOT_QUITE_JSON, documents_like, json_values
from tests.unit.samples import NOW

GOOD = {
    "time": NOW,
    "loaded": True,
    "problem": "",
    "dropped": {"ttl": 4, "interval": 0},
    "last_dropped": {"ttl": NOW - 60},
}


@given(st.binary(max_size=100) | json_values.map(lambda v: json.dumps(v).encode()) | documents_like(GOOD))
def test_any_report_is_understood_or_refused(content: bytes) -> None:
    try:
        report = parse_advert_filter(content)
    except ParseError:
        return
    assert math.isfinite(report.time)
    assert report.problem.isprintable()
    assert all(isinstance(count, int) and count >= 0 for count in report.dropped.values())


@pytest.mark.parametrize("content", NOT_QUITE_JSON)
def test_what_is_not_quite_json_is_refused(content: bytes) -> None:
    with pytest.raises(ParseError):
        parse_advert_filter(content)


class Node:
    """A runtime directory with this report."""

    def __init__(self, directory: Path, content: bytes | None = None) -> None:
        self.files = RuntimeFiles(directory)
        self.files.lock.touch()
        self.files.advert_filter.write_bytes(json.dumps(GOOD).encode() if content is None else content)

    def collect(self, now: float = NOW + 1) -> AdvertFilterObservation:
        return AdvertFilterCollector(self.files, lambda: now).collect()

    @contextmanager
    def keepalived(self) -> Iterator[None]:
        """Hold the lock as a living keepalived does."""
        with self.files.lock.open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def test_a_report_is_taken_over(tmp_path: Path) -> None:
    node = Node(tmp_path)
    with node.keepalived():
        assert node.collect() == AdvertFilterObservation(True, NOW, "", {"ttl": 4, "interval": 0}, {"ttl": NOW - 60})


def test_a_dead_keepalived_has_no_filter(tmp_path: Path) -> None:
    assert Node(tmp_path).collect() == AdvertFilterObservation(keepalived_up=False)


@pytest.mark.parametrize("now", [NOW + 51, NOW - 51])
def test_an_old_report_is_not_repeated(tmp_path: Path, now: float) -> None:
    node = Node(tmp_path)
    with node.keepalived():
        assert node.collect(now) == AdvertFilterObservation(True, NOW, None, {}, {})


def test_a_report_that_is_missing_or_garbage_is_named(tmp_path: Path) -> None:
    node = Node(tmp_path, b"\0\0")
    with node.keepalived():
        with pytest.raises(CollectorError, match="is of no use"):
            node.collect()
        node.files.advert_filter.unlink()
        with pytest.raises(CollectorError, match="as new as the exporter's"):
            node.collect()


def verdict(**changes: object) -> tuple[Status, str, str]:
    check = the(evaluate(samples.adverts(**changes)), "vrrp.filter")
    return check.status, check.seen, check.advice


def test_a_filter_with_nothing_to_do_is_well() -> None:
    assert verdict() == (Status.OK, "no advert dropped in the last 10 min", "")


@pytest.mark.parametrize(
    ("reason", "words", "meaning"),
    [
        ("foreign_source", "from another address than 192.0.2.12", "VIRTUAL_ROUTER_ID 53"),
        ("ttl", "of a TTL below 255", "from another network"),
        ("version", "of another VRRP version", "VRRP_PASSWORD"),
        ("interval", "of another interval", "VRRP_ADVERT_INTERVAL"),
        ("priority", "of a priority that the other node cannot have", "NODE_ROLE"),
        ("later_version", "that do not fit (later_version)", "docker compose logs keepalived"),
    ],
)
def test_what_was_dropped_lately_is_named_with_what_it_means(reason: str, words: str, meaning: str) -> None:
    status, seen, advice = verdict(dropped={reason: 3, "other": 9}, last_dropped={reason: NOW - 30, "other": NOW - 999})
    assert (status, seen) == (Status.WARNING, f"VRRP adverts were dropped: {words} (3 so far, the last 30 s ago)")
    assert meaning in advice


@pytest.mark.parametrize(("ago", "status"), [(599, Status.WARNING), (601, Status.OK)])
def test_it_is_told_for_ten_minutes(ago: float, status: Status) -> None:
    assert verdict(dropped={"ttl": 1}, last_dropped={"ttl": NOW - ago})[0] is status


def test_a_filter_that_is_not_loaded_is_a_warning_with_its_reason() -> None:
    status, seen, _ = verdict(problem="it cannot be loaded: nft: Operation not supported")
    assert status is Status.WARNING
    assert (
        seen == "keepalived hears every VRRP advert, forged ones too: it cannot be loaded: nft: Operation not supported"
    )


def test_a_filter_that_nobody_tells_of_is_unknown() -> None:
    status, seen, _ = verdict(problem=None, report_time=NOW - 90, dropped={}, last_dropped={})
    assert (status, seen) == (Status.UNKNOWN, "nothing has been said of the filter for 90 s")


def test_without_keepalived_there_is_no_verdict_about_its_filter() -> None:
    assert not evaluate(AdvertFilterObservation(keepalived_up=False))
