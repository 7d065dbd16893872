"""A task's loop runs it when it is due or asked for, goes on after a failure, and shows that it lives."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from exporter.settings.cron import parse_cron
from stack.tools import schedule
from stack.tools.errors import BusyError, Interrupted, RefusedError, ToolError
from stack.tools.stamps import has_succeeded, stamped


def test_an_interval_counts_from_the_last_run() -> None:
    due = schedule.every(60)
    assert due(1000.0, None) == 1000.0
    assert due(1000.0, 990.0) == 1050.0
    assert due(1000.0, 100.0) == 1000.0  # overdue
    assert due(1000.0, 5000.0) == 1000.0  # the clock was set back


def test_a_schedule_does_not_ask_when_it_last_ran() -> None:
    assert schedule.at(parse_cron("* * * * *"))(30.0, None) == 60.0


NOT_READY = "Pi-hole is not ready"


def test_what_never_succeeded_does_not_wait_for_its_schedule(tmp_path: Path) -> None:
    night = schedule.at(parse_cron("30 3 * * *"))
    due = schedule.soon_at_first(night, lambda: has_succeeded(tmp_path, "backup"))
    assert due(1000.0, None) == 1060.0
    with pytest.raises(ToolError), stamped(tmp_path, "backup"):
        raise ToolError(NOT_READY)
    assert due(1060.0, 1060.0) == 1360.0
    with stamped(tmp_path, "backup"):
        pass
    assert due(1360.0, 1360.0) == night(1360.0, None)


def test_what_is_switched_off_runs_only_when_it_is_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    request = tmp_path / "now"
    request.touch()

    def task(_: bool) -> None:
        raise Interrupted(15)

    with pytest.raises(Interrupted):
        schedule.run_for_ever("x", schedule.at(None), task, tmp_path / "alive", request)
    assert "by hand alone" in capsys.readouterr().err


def test_a_failing_task_is_tried_again_and_a_signal_ends_the_loop(tmp_path: Path) -> None:
    ends = [ToolError("no"), BusyError("busy"), RefusedError("no"), Interrupted(15)]
    ran = 0

    def task(_: bool) -> None:
        nonlocal ran
        ran += 1
        raise ends[ran - 1]

    with pytest.raises(Interrupted):
        schedule.run_for_ever("x", schedule.every(0), task, tmp_path / "alive", tmp_path / "now")
    assert ran == 4
    assert schedule.alive(tmp_path / "alive")


def test_a_run_that_failed_does_not_wait_for_its_hour_and_one_that_was_refused_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pi-hole's API comes up some seconds after the first sync."""
    waits: list[float] = []
    ends = [ToolError("away"), ToolError("away"), ToolError("away"), None, RefusedError("no"), Interrupted(15)]

    def wait(planned: float, *_: Path) -> bool:
        waits.append(round(planned - time.time()))
        return False

    def task(_: bool) -> None:
        end = ends[len(waits) - 1]
        if end is not None:
            raise end

    monkeypatch.setattr(schedule, "_wait", wait)
    with pytest.raises(Interrupted):
        schedule.run_for_ever("x", schedule.every(3600), task, tmp_path / "alive", tmp_path / "now")
    assert waits == [0, 5, 10, 20, 3600, 3600]


def test_a_request_file_brings_a_run_forward_and_is_taken_away(tmp_path: Path) -> None:
    (tmp_path / "now").touch()

    def task(_: bool) -> None:
        raise Interrupted(15)

    began = time.monotonic()
    with pytest.raises(Interrupted):
        schedule.run_for_ever(
            "x", lambda now, _: now + 3600, task, tmp_path / "new" / "alive", tmp_path / "now", previous=time.time()
        )
    assert time.monotonic() - began < 5
    assert not (tmp_path / "now").exists()


def test_a_loop_that_gave_no_sign_for_long_is_dead(tmp_path: Path) -> None:
    heartbeat = tmp_path / "alive"
    assert not schedule.alive(heartbeat)
    heartbeat.touch()
    assert schedule.alive(heartbeat)
    old = time.time() - schedule.HEARTBEAT_MAXIMUM_AGE_SECONDS - 1
    os.utime(heartbeat, (old, old))
    assert not schedule.alive(heartbeat)


def test_a_disk_that_is_full_does_not_end_the_loop(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.touch()

    def task(_: bool) -> None:
        raise Interrupted(15)

    with pytest.raises(Interrupted):
        schedule.run_for_ever("x", schedule.every(0), task, blocked / "alive", tmp_path / "now")
