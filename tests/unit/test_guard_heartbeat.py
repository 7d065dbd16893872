"""Signs of life in a file, and a guard that looks at it: when does it take the addresses off the node?"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from exporter.engine.runtime import RuntimeFiles
from stack.guard.heartbeat import POLL_SECONDS, SILENT_SECONDS, GuardHeartbeat


class Guarded:
    """A runtime directory, a guard's heartbeat with a clock that the test turns, and what it removed."""

    def __init__(self, directory: Path) -> None:
        self.files = RuntimeFiles(directory)
        self.files.heartbeat.touch()
        self.lock = os.open(self.files.lock, os.O_RDWR | os.O_CREAT)
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        self.now = 100.0
        self.removed: list[str] = []
        self.heartbeat = GuardHeartbeat(self.files, self.removed.append, clock=lambda: self.now)

    def pass_time(self, seconds: float, *, touched: bool) -> None:
        for _ in range(round(seconds / POLL_SECONDS)):
            self.now += POLL_SECONDS
            if touched:
                self.touch(int(self.now * 1e9))
            self.heartbeat.poll()

    def touch(self, when: int) -> None:
        os.utime(self.files.heartbeat, ns=(when, when))


@pytest.fixture
def guarded(tmp_path: Path) -> Guarded:
    return Guarded(tmp_path)


def test_signs_of_life_leave_the_addresses(guarded: Guarded) -> None:
    guarded.pass_time(60, touched=True)
    assert guarded.removed == []


def test_a_silence_while_keepalived_lives_removes_them_once(guarded: Guarded) -> None:
    guarded.pass_time(5, touched=True)
    guarded.pass_time(2.25, touched=False)
    assert guarded.removed == []
    guarded.pass_time(60, touched=False)
    assert guarded.removed == ["keepalived's container has given no sign of life for 2.5 s (is it frozen?)"]


def test_the_next_silence_removes_them_again(guarded: Guarded) -> None:
    for _ in range(2):
        guarded.pass_time(5, touched=False)
        guarded.pass_time(1, touched=True)
    assert len(guarded.removed) == 2


def test_a_silence_before_the_guard_began_counts_from_then(guarded: Guarded) -> None:
    guarded.pass_time(SILENT_SECONDS + 2 * POLL_SECONDS, touched=False)
    assert len(guarded.removed) == 1


def test_a_dead_keepalived_is_somebody_elses_matter(guarded: Guarded) -> None:
    os.close(guarded.lock)
    guarded.pass_time(60, touched=False)
    assert guarded.removed == []


def test_a_keepalived_of_a_version_without_signs_is_left_alone(guarded: Guarded) -> None:
    guarded.files.heartbeat.unlink()
    guarded.pass_time(60, touched=False)
    assert guarded.removed == []


def test_a_clock_that_steps_is_a_sign_like_any_other(guarded: Guarded) -> None:
    """And nothing depends on its direction."""
    for day in range(30, 0, -1):
        guarded.touch(day * 86_400 * 10**9)
        guarded.pass_time(2, touched=False)
    assert guarded.removed == []


def test_a_guard_that_was_stopped_itself_begins_anew(guarded: Guarded) -> None:
    guarded.pass_time(1, touched=True)
    for _ in range(20):
        guarded.now += 2.0
        guarded.heartbeat.poll()
    assert guarded.removed == []
