"""A small file that survives a restart, kept twice, so that what damages one of the two costs nothing."""

from __future__ import annotations

import errno
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from exporter.engine.files import overwrite, read_bounded, set_aside, write_atomically
from exporter.model.errors import ExporterError

log = logging.getLogger(__name__)

TOLD_SECONDS = 600.0  # as long as any passing trouble is told

T = TypeVar("T")


class StateFile(Generic[T]):
    """Reads back what was saved last; a file that makes no sense is set aside and told, and replaced by the next save.

    ``parse`` raises ParseError for what ``save`` has not been given.
    """

    def __init__(self, path: Path, parse: Callable[[bytes], T]) -> None:
        self._paths = path, path.with_name(f"{path.stem}.copy{path.suffix}")
        self._parse = parse
        self.notice: str | None = None  # what the last load has to tell, as a sentence
        self._loaded = 0.0  # monotonic

    def load(self) -> T | None:
        """Return what was saved last; None when nothing was, or both copies are damaged."""
        found: T | None = None
        damaged: list[str] = []
        for path in self._paths:
            try:
                content = self._parse(read_bounded(path))
            except FileNotFoundError:
                continue
            except (OSError, ExporterError) as error:
                damaged.append(
                    f"{path} makes no sense ({getattr(error, 'strerror', None) or error}), {set_aside(path)}"
                )
                continue
            found = content if found is None else found
        self.notice, self._loaded = None, time.monotonic()
        if damaged:
            lost = (
                "counters of before the restart are lost" if found is None else "its copy was whole, so nothing is lost"
            )
            self.notice = f"{'; '.join(damaged)}; {lost}"
            log.warning("%s", self.notice)
        return found

    def notices(self) -> tuple[str, ...]:
        """What the last load has to tell, for ten minutes."""
        recent = time.monotonic() - self._loaded < TOLD_SECONDS
        return (self.notice,) if self.notice is not None and recent else ()

    def save(self, content: bytes) -> None:
        """Replace both copies, one after the other, so that one of them is whole at every moment, also on a full disk.

        Raises:
            OSError: a copy cannot be written.
        """
        for path in self._paths:
            try:
                write_atomically(path, content)
            except OSError as error:
                if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                    raise
                overwrite(path, content)
