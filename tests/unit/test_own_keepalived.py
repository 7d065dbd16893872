"""A keepalived that somebody has configured themselves: whether it lives, and what it announces on a FIFO."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from exporter.collectors.own_keepalived import OwnKeepalivedCollector
from exporter.model.errors import CollectorError
from exporter.model.observations import VrrpObservation, VrrpState
from exporter.sources.own_keepalived import find_keepalived
from tests.lab.waiting import wait_for

BACKUP, MASTER, STOPPED = VrrpState.BACKUP, VrrpState.MASTER, VrrpState.STOPPED


class Node:
    """A stand-in for keepalived: a process of that name, its pid file and its FIFO, open for reading and writing."""

    def __init__(self, directory: Path) -> None:
        self.directory, self.pid_file, self.fifo = directory, directory / "keepalived.pid", directory / "notify"
        self._process: subprocess.Popen[bytes] | None = None
        self._writer = -1

    def start(self) -> None:
        program = self.directory / "keepalived"
        if not program.exists():
            program.symlink_to("/bin/sleep")
        self._process = subprocess.Popen([program, "60"])
        wait_for("the program to run", lambda: Path(f"/proc/{self.pid}/comm").read_text() == "keepalived\n")
        self.pid_file.write_text(f"{self.pid}\n")
        os.mkfifo(self.fifo)
        self._writer = os.open(self.fifo, os.O_RDWR | os.O_NONBLOCK)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def announce(self, *states: str) -> None:
        for state in states:
            os.write(self._writer, f'INSTANCE "VI_1" {state} 150\n'.encode())

    def die(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            os.close(self._writer)
            self.fifo.unlink(missing_ok=True)
            self._process = None

    @contextmanager
    def exporter(self) -> Iterator[OwnKeepalivedCollector]:
        collector = OwnKeepalivedCollector(self.pid_file, self.fifo, self.directory, persistent=True)
        collector.start()
        try:
            yield collector
        finally:
            collector.stop()


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    made = Node(tmp_path)
    made.start()
    yield made
    made.die()


def seen(collector: OwnKeepalivedCollector, state: VrrpState) -> VrrpObservation:
    return wait_for(
        f"the state {state.value}",
        collector.collect,
        until=lambda found: [one.state for one in found.instances] == [state],
        timeout=10,
    )


def test_what_it_announces_is_counted(node: Node) -> None:
    with node.exporter() as collector:
        node.announce("BACKUP", "MASTER")
        found = seen(collector, MASTER)
    (instance,) = found.instances
    assert (found.keepalived_up, found.problems, found.starts) == (True, (), 1)
    assert (instance.name, instance.transitions, instance.effective_priority) == ("VI_1", {BACKUP: 1, MASTER: 1}, 150)


def test_what_it_announced_while_no_exporter_ran_is_not_lost(node: Node) -> None:
    with node.exporter() as collector:
        node.announce("BACKUP")
        seen(collector, BACKUP)
    node.announce("MASTER")
    with node.exporter() as collector:
        found = seen(collector, MASTER)
    assert found.instances[0].transitions == {BACKUP: 1, MASTER: 1}
    assert found.starts == 1


def test_a_state_is_known_again_after_a_restart_of_the_exporter(node: Node) -> None:
    with node.exporter() as collector:
        node.announce("MASTER")
        seen(collector, MASTER)
    with node.exporter() as collector:
        assert seen(collector, MASTER).instances[0].transitions == {MASTER: 1}


def test_a_dead_one_is_dead_at_once_and_its_successor_has_no_state_until_it_says_so(node: Node) -> None:
    with node.exporter() as collector:
        node.announce("MASTER")
        seen(collector, MASTER)
        node.die()
        found = seen(collector, STOPPED)
        assert not found.keepalived_up
        node.start()
        wait_for("its successor", collector.collect, until=lambda found: found.keepalived_up)
        assert collector.collect().instances == ()
        node.announce("BACKUP")
        found = seen(collector, BACKUP)
    assert (found.starts, found.instances[0].transitions) == (2, {MASTER: 1, BACKUP: 1})


def test_a_missing_fifo_is_a_problem_that_says_what_to_write(node: Node) -> None:
    node.fifo.unlink()
    with node.exporter() as collector:
        found = wait_for("the problem", collector.collect, until=lambda found: bool(found.problems), timeout=10)
    assert found.keepalived_up
    assert f"write vrrp_notify_fifo {node.fifo} into global_defs of keepalived.conf" in found.problems[0]


@pytest.mark.parametrize("fifo", [True, False])
def test_without_a_fifo_or_for_one_look_it_is_told_whether_it_runs(node: Node, *, fifo: bool) -> None:
    node.announce("MASTER")
    path = node.fifo if fifo else None
    collector = OwnKeepalivedCollector(node.pid_file, path, node.directory, persistent=not fifo)
    collector.start()
    found = collector.collect()
    collector.stop()
    assert (found.keepalived_up, found.instances, found.problems) == (True, (), ())
    with node.exporter() as other:  # nothing was taken from it
        seen(other, MASTER)


def test_a_pid_file_left_behind_is_no_keepalived(tmp_path: Path) -> None:
    pid_file = tmp_path / "keepalived.pid"
    assert find_keepalived(pid_file) is None
    pid_file.write_text(str(os.getpid()))  # another program has its number now
    assert find_keepalived(pid_file) is None
    pid_file.write_text("4194304")  # nobody has that number (proc(5), pid_max)
    assert find_keepalived(pid_file) is None


def test_a_pid_file_that_holds_something_else_is_told(tmp_path: Path) -> None:
    pid_file = tmp_path / "keepalived.pid"
    pid_file.write_text("soon")
    with pytest.raises(CollectorError, match="KEEPALIVED_PID_FILE"):
        find_keepalived(pid_file)


def test_hidden_processes_are_no_dead_keepalived(tmp_path: Path) -> None:
    pid_file = tmp_path / "keepalived.pid"
    pid_file.write_text("1")
    with pytest.raises(CollectorError, match="hidepid"):
        find_keepalived(pid_file, tmp_path)
