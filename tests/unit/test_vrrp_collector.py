"""VRRP on this node, from what keepalived's side leaves in the runtime directory, in whatever state that is."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from exporter.collectors.vrrp import NEWER_DUMP_SECONDS, STALE_DUMP_SECONDS, VrrpCollector
from exporter.engine.runtime import RuntimeFiles
from exporter.model.errors import CollectorError
from exporter.model.observations import VrrpInstance, VrrpObservation, VrrpState
from exporter.sources.event_log import EventLog
from tests.unit.unprivileged import unprivileged, world_readable_directory

FIXTURE = Path(__file__).parents[1] / "fixtures" / "keepalived" / "2.3.3"
DUMP_TIME = 1_795_387_544.5  # a moment after the last transition in the recorded dump
BACKUP, MASTER, FAULT, STOPPED = VrrpState.BACKUP, VrrpState.MASTER, VrrpState.FAULT, VrrpState.STOPPED


@dataclass
class Clock:
    now: float = DUMP_TIME + 1

    def __call__(self) -> float:
        return self.now


class Node:
    """A runtime directory as a real keepalived 2.3.3 left it in the middle of its recording."""

    def __init__(self, directory: Path) -> None:
        self.files = RuntimeFiles(directory)
        self.clock = Clock()
        self.collector = VrrpCollector(self.files, self.clock)
        lines = (FIXTURE / "events.jsonl").read_bytes().splitlines(keepends=True)
        before_the_dump = [line for line in lines if json.loads(line)["time"] < DUMP_TIME]
        self.files.events.write_bytes(b"".join(before_the_dump))
        shutil.copyfile(FIXTURE / "vrrp.json", self.files.dump)
        os.utime(self.files.dump, (DUMP_TIME, DUMP_TIME))
        self.files.drain.write_text("0\n")
        self.files.lock.touch()

    @contextmanager
    def keepalived(self) -> Iterator[None]:
        """Hold the lock as a living keepalived does."""
        with self.files.lock.open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def collect(self) -> VrrpObservation:
        return self.collector.collect()

    def instance(self, name: str = "VI_1") -> VrrpInstance:
        return next(instance for instance in self.collect().instances if instance.name == name)


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


def test_log_dump_and_lock_together_tell_all_of_a_living_keepalived(node: Node) -> None:
    with node.keepalived():
        seen = node.collect()
    assert (seen.keepalived_up, seen.keepalived_version, seen.starts, seen.child_exits) == (True, "2.3.3", 1, 0)
    assert (seen.dump_time, seen.drained, seen.problems) == (DUMP_TIME, False, ())
    assert {i.name: i.state for i in seen.instances} == {
        "VI_1": MASTER,
        "VI_6": BACKUP,
        "VI_PASS": MASTER,
        "VI_LINK": FAULT,
    }
    one = seen.instances[0]
    assert (one.name, one.virtual_router_id, one.interface, one.version) == ("VI_1", 53, "eth0", 3)
    assert (one.effective_priority, one.base_priority, one.advertisement_interval) == (250, 250, 0.05)
    assert one.counters is not None
    assert (one.counters.advertisements_received, one.counters.priority_zero_received) == (26, 1)
    assert dict(one.transitions) == {BACKUP: 2, MASTER: 2}
    assert seen.recent_events[-1].message == 'INSTANCE "VI_6" BACKUP 240'


def test_a_dead_keepalived_is_never_claimed_to_be_master(node: Node) -> None:
    """It died without a word: log and dump both say MASTER."""
    seen = node.collect()
    assert (seen.keepalived_up, seen.keepalived_version, seen.dump_time) == (False, None, None)
    assert {i.state for i in seen.instances} == {STOPPED}
    assert {i.effective_priority for i in seen.instances} == {None}
    assert {i.counters for i in seen.instances} == {None}
    assert dict(seen.instances[0].transitions) == {BACKUP: 2, MASTER: 2}  # what happened has happened
    assert seen.problems == ()


def test_the_lock_decides_whatever_the_files_say_and_without_a_lock_nothing_lives(node: Node) -> None:
    with node.keepalived():
        assert node.collect().keepalived_up
    assert not node.collect().keepalived_up
    node.files.lock.unlink()
    assert not node.collect().keepalived_up


def test_the_exporter_s_look_at_the_lock_leaves_it_free(node: Node) -> None:
    node.collect()
    with node.files.lock.open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_priority_that_changed_after_the_dump_is_taken_from_the_log(node: Node) -> None:
    with node.keepalived():
        node.collect()
        append(node, 'INSTANCE "VI_1" MASTER_PRIORITY 190', DUMP_TIME + 0.5)
        assert (node.instance().effective_priority, node.instance().state) == (190, MASTER)


def test_a_state_that_the_log_has_missed_is_taken_from_a_newer_dump(node: Node) -> None:
    document = json.loads(node.files.dump.read_bytes())
    document[0]["data"] |= {"state": 1, "effective_priority": 190, "last_transition": DUMP_TIME + 7}
    node.files.dump.write_text(json.dumps(document))
    os.utime(node.files.dump, (DUMP_TIME + 8, DUMP_TIME + 8))
    node.clock.now = DUMP_TIME + 9
    with node.keepalived():
        one = node.instance()
    assert (one.state, one.effective_priority, one.last_transition) == (BACKUP, 190, DUMP_TIME + 7)


def test_a_dump_that_may_be_older_than_the_last_event_does_not_overrule_it(node: Node) -> None:
    with node.keepalived():
        append(node, 'INSTANCE "VI_1" BACKUP 250', DUMP_TIME - NEWER_DUMP_SECONDS / 2)
        assert node.instance().state is BACKUP


def append(node: Node, message: str, moment: float) -> None:
    sequence = len(node.files.events.read_bytes().splitlines()) + 1
    with node.files.events.open("a") as log:
        log.write(json.dumps({"seq": sequence, "time": moment, "message": message}) + "\n")


def test_instances_that_only_the_dump_knows_are_told_too(node: Node) -> None:
    node.files.events.write_bytes(b"")
    with node.keepalived():
        assert node.instance("VI_LINK").state is FAULT
        assert dict(node.instance().transitions) == {}


def test_a_stale_dump_is_of_no_use_and_says_why(node: Node) -> None:
    node.clock.now = DUMP_TIME + STALE_DUMP_SECONDS + 4
    with node.keepalived():
        seen = node.collect()
    assert seen.problems == ("keepalived's counters are 20 s old: it hangs or its recorder has died; restart it",)
    assert (seen.dump_time, seen.instances[0].counters) == (None, None)
    assert {(i.state, i.effective_priority) for i in seen.instances} == {(None, None)}  # nobody has recorded it since
    assert dict(seen.instances[0].transitions) == {BACKUP: 2, MASTER: 2}  # what happened has happened


def processes(node: Node, said: float, *, running: bool, end: str | None = "was killed by SIGKILL") -> None:
    """What the supervisor said of the recorder at some time."""
    recorder = {"running": running, "starts": 1, "last_start": DUMP_TIME - 60, "last_end": end}
    node.files.processes.write_text(json.dumps({"time": said, "processes": {"recorder": recorder}}))


def test_while_the_recorder_is_dead_the_state_is_unknown_even_with_a_fresh_dump(node: Node) -> None:
    processes(node, DUMP_TIME, running=False)
    with node.keepalived():
        seen = node.collect()
    assert seen.problems == (
        "keepalived's recorder does not run (it was killed by SIGKILL): the state of VRRP is not known until it does",
    )
    assert {(i.state, i.effective_priority) for i in seen.instances} == {(None, None)}
    assert (seen.keepalived_up, seen.dump_time, seen.starts) == (True, DUMP_TIME, 1)


def test_a_recorder_that_was_started_again_tells_again(node: Node) -> None:
    processes(node, DUMP_TIME, running=True)
    with node.keepalived():
        seen = node.collect()
    assert (seen.problems, seen.instances[0].state) == ((), MASTER)


@pytest.mark.parametrize("content", [b"", b"[]", b"\0" * (1 << 20), b'{"time": 1}'])
def test_a_supervisor_whose_word_is_of_no_use_proves_nothing_against_a_fresh_dump(node: Node, content: bytes) -> None:
    node.files.processes.write_bytes(content)
    with node.keepalived():
        assert (node.collect().problems, node.instance().state) == ((), MASTER)


def test_an_old_word_of_the_supervisor_is_not_believed_and_the_dump_decides(node: Node) -> None:
    processes(node, DUMP_TIME - 60, running=False)
    with node.keepalived():
        assert node.instance().state is MASTER
        node.clock.now = DUMP_TIME + STALE_DUMP_SECONDS + 1
        assert node.instance().state is None


def test_a_dead_recorder_beside_a_dead_keepalived_is_no_news(node: Node) -> None:
    processes(node, DUMP_TIME, running=False)
    seen = node.collect()
    assert (seen.problems, {i.state for i in seen.instances}) == ((), {STOPPED})


def test_a_dump_from_the_future_is_stale_as_well(node: Node) -> None:
    """The clock stepped back since: a recorder that lives writes another one within seconds."""
    node.clock.now = DUMP_TIME - 3600
    with node.keepalived():
        seen = node.collect()
    assert seen.problems == ("keepalived's counters are from 3600 s in the future; check the clock",)
    assert (seen.dump_time, seen.instances[0].state) == (None, None)


def test_the_dump_of_an_earlier_keepalived_is_neither_used_nor_a_problem(node: Node) -> None:
    """It was stopped a minute ago and has just been started: its recorder's first dump comes in a moment."""
    node.clock.now = DUMP_TIME + 60
    append(node, "KEEPALIVED START 2.3.3", DUMP_TIME + 59)
    with node.keepalived():
        seen = node.collect()
        assert (seen.problems, seen.dump_time, seen.instances[0].state) == ((), None, VrrpState.INIT)
        node.clock.now += STALE_DUMP_SECONDS
        assert len(node.collect().problems) == 1


def test_a_keepalived_that_has_just_started_may_be_without_a_dump_for_a_moment(node: Node) -> None:
    node.files.events.unlink()
    node.files.dump.unlink()
    node.clock.now = time.time()
    with node.keepalived():
        EventLog(node.files).record("KEEPALIVED START 2.3.3")
        assert node.collect().problems == ()
        node.clock.now += STALE_DUMP_SECONDS + 1
        assert node.collect().problems == (
            f"{node.files.dump} is missing; restart keepalived so that its recorder starts anew",
        )


def test_a_missing_log_is_a_problem_only_while_keepalived_lives(node: Node) -> None:
    node.files.events.unlink()
    assert node.collect().problems == ()
    with node.keepalived():
        (problem,) = node.collect().problems
        assert problem == f"{node.files.events} is missing; restart keepalived so that its recorder starts anew"
        assert node.instance().state is MASTER  # from the dump


@pytest.mark.parametrize(
    "content", [b"", b'[{"data": {"iname": "VI_1"', b"[" * 100_000, b"\0" * (2 << 20), b'{"vrrp": 5}']
)
def test_a_dump_that_makes_no_sense_costs_its_counters_and_nothing_else(node: Node, content: bytes) -> None:
    node.files.dump.write_bytes(content)
    os.utime(node.files.dump, (DUMP_TIME, DUMP_TIME))
    with node.keepalived():
        seen = node.collect()
    (problem,) = seen.problems
    assert problem.startswith(f"{node.files.dump} is of no use: ")
    assert (seen.instances[0].state, seen.instances[0].counters) == (MASTER, None)


def test_hostile_lines_are_named_once_and_cost_only_themselves(node: Node) -> None:
    with node.keepalived():
        node.collect()
        with node.files.events.open("ab") as log:
            log.write(b"\xff\xff\n")
        append(node, 'INSTANCE "VI_1" BACKUP 250', DUMP_TIME + 0.5)
        seen = node.collect()
        assert seen.problems == (
            f"{node.files.events} holds lines that the recorder did not write; they were left out",
        )
        assert seen.instances[0].state is BACKUP
        assert node.collect().problems == ()


@pytest.mark.parametrize(("content", "drained"), [("1\n", True), ("0\n", False), ("", None), ("maybe\n", None)])
def test_a_drained_node_says_so_and_a_request_that_makes_no_sense_is_a_problem(
    node: Node, content: str, drained: bool | None
) -> None:
    node.files.drain.write_text(content)
    seen = node.collect()
    assert seen.drained is bool(drained)
    assert seen.problems == (
        (f"{node.files.drain} must hold 0 or 1; write 0 into it to take part again",) if drained is None else ()
    )


def test_fifos_and_folders_in_place_of_files_make_nobody_wait(node: Node) -> None:
    for path in (node.files.events, node.files.dump, node.files.drain):
        path.unlink()
        os.mkfifo(path)
    with node.keepalived():
        assert len(node.collect().problems) == 3
    for path in (node.files.events, node.files.dump, node.files.drain):
        path.unlink()
        path.mkdir()
    with node.keepalived():
        seen = node.collect()
    assert [problem.split()[0] for problem in seen.problems] == [
        str(node.files.events),
        str(node.files.dump),
        str(node.files.drain),
    ]


def test_files_that_may_not_be_read_are_named_with_the_reason() -> None:
    with world_readable_directory() as directory:
        node = Node(directory)
        for path in (node.files.events, node.files.dump, node.files.drain):
            path.chmod(0)
        with node.keepalived(), unprivileged():
            seen = node.collect()
    assert seen.keepalived_up
    assert len(seen.problems) == 3
    assert all("Permission denied" in problem for problem in seen.problems)


def test_a_lock_that_may_not_be_read_is_a_failure_because_it_hides_who_lives() -> None:
    with world_readable_directory() as directory:
        node = Node(directory)
        node.files.lock.chmod(0)
        with (
            unprivileged(),
            pytest.raises(CollectorError, match="Permission denied; make it readable for the exporter"),
        ):
            node.collect()


def test_a_runtime_directory_that_does_not_exist_is_a_failure_with_what_to_do(tmp_path: Path) -> None:
    collector = VrrpCollector(RuntimeFiles(tmp_path / "missing"))
    with pytest.raises(CollectorError, match="does not exist; start keepalived and share that directory"):
        collector.collect()


def test_an_empty_runtime_directory_is_a_node_without_keepalived(tmp_path: Path) -> None:
    seen = VrrpCollector(RuntimeFiles(tmp_path)).collect()
    assert (seen.keepalived_up, seen.starts, seen.instances, seen.problems) == (False, 0, (), ())


def test_an_exporter_that_starts_again_counts_on_although_the_log_was_damaged(node: Node, tmp_path: Path) -> None:
    state = tmp_path / "state" / "vrrp.json"
    state.parent.mkdir()
    first = VrrpCollector(node.files, node.clock, state)
    first.start()
    with node.keepalived():
        before = first.collect()
        first.stop()
        after = VrrpCollector(node.files, node.clock, state).collect()
        assert after == before
        content = node.files.events.read_bytes()
        for spoilt in (content[: len(content) // 3], b"", b"\0" * 100):
            node.files.events.write_bytes(spoilt)
            seen = VrrpCollector(node.files, node.clock, state).collect()
            assert seen.starts == before.starts == 1
            assert {i.name: i.state for i in seen.instances} == {i.name: i.state for i in before.instances}
            assert {i.name: i.transitions for i in seen.instances} == {i.name: i.transitions for i in before.instances}


def test_a_damaged_state_file_and_a_log_that_was_replaced_are_told_for_ten_minutes(node: Node, tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    state.write_bytes(b"\0")
    collector = VrrpCollector(node.files, node.clock, state)
    with node.files.events.open("ab") as log:
        log.write(json.dumps({"seq": 900, "time": node.clock.now, "message": "KEEPALIVED LOG_REPLACED -"}).encode())
        log.write(b"\n")
    damaged, replaced = collector.collect().notices
    assert "state.json makes no sense (the file of VRRP counters is not JSON" in damaged
    assert "events.jsonl was changed by something else" in replaced
    node.clock.now += 601
    assert collector.collect().notices == (damaged,)  # by a clock that never steps
