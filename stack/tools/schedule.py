"""Run a task when it is due, for ever, until a signal; a run that fails is told and does not end the loop."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from exporter.engine.files import remove
from exporter.settings.cron import Cron
from stack.tools.change_watch import Watch
from stack.tools.errors import BusyError, PutOffError, RefusedError, ToolError
from stack.tools.progress import say

# A sleep is cut into these, so that a clock that was set or a request by hand is noticed.
NAP_SECONDS = 1.0
HEARTBEAT_SECONDS = 15.0
# Pi-hole is not ready at once when all is new.
FIRST_RUN_SECONDS = 60.0
FIRST_RETRY_SECONDS = 300.0
PUT_OFF_SECONDS = 60.0
# After a run watches are not asked for so long: who changes one thing often changes another one.
QUIET_SECONDS = 5.0
# A run that failed is tried again after this time, and after twice as long each time that it fails again: Pi-hole's API
# comes up some seconds after a task's container, and an hour is long to wait for the first sync.
RETRY_SECONDS = 5.0
LONGEST_RETRY_SECONDS = 600.0
# A run may be long; each has its own deadline.
HEARTBEAT_MAXIMUM_AGE_SECONDS = 1800.0

# From the time now and that of the last run, None where there was none: when the next one is due.
Due = Callable[[float, float | None], float]


def every(seconds: float) -> Due:
    """Due so many seconds after the last run, at once where there was none or the clock was set back."""

    def due(now: float, previous: float | None) -> float:
        return now if previous is None or previous > now else max(now, previous + seconds)

    return due


def at(cron: Cron | None) -> Due:
    """Due when the schedule says; never where there is none, so that the run by hand is left."""
    return lambda now, _: math.inf if cron is None else cron.next_after(now)


def soon_at_first(due: Due, has_succeeded: Callable[[], bool]) -> Due:
    """Due within minutes until it has succeeded once, and then as it was: a new node does not wait for the night."""

    def soon(now: float, previous: float | None) -> float:
        if has_succeeded():
            return due(now, previous)
        return now + (FIRST_RUN_SECONDS if previous is None else FIRST_RETRY_SECONDS)

    return soon


def run_for_ever(
    name: str,
    due: Due,
    run: Callable[[bool], object],
    heartbeat: Path,
    request: Path,
    previous: float | None = None,
    watches: Sequence[Watch] = (),
) -> None:
    """Run a task each time it is due, and whenever somebody makes the request file; it is told whether that was so.

    A run that puts itself off is tried again after a minute, and one that failed sooner than it would be due; one that
    was refused would only be refused again. What a watch notices brings the next run forward.

    ``heartbeat`` is touched as long as the loop lives, for a container's health check.
    """
    put_off, failures = False, 0
    while True:
        planned = due(time.time(), previous)
        if put_off:
            planned = min(planned, time.time() + PUT_OFF_SECONDS)
        elif failures:
            planned = min(planned, time.time() + min(RETRY_SECONDS * 2 ** (failures - 1), LONGEST_RETRY_SECONDS))
        when = "by hand alone" if math.isinf(planned) else time.strftime("%F %T %Z", time.localtime(planned))
        if not put_off:
            say(f"{name}: next run {when}")
        by_hand = _wait(planned, heartbeat, request, watches)
        previous, put_off, failures = time.time(), False, min(failures + 1, 10)
        try:
            run(by_hand)
            failures = 0
        except PutOffError as error:
            put_off, failures = True, 0
            say(f"{name}: {error}")
        except BusyError as error:
            say(f"{name}: {error}")
        except RefusedError as error:
            failures = 0
            say(f"{name}: failed: {error}")
        except ToolError as error:
            say(f"{name}: failed: {error}")


def _wait(planned: float, heartbeat: Path, request: Path, watches: Sequence[Watch]) -> bool:
    began, beaten = time.monotonic(), -HEARTBEAT_SECONDS
    while True:
        if time.monotonic() - beaten >= HEARTBEAT_SECONDS:
            beaten = time.monotonic()
            _beat(heartbeat)
        if request.exists():
            _take(request)
            say("asked for by hand")
            return True
        quiet = time.monotonic() - began < QUIET_SECONDS
        seen = None if quiet else next((seen for watch in watches if (seen := watch.changed())), None)
        left = planned - time.time()
        if seen:
            say(seen)
        if seen or left <= 0:
            return False
        time.sleep(min(left, NAP_SECONDS))


def _take(request: Path) -> None:
    """Remove a request; one that is no file of ours, or cannot be removed, must not end the loop."""
    try:
        remove(request)
    except OSError as error:
        say(f"{request} cannot be removed: {error.strerror}; remove it, or the task runs again and again")


def _beat(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        os.utime(path)
    except OSError as error:
        say(f"{path} cannot be touched: {error.strerror}; is the disk full or read-only?")


def alive(heartbeat: Path) -> bool:
    """Whether a loop has given a sign of life lately."""
    try:
        return time.time() - heartbeat.stat().st_mtime < HEARTBEAT_MAXIMUM_AGE_SECONDS
    except OSError:
        return False
