"""The event log's lines, as the recorder wrote them beside real keepalived, and as nobody should."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.model.errors import ParseError
from exporter.model.observations import VrrpState
from exporter.parsers.keepalived_events import MAXIMUM_INSTANCES, RECENT_EVENTS, History
from tests.unit.hostile import NOT_QUITE_JSON, documents_like, json_values

FIXTURES = Path(__file__).parents[1] / "fixtures" / "keepalived"
BACKUP, MASTER, FAULT, STOPPED, INIT = (
    VrrpState.BACKUP,
    VrrpState.MASTER,
    VrrpState.FAULT,
    VrrpState.STOPPED,
    VrrpState.INIT,
)


def line(sequence: int, message: str, time: float = 1000.0) -> bytes:
    return json.dumps({"seq": sequence, "time": time + sequence, "message": message}).encode()


def checkpoint(sequence: int, time: float, **counted: tuple[int, int, str]) -> bytes:
    """A rotated log's first line; each argument is a kind's count, last sequence number and last message."""
    counts = {kind: count for kind, (count, _, _) in counted.items()}
    last = {kind: {"seq": seq, "time": 1000.0 + seq, "message": text} for kind, (_, seq, text) in counted.items()}
    return json.dumps({"seq": sequence, "time": time, "checkpoint": {"counts": counts, "last": last}}).encode()


def read(history: History, lines: Iterable[bytes]) -> History:
    history.begin_log()
    for each in lines:
        history.add_line(each)
    return history


def recorded(version: str) -> list[bytes]:
    return (FIXTURES / version / "events.jsonl").read_bytes().splitlines()


@pytest.mark.parametrize("version", ["2.2.7", "2.3.3"])
def test_the_whole_story_of_a_recorded_keepalived_is_told(version: str) -> None:
    history = read(History(), recorded(version))
    assert (history.version, history.starts, history.child_exits) == (version, 1, 1)
    assert {name: i.transitions for name, i in history.instances.items()} == {
        # up, outvoted by the neighbour, back; again after its process was killed; stopped
        "VI_1": {BACKUP: 3, MASTER: 3, STOPPED: 1},
        "VI_6": {BACKUP: 3, MASTER: 3, STOPPED: 1},
        "VI_PASS": {BACKUP: 2, MASTER: 2, STOPPED: 1},
        "VI_LINK": {BACKUP: 1, MASTER: 1, FAULT: 2, STOPPED: 1},
    }
    assert {i.state for i in history.instances.values()} == {STOPPED}


@pytest.mark.parametrize("version", ["2.2.7", "2.3.3"])
def test_a_failing_check_and_a_drain_change_the_priority_and_not_the_state(version: str) -> None:
    history = History()
    priorities = []
    for each in recorded(version):
        history.add_line(each)
        instance = history.instances.get("VI_1")
        if instance is not None and b"PRIORITY" in each:
            priorities.append((instance.state, instance.priority))
    assert priorities == [(MASTER, 190), (MASTER, 250), (MASTER, 150), (MASTER, 250)]


def test_lower_priorities_that_a_newer_keepalived_tells_of_change_nothing() -> None:
    history = read(History(), recorded("2.3.3")[:20])
    assert history.recent[-1].message == 'INSTANCE "VI_PASS" MASTER_RX_LOWER_PRI 240'
    assert history.instances["VI_PASS"].transitions == {BACKUP: 1, MASTER: 1}


def test_an_instance_that_lost_its_link_is_in_fault() -> None:
    history = read(History(), [each for each in recorded("2.2.7") if b"STOP" not in each])
    assert history.instances["VI_LINK"].state is FAULT


def test_a_transition_has_the_time_of_its_line_though_the_priority_changed_since() -> None:
    history = read(History(), [line(1, 'INSTANCE "VI_1" MASTER 250'), line(2, 'INSTANCE "VI_1" MASTER_PRIORITY 190')])
    assert history.instances["VI_1"].last_transition == 1001.0
    assert history.last_event == 1002.0


def test_a_keepalived_that_starts_anew_knows_nothing_of_its_states_of_before() -> None:
    history = read(History(), [line(1, "KEEPALIVED START 2.3.3"), line(2, 'INSTANCE "VI_1" MASTER 250')])
    history.add_line(line(3, "KEEPALIVED START 2.3.4"))
    assert (history.instances["VI_1"].state, history.version, history.starts) == (INIT, "2.3.4", 2)
    assert history.last_start == 1003.0


def test_a_line_that_is_read_twice_counts_once() -> None:
    history = read(History(), [line(1, 'INSTANCE "VI_1" MASTER 250')] * 2)
    read(history, [line(1, 'INSTANCE "VI_1" MASTER 250'), line(2, 'INSTANCE "VI_1" BACKUP 250')])
    assert history.instances["VI_1"].transitions == {MASTER: 1, BACKUP: 1}


def test_the_log_that_follows_a_rotation_hands_on_the_counts() -> None:
    first = [line(1, 'INSTANCE "VI_1" MASTER 250'), line(2, 'INSTANCE "VI_1" BACKUP 250')]
    rotated = [
        checkpoint(
            4, 1010.0, a=(2, 3, 'INSTANCE "VI_1" MASTER 250'), b=(2, 4, 'INSTANCE "VI_1" BACKUP 240')
        ),  # lines 3 and 4 were written and rotated away before anybody read them
        line(5, 'INSTANCE "VI_1" MASTER 250'),
    ]
    seen = read(read(History(), first), rotated)
    fresh = read(History(), rotated)
    for history in (seen, fresh):
        assert history.instances["VI_1"].transitions == {MASTER: 3, BACKUP: 2}
        assert (history.instances["VI_1"].state, history.instances["VI_1"].last_transition) == (MASTER, 1005.0)


def test_the_state_handed_on_is_the_latest_of_all_kinds() -> None:
    text = ('INSTANCE "VI_1" MASTER 250', 'INSTANCE "VI_1" BACKUP 250', "KEEPALIVED START 2.3.3")
    history = read(History(), [checkpoint(9, 1010.0, m=(4, 8, text[0]), b=(4, 7, text[1]), k=(2, 6, text[2]))])
    assert history.instances["VI_1"].state is MASTER
    history = read(History(), [checkpoint(9, 1010.0, m=(4, 7, text[0]), b=(4, 8, text[1]), k=(2, 9, text[2]))])
    assert history.instances["VI_1"].state is INIT


def test_a_log_that_begins_anew_is_counted_on_top_of_the_old_one() -> None:
    old = [line(number, 'INSTANCE "VI_1" MASTER 250') for number in range(1, 6)]
    new = [line(number, 'INSTANCE "VI_1" MASTER 250', time=5000.0) for number in range(1, 3)]
    history = read(read(History(), old), new)
    assert history.instances["VI_1"].transitions == {MASTER: 7}


def test_a_log_that_goes_on_after_somebody_removed_it_is_counted_on() -> None:
    history = read(History(), [line(1, 'INSTANCE "VI_1" MASTER 250')])
    read(history, [line(2, 'INSTANCE "VI_1" BACKUP 250')])
    assert history.instances["VI_1"].transitions == {MASTER: 1, BACKUP: 1}


def resumed(saved: History) -> History:
    history = History()
    history.resume(saved.save())
    return history


def test_an_exporter_that_comes_back_counts_the_same_log_once() -> None:
    old = [line(number, 'INSTANCE "VI_1" MASTER 250') for number in range(1, 4)]
    again = read(resumed(read(History(), old)), [*old, line(4, 'INSTANCE "VI_1" MASTER 250')])
    assert again.instances["VI_1"].transitions == {MASTER: 4}


def test_an_exporter_that_comes_back_counts_another_log_from_its_first_line_on() -> None:
    old = [line(number, 'INSTANCE "VI_1" MASTER 250') for number in range(1, 4)]
    new = [line(number, 'INSTANCE "VI_1" MASTER 250', time=5000.0) for number in range(1, 3)]
    again = read(resumed(read(History(), old)), new)
    assert again.instances["VI_1"].transitions == {MASTER: 5}


def test_counters_never_go_back_when_a_log_that_began_anew_rotates() -> None:
    old = [line(1, "KEEPALIVED START 2.3.3")]
    old += [line(number, 'INSTANCE "VI_1" MASTER 250') for number in range(2, 12)] + [
        line(12, "KEEPALIVED CHILD_EXIT -")
    ]
    history = read(read(History(), old), [line(1, 'INSTANCE "VI_1" MASTER 250', time=5000.0)])
    assert history.instances["VI_1"].transitions == {MASTER: 11}
    read(history, [checkpoint(3, 6000.0, m=(3, 3, 'INSTANCE "VI_1" MASTER 250'))])
    assert history.instances["VI_1"].transitions == {MASTER: 13}
    read(history, [checkpoint(4, 7000.0, m=(4, 4, 'INSTANCE "VI_1" MASTER 250'))])
    assert history.instances["VI_1"].transitions == {MASTER: 14}
    assert (history.starts, history.child_exits) == (1, 1)


def test_counters_never_go_back_when_another_log_with_a_checkpoint_takes_the_place() -> None:
    history = read(History(), [line(number, 'INSTANCE "VI_1" MASTER 250') for number in range(1, 10)])
    read(history, [checkpoint(2, 5000.0, m=(2, 2, 'INSTANCE "VI_2" MASTER 250'))])
    assert history.instances["VI_1"].transitions == {MASTER: 9}
    assert history.instances["VI_2"].transitions == {MASTER: 2}


def test_only_the_latest_events_are_kept() -> None:
    history = read(History(), [line(number, f'INSTANCE "VI_1" MASTER {number % 256}') for number in range(1, 500)])
    assert len(history.recent) == RECENT_EVENTS
    assert history.recent[-1].time == 1499.0


@pytest.mark.parametrize(
    "message",
    [
        "",
        "INSTANCE",
        "INSTANCE VI_1 MASTER 250",
        'INSTANCE "VI_1" MASTER',
        'INSTANCE "VI_1" MASTER 2500',
        'INSTANCE "VI_1" MASTER 250 and more',
        'INSTANCE "" MASTER 250',
        f'INSTANCE "{"x" * 129}" MASTER 250',
        'INSTANCE "a" b" MASTER 250',
        'INSTANCE "VI_1" MASTER ²',
        "KEEPALIVED EXPLODES 1",
        "KEEPALIVED START",
        'GROUP "VG_1" MASTER 250',
    ],
)
def test_a_message_of_another_form_is_kept_for_people_and_counts_nothing(message: str) -> None:
    history = read(History(), [line(1, message)])
    assert (history.instances, history.starts, history.version) == ({}, 0, None)
    assert history.recent[-1].message == message[:256]


def test_a_flood_of_instances_is_bounded() -> None:
    history = read(History(), [line(number, f'INSTANCE "VI_{number}" MASTER 250') for number in range(1, 1000)])
    assert len(history.instances) == MAXIMUM_INSTANCES


@pytest.mark.parametrize(
    "content",
    [
        *NOT_QUITE_JSON,
        b"[]",
        b'"INSTANCE"',
        b'{"message": "KEEPALIVED START 2.3.3"}',
        b'{"seq": 1, "message": "KEEPALIVED START 2.3.3"}',
        b'{"seq": -1, "time": 1, "message": "KEEPALIVED START 2.3.3"}',
        b'{"seq": 9007199254740992, "time": 1, "message": "KEEPALIVED START 2.3.3"}',
        b'{"seq": 1.0, "time": 1, "message": "KEEPALIVED START 2.3.3"}',
        b'{"seq": true, "time": 1, "message": "KEEPALIVED START 2.3.3"}',
        b'{"seq": 1, "time": 1e999, "message": "KEEPALIVED START 2.3.3"}',
        b'{"seq": 1, "time": "now", "message": "KEEPALIVED START 2.3.3"}',
        b'{"seq": 1, "time": 1, "checkpoint": []}',
        b'{"seq": 1, "time": 1, "checkpoint": {"counts": [], "last": {}}}',
        b'{"seq": 1, "time": 1, "checkpoint": {"counts": {}, "last": {"a": {"seq": 1, "time": 1}}}}',
        b'{"seq": 1, "time": 1, "checkpoint": {"counts": {"a": 0}, "last": {"a": {"seq": 1, "time": 1}}}}',
        b'{"seq": 1, "time": 1, "checkpoint": {"counts": {"a": 1}, "last": {"a": 1}}}',
    ],
    ids=lambda content: content[:60].decode("latin-1"),
)
def test_a_line_that_the_recorder_did_not_write_changes_nothing(content: bytes) -> None:
    history = read(History(), [line(1, "KEEPALIVED START 2.3.3"), line(2, 'INSTANCE "VI_1" MASTER 250')])
    with pytest.raises(ParseError):
        history.add_line(content)
    assert history.instances["VI_1"].transitions == {MASTER: 1}
    assert (history.starts, history.last_event) == (1, 1002.0)


EXAMPLE: Any = json.loads(checkpoint(9, 1010.0, m=(4, 8, 'INSTANCE "VI_1" MASTER 250'), k=(2, 6, "KEEPALIVED START 1")))


@given(
    st.lists(
        st.binary(max_size=60)
        | json_values.map(lambda value: json.dumps(value).encode())
        | documents_like(EXAMPLE)
        | documents_like({"seq": 3, "time": 1003.0, "message": 'INSTANCE "VI_1" BACKUP 240'}),
        max_size=8,
    )
)
def test_whatever_lines_come_each_is_taken_or_refused_and_no_count_is_negative(lines: list[bytes]) -> None:
    history = History()
    history.begin_log()
    for each in lines:
        try:
            history.add_line(each)
        except ParseError:
            continue
    assert history.starts >= 0
    assert all(count > 0 for i in history.instances.values() for count in i.transitions.values())


@given(st.data())
def test_counters_never_go_back_whatever_becomes_of_the_log(data: st.DataObject) -> None:
    """A recorder writes, rotates, is replaced by one without memory; the exporter looks whenever it likes."""
    history = History()
    now, sequence, masters = 0.0, 0, 0
    lines: list[bytes] = []
    seen = read_up_to = 0
    for step in data.draw(st.lists(st.sampled_from(["event", "rotate", "anew", "read"]), max_size=25)):
        now += 1.0
        if step == "event":
            sequence, masters = sequence + 1, masters + 1
            entry = {"seq": sequence, "time": now, "message": 'INSTANCE "VI_1" MASTER 250'}
            lines.append(json.dumps(entry).encode())
        elif step == "rotate" and masters:
            last = {"seq": sequence, "time": now, "message": 'INSTANCE "VI_1" MASTER 250'}
            written = {"seq": sequence, "time": now, "checkpoint": {"counts": {"m": masters}, "last": {"m": last}}}
            lines, read_up_to = [json.dumps(written).encode()], 0
        elif step == "anew":
            lines, read_up_to, sequence, masters = [], 0, 0, 0
        elif step == "read":
            if not read_up_to:
                history.begin_log()
            for each in lines[read_up_to:]:
                history.add_line(each)
            read_up_to = len(lines)
            counted = history.instances["VI_1"].transitions[MASTER] if history.instances else 0
            assert counted >= max(seen, masters)
            seen = counted
