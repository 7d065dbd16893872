"""Health on this node, from what is said beside keepalived, in whatever state that is."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from exporter.collectors.health import OLD_PROCESSES_SECONDS, OLD_REPORT_SECONDS, HealthCollector
from exporter.engine.runtime import RuntimeFiles
from exporter.model.errors import CollectorError
from exporter.model.observations import HealthObservation, HealthVerdict
from tests.unit.unprivileged import unprivileged, world_readable_directory

SAID = 1_700_000_000.0
CHAIN = {"verdict": "soft", "problem": "Pi-hole answered SERVFAIL", "since": SAID - 9}
CHECK = {"running": True, "starts": 1, "last_start": SAID - 60, "last_end": None}


class Node:
    """A runtime directory in which the health check and the supervisor have just spoken."""

    def __init__(self, directory: Path) -> None:
        self.files = RuntimeFiles(directory)
        self.now = SAID + 0.5
        self.files.health.mkdir()
        self.files.lock.touch()
        self.report()
        self.processes()
        self.collector = HealthCollector(self.files, lambda: self.now)

    def report(self, **changes: Any) -> None:
        self.files.health_report.write_text(json.dumps({"time": SAID, "questions": {"chain": CHAIN}, **changes}))

    def processes(self, **changes: Any) -> None:
        self.files.processes.write_text(json.dumps({"time": SAID, "processes": {"check": CHECK}, **changes}))

    def collect(self) -> HealthObservation:
        return self.collector.collect()

    @contextmanager
    def keepalived(self) -> Iterator[None]:
        with self.files.lock.open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


def test_what_was_just_said_is_told(node: Node) -> None:
    with node.keepalived():
        seen = node.collect()
    assert (seen.keepalived_up, seen.report_time, seen.processes_time, seen.problems) == (True, SAID, SAID, ())
    assert [(one.name, one.verdict, one.problem) for one in seen.questions] == [
        ("chain", HealthVerdict.SOFT, "Pi-hole answered SERVFAIL")
    ]
    assert [(one.name, one.running, one.starts) for one in seen.processes] == [("check", True, 1)]


def test_nothing_lives_beside_a_dead_keepalived_whatever_was_said_last(node: Node) -> None:
    assert node.collect() == HealthObservation(keepalived_up=False)


@pytest.mark.parametrize("direction", [1, -1])
def test_of_a_report_that_is_old_or_before_a_clock_step_only_the_time_is_repeated(node: Node, direction: int) -> None:
    with node.keepalived():
        node.now = SAID + direction * (OLD_REPORT_SECONDS + 0.1)
        seen = node.collect()
        assert (seen.report_time, seen.questions, len(seen.processes)) == (SAID, (), 1)
        node.now = SAID + direction * (OLD_PROCESSES_SECONDS + 0.1)
        seen = node.collect()
    assert (seen.processes_time, seen.processes, seen.problems) == (SAID, (), ())


def test_files_that_are_not_there_are_nothing_known(node: Node) -> None:
    node.files.health_report.unlink()
    node.files.processes.unlink()
    with node.keepalived():
        assert node.collect() == HealthObservation(keepalived_up=True)


@pytest.mark.parametrize("content", [b"", b"{", b"\0" * 4096, b"[" * 100_000, b" " * (1 << 20), b'{"time": 1}'])
def test_a_damaged_file_costs_what_it_says_and_is_named(node: Node, content: bytes) -> None:
    node.files.health_report.write_bytes(content)
    with node.keepalived():
        seen = node.collect()
    assert (seen.report_time, seen.questions, len(seen.processes)) == (None, (), 1)
    (problem,) = seen.problems
    assert problem.startswith(f"{node.files.health_report} is of no use: ")
    node.report()
    node.files.processes.write_bytes(content)
    with node.keepalived():
        seen = node.collect()
    assert (seen.processes_time, seen.processes, len(seen.questions)) == (None, (), 1)
    (problem,) = seen.problems
    assert problem.startswith(f"{node.files.processes} is of no use: ")


def test_fifos_and_folders_in_place_of_files_make_nobody_wait(node: Node) -> None:
    for path in (node.files.health_report, node.files.processes):
        path.unlink()
    os.mkfifo(node.files.health_report)
    node.files.processes.mkdir()
    with node.keepalived():
        assert [problem.split()[0] for problem in node.collect().problems] == [
            str(node.files.health_report),
            str(node.files.processes),
        ]


def test_files_that_may_not_be_read_are_named_with_the_reason() -> None:
    with world_readable_directory() as directory:
        node = Node(directory)
        for path in (node.files.health_report, node.files.processes):
            path.chmod(0)
        with node.keepalived(), unprivileged():
            problems = node.collect().problems
    assert [problem.partition(" cannot be read: ")[2] for problem in problems] == ["Permission denied"] * 2


def test_a_lock_that_may_not_be_read_is_a_failure_because_it_hides_who_lives() -> None:
    with world_readable_directory() as directory:
        node = Node(directory)
        node.files.lock.chmod(0)
        with unprivileged(), pytest.raises(CollectorError, match="make it readable for the exporter"):
            node.collect()


def test_a_runtime_directory_that_does_not_exist_is_a_failure_with_what_to_do(tmp_path: Path) -> None:
    collector = HealthCollector(RuntimeFiles(tmp_path / "missing"))
    with pytest.raises(CollectorError, match="does not exist; start keepalived and share that directory"):
        collector.collect()
