"""Stamps: what a task says of its last run, for the exporter (``exporter/parsers/stamp.py`` reads them)."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from exporter.engine.files import read_bounded, set_aside, write_atomically
from exporter.model.errors import ParseError
from exporter.parsers.stamp import MAXIMUM_ERROR_TEXT, Stamp, parse_stamp
from stack.tools.errors import Interrupted, PutOffError, ToolError
from stack.tools.progress import say

NEVER_ENDED = 255

Extra = dict[str, float | int | str | None]


@dataclass(frozen=True, slots=True)
class _Stamper:
    path: Path
    clock: Callable[[], float]

    def previous(self) -> Stamp | None:
        """The stamp of the last run; None when there is none that can be read."""
        try:
            return parse_stamp(read_bounded(self.path), self.clock())
        except (OSError, ParseError):
            return None

    def heal(self) -> None:
        """Set aside what is there and no stamp: a folder would be in the way of every run."""
        try:
            parse_stamp(read_bounded(self.path), self.clock())
        except FileNotFoundError:
            return
        except (OSError, ParseError) as error:
            say(f"{self.path} is no stamp: {error}; {set_aside(self.path)}; when the task was last done is not known")

    def write(self, stamp: Stamp, extra: Extra) -> None:
        document = {
            **extra,
            "last_attempt": stamp.last_attempt,
            "last_success": stamp.last_success,
            "duration": stamp.duration,
            "exit_status": stamp.exit_status,
            "last_error": stamp.error,
        }
        write_atomically(self.path, json.dumps(document).encode() + b"\n")


def last_success(directory: Path, task: str) -> float | None:
    """When a task was last done, in Unix seconds; None where it never was."""
    previous = _Stamper(directory / f"{task}.json", time.time).previous()
    return previous.last_success if previous is not None else None


def has_succeeded(directory: Path, task: str) -> bool:
    """Whether a task has ever been done."""
    return last_success(directory, task) is not None


@contextlib.contextmanager
def stamped(directory: Path, task: str, clock: Callable[[], float] = time.time) -> Iterator[Extra]:
    """Stamp a run: when it begins, and how it ended, whatever ends it. The mapping given takes more keys.

    A run that is killed or puts itself off leaves the outcome of the one before, with the time of its own attempt.

    Raises:
        ToolError: no stamp can be written, so the run did not begin.
    """
    stamper = _Stamper(directory / f"{task}.json", clock)
    stamper.heal()
    before = stamper.previous()
    attempt, began = clock(), time.monotonic()
    extra: Extra = {}
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if before is None:
            stamper.write(Stamp(attempt, None, None, NEVER_ENDED, "the first run has not ended"), extra)
        else:
            stamper.write(Stamp(attempt, before.last_success, before.duration, before.exit_status, before.error), extra)
    except OSError as error:
        raise ToolError(f"{stamper.path} cannot be written: {error.strerror}; is the disk full or read-only?") from None
    succeeded = before.last_success if before else None
    try:
        yield extra
    except PutOffError:
        raise  # the stamp says when it was attempted, and how the run before ended
    except BaseException as error:
        status = error.exit_code if isinstance(error, ToolError | Interrupted) else 1
        text = str(error) or type(error).__name__
        duration = time.monotonic() - began
        with contextlib.suppress(OSError):  # what failed is told by the exception that goes on
            stamper.write(Stamp(attempt, succeeded, duration, status, text[:MAXIMUM_ERROR_TEXT]), extra)
        raise
    done = Stamp(attempt, clock(), time.monotonic() - began, 0, None)
    try:
        stamper.write(done, extra)
    except OSError as error:
        say(f"{task}: done, but {stamper.path} cannot be written: {error.strerror}")
