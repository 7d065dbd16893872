"""What Docker's events mean, and how often each happened."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.model.errors import ParseError
from exporter.parsers.container import ACTIONS, ContainerEvent, parse_event
from exporter.parsers.container_events import EventTally
from tests.unit.standin_docker_daemon import event, identifier
from tests.unit.test_container_parser import FIXTURES, JSON, VERSIONS


def line(name: str = "pihole", action: str = "die", nanoseconds: int = 1_772_366_400_000_000_001, **more: Any) -> bytes:
    return json.dumps(event(name, action, nanoseconds, **more)).encode()


def test_an_event_tells_whom_when_and_what() -> None:
    assert parse_event(line()) == ContainerEvent(identifier("pihole"), ("pihole",), "die", 1_772_366_400_000_000_001)


def test_a_change_of_health_is_an_action_without_blanks() -> None:
    seen = parse_event(line(action="health_status: unhealthy"))
    assert seen is not None
    assert seen.action == "health_status_unhealthy"


def test_a_rename_concerns_both_names() -> None:
    seen = parse_event(line(name="unbound-old", action="rename", oldName="/unbound"))
    assert seen is not None
    assert seen.names == ("unbound-old", "unbound")


@pytest.mark.parametrize(
    "action", ["exec_create: /busybox sh", "exec_start: x", "exec_die", "top", "attach", "health_status: starting"]
)
def test_what_is_none_of_a_containers_life_is_no_event(action: str) -> None:
    assert parse_event(line(action=action)) is None


def test_what_happens_to_networks_is_no_event() -> None:
    assert parse_event(b'{"Type":"network","Action":"connect","Actor":{"ID":"5f"},"timeNano":1}') is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"nonsense",
        b"\xff\xfe",
        b"[]",
        b"[" * 100_000,
        b'{"timeNano":' + b"9" * 5000 + b"}",
        b'{"Type":"container"}',
        b'{"Type":"container","Action":["die"]}',
        b'{"Type":"container","Action":"die","Actor":[]}',
        b'{"Type":"container","Action":"die","Actor":{"ID":"0123456789ab","Attributes":null}}',
        b'{"Type":"container","Action":"die","Actor":{"ID":"0123456789ab","Attributes":{}},"timeNano":"1"}',
        b'{"Type":"container","Action":"die","Actor":{"ID":"0123456789ab","Attributes":{}},"timeNano":NaN}',
        b'{"Type":"container","Action":"die","Actor":{"ID":"no","Attributes":{}},"timeNano":1}',
    ],
)
def test_a_line_that_makes_no_sense_is_refused(content: bytes) -> None:
    with pytest.raises(ParseError, match="Docker's event"):
        parse_event(content)


@given(st.binary() | JSON.map(lambda document: json.dumps(document).encode()))
def test_any_line_is_an_event_or_none_or_refused(content: bytes) -> None:
    with contextlib.suppress(ParseError):
        assert isinstance(parse_event(content), ContainerEvent | None)


@pytest.mark.parametrize("version", VERSIONS)
def test_recorded_events_count_what_happened_and_no_executions(version: str) -> None:
    lines = (FIXTURES / version / "events.jsonl").read_bytes().splitlines()
    assert any(b"exec_create" in line for line in lines)
    events = Counter(
        (name, seen.action) for line in lines if (seen := parse_event(line)) is not None for name in seen.names
    )
    assert {action for _, action in events} <= set(ACTIONS)
    assert events["removed", "destroy"] == events["removed", "start"] == events["removed", "create"] == 1
    assert (events["killed", "kill"], events["killed", "die"]) == (1, 1)
    assert (events["paused", "pause"], events["paused", "unpause"]) == (1, 0)
    assert (events["oom", "die"], events["oom", "oom"] >= 1) == (1, True)
    assert events["healthy", "health_status_healthy"] == 1
    assert events["unhealthy", "health_status_unhealthy"] == 1
    assert events["restarting", "start"] == events["restarting", "die"] > 3


# Their count


def happened(name: str, action: str, nanoseconds: int, *more: str) -> ContainerEvent:
    return ContainerEvent(identifier(name), (name, *more), action, nanoseconds)


def test_nothing_has_happened_at_first() -> None:
    assert EventTally(["pihole"]).counts("pihole") == dict.fromkeys(ACTIONS, 0)


def test_an_event_that_is_repeated_counts_once() -> None:
    tally = EventTally(["pihole"])
    assert tally.add(happened("pihole", "die", 5))
    assert not tally.add(happened("pihole", "die", 5))
    assert tally.add(happened("pihole", "die", 6))
    assert tally.counts("pihole")["die"] == 2


def test_events_of_other_containers_do_not_count() -> None:
    tally = EventTally(["pihole"])
    assert not tally.add(happened("grafana", "die", 5))
    assert not any(tally.counts("pihole").values())


def test_a_name_given_to_another_container_counts_where_it_is_expected() -> None:
    tally = EventTally(["pihole"])
    assert tally.add(happened("pihole-old", "rename", 5, "pihole"))
    assert tally.counts("pihole")["rename"] == 1


def test_events_are_heard_from_the_start_and_later_from_just_before_the_last_one() -> None:
    tally = EventTally(["pihole"])
    tally.begin(1000.0)
    assert tally.resume_from(1000.0) == tally.resume_from(5000.0) == 1000.0
    tally.add(happened("pihole", "die", 3000 * 10**9))
    assert 2990.0 < tally.resume_from(5000.0) < 3000.0


def test_a_clock_that_was_set_back_hides_no_events() -> None:
    tally = EventTally(["pihole"])
    tally.begin(1000.0)
    tally.add(happened("pihole", "die", 3000 * 10**9))
    assert tally.resume_from(2000.0) <= 2000.0


@given(st.lists(st.integers(0, 50), max_size=200))
def test_every_different_event_counts_once_in_any_order(moments: list[int]) -> None:
    tally = EventTally(["pihole"])
    for moment in moments:
        tally.add(happened("pihole", "die", moment))
    assert tally.counts("pihole")["die"] == len(set(moments))


def test_the_memory_of_events_is_bounded() -> None:
    tally = EventTally(["pihole"])
    for moment in range(5000):
        tally.add(happened("pihole", "die", moment))
    assert tally.counts("pihole")["die"] == 5000
    assert len(tally._seen) < 1100
