"""Where a lab writes its logs: ``build/lab``, or ``build/lab-2`` and so on while other labs write there."""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path

from .plan import BUILD


@contextlib.contextmanager
def log_directory(build: Path = BUILD) -> Iterator[Path]:
    """An empty log directory that no other lab uses until the context ends; the logs stay."""
    build.mkdir(parents=True, exist_ok=True)
    for number in itertools.count(1):
        directory = build / ("lab" if number == 1 else f"lab-{number}")
        with (build / f".{directory.name}.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            shutil.rmtree(directory, ignore_errors=True)
            directory.mkdir(exist_ok=True)
            yield directory
            return
