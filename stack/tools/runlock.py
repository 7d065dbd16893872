"""One run of a task at a time: a lock that the kernel takes away from whoever dies (flock(2))."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from exporter.engine.files import set_aside
from stack.tools.errors import BusyError, DeadlineError, ToolError
from stack.tools.progress import say, wait_until


@contextlib.contextmanager
def one_run(path: Path, wait: float = 0.0) -> Iterator[int]:
    """Hold the lock; give its descriptor, so that a child can keep holding it when this process is killed.

    Raises:
        BusyError: another run holds it still after ``wait`` seconds.
        ToolError: there can be no lock.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            say(f"{path} is a folder where a lock should be, {set_aside(path)}")
        descriptor = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise ToolError(f"{path} cannot be made: {error.strerror}; is the volume mounted and writable?") from None
    try:
        _take(descriptor, path, wait)
        yield descriptor
    finally:
        os.close(descriptor)


def _take(descriptor: int, path: Path, wait: float) -> None:
    def held_by_another() -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False

    try:
        wait_until(
            "the run that is under way", held_by_another, lambda held: [f"it holds {path}"] if held else [], wait
        )
    except DeadlineError:
        raise BusyError(f"another run is under way, it holds {path}; try again when it has ended") from None
