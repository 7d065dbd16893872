"""Small files that something beside the exporter writes and a collector reads anew each time, without blocking."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from exporter.engine.files import read_bounded
from exporter.engine.runtime import RuntimeFiles
from exporter.model.errors import CollectorError, ParseError
from exporter.sources.keepalived import keepalived_lives

MISSING = "run a keepalived image as new as the exporter's"

T = TypeVar("T")


def require_directory(files: RuntimeFiles) -> None:
    """See that there is a runtime directory.

    Raises:
        CollectorError: there is none.
    """
    if not files.directory.is_dir():
        msg = f"{files.directory} does not exist; start keepalived and share that directory with the exporter"
        raise CollectorError(msg)


def is_keepalived_alive(files: RuntimeFiles) -> bool:
    """Whether any process of keepalived's runs.

    Raises:
        CollectorError: that cannot be told.
    """
    try:
        return keepalived_lives(files.lock)
    except OSError as error:
        msg = f"{files.lock} cannot be looked at: {error.strerror}; make it readable for the exporter"
        raise CollectorError(msg) from error


def is_fresh(said: float, now: float, limit: float) -> bool:
    """Whether something was said lately; what is from the future was said before the clock stepped back."""
    return abs(now - said) <= limit


def read_report(path: Path, parse: Callable[[bytes], T], limit: int, missing: str = f"; {MISSING}") -> T:
    """Read a report of at most ``limit`` bytes; ``missing`` says after its name why there may be none.

    Raises:
        CollectorError: it is not there, cannot be read, or makes no sense.
    """
    try:
        return parse(read_bounded(path, limit))
    except FileNotFoundError:
        msg = f"{path} does not exist{missing}"
        raise CollectorError(msg) from None
    except OSError as error:
        msg = f"{path} cannot be read: {error.strerror}"
        raise CollectorError(msg) from error
    except ParseError as error:
        msg = f"{path} is of no use: {error}"
        raise CollectorError(msg) from error
