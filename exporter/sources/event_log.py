"""The log of what keepalived announced: rotated with its counts, and mended when something else changes it."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import sys
import time
import zlib
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from exporter.engine.files import read_bounded, set_aside, write_atomically
from exporter.model.errors import ParseError
from exporter.parsers.keepalived_events import History

if TYPE_CHECKING:
    from exporter.engine.runtime import RuntimeFiles

LOG_LIMIT_BYTES = 256 * 1024
MAXIMUM_LOG_BYTES = 4 * LOG_LIMIT_BYTES  # of an earlier recorder's
WAITING_LINES = 4096  # that a full tmpfs did not take


@dataclass(frozen=True, slots=True)
class _Identity:
    """What changes when something writes into a file, cuts it off or replaces it."""

    inode: int
    size: int
    modified: int

    @classmethod
    def of(cls, file: Path | int) -> _Identity:
        """Look at a file; one that is missing is like none.

        Raises:
            OSError: it cannot be looked at.
        """
        try:
            status = os.stat(file)  # noqa: PTH116 (a descriptor or a path)
        except FileNotFoundError:
            return _MISSING
        return cls(status.st_ino, status.st_size, status.st_mtime_ns)


_MISSING, _DAMAGED = _Identity(0, 0, 0), _Identity(0, -1, 0)


@dataclass(slots=True)
class EventLog:
    """An append-only log of one JSON object a line: ``seq``, ``time`` (Unix seconds), ``message``.

    A message is keepalived's own line, ``INSTANCE "NAME" STATE PRIORITY``, or one about keepalived
    itself, ``KEEPALIVED WHAT DETAIL``; without its last word it is the message's kind. A new log
    begins with a ``checkpoint`` that holds the count and the last message of each kind, so that
    counters never go back when the log rotates. A log that something else has changed is set aside and
    written anew in the same way, which ``KEEPALIVED LOG_REPLACED`` tells.
    """

    files: RuntimeFiles
    limit: int = LOG_LIMIT_BYTES
    sequence: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    last: dict[str, dict[str, object]] = field(default_factory=dict)
    _waiting: deque[bytes] = field(default_factory=lambda: deque(maxlen=WAITING_LINES))
    _left: _Identity | None = None  # the log as this recorder has left it
    _sum: int = 0  # of what is in it

    def resume(self) -> None:
        """Take over the counts of the log that an earlier recorder left.

        One that is damaged is set aside, and a new one begins with nothing: whoever has read the old one knows more of
        it than is left, and counts the new one on top (exporter/parsers/keepalived_events.py).
        """
        try:
            self._left = _Identity.of(self.files.events)
            content = read_bounded(self.files.events, MAXIMUM_LOG_BYTES)
            self._sum = zlib.crc32(content)
            *lines, rest = content.split(b"\n")
            for line in (*lines, rest) if rest else lines:
                History().add_line(line)  # what a reader of the log would refuse must not be handed on to the next one
                self._account(json.loads(line))
        except FileNotFoundError:
            return
        except (OSError, ParseError, ValueError, TypeError, KeyError) as error:
            print(f"the recorder begins a new event log, the old one is damaged: {error}", file=sys.stderr, flush=True)
            self.sequence, self.counts, self.last = 0, {}, {}
            self._left = _DAMAGED
            self.flush()

    def record(self, message: str) -> None:
        """Append one message, rotating the log first when it has grown past its limit."""
        with contextlib.suppress(OSError):
            if not self._waiting and self.files.events.stat().st_size >= self.limit:
                self._rotate()
        self._note(message)
        self.flush()

    def flush(self) -> None:
        """Write what could not be written yet, after putting right what something else has done to the log.

        A full tmpfs costs nothing but time. Each line is written whole or not at all: half a line would take the next
        one with it.
        """
        with contextlib.suppress(OSError):
            if self._left is not None and self._differs(self._left):
                self._replace()
            while self._waiting:
                self._append(self._waiting[0])
                self._waiting.popleft()

    def _differs(self, left: _Identity) -> bool:
        """Whether something else has changed the log.

        Its time alone says nothing: a write that found no room moves it too, and so does touch(1).
        """
        now = _Identity.of(self.files.events)
        if now == left:
            return False
        if (now.inode, now.size) != (left.inode, left.size):
            return True
        if zlib.crc32(read_bounded(self.files.events, MAXIMUM_LOG_BYTES)) != self._sum:
            return True
        self._left = now
        return False

    def _note(self, message: str) -> None:
        entry: dict[str, object] = {"seq": self.sequence + 1, "time": time.time(), "message": message}
        self._account(entry)
        self._waiting.append(json.dumps(entry).encode() + b"\n")

    def _replace(self) -> None:
        """Begin the log anew with everything that was counted up to the lines that still wait."""
        if self.files.events.exists():
            set_aside(self.files.events)
        self._begin()
        self._waiting.clear()  # they are counted already
        self._note("KEEPALIVED LOG_REPLACED -")
        print(f"{self.files.events} was changed by something else; it is written anew", file=sys.stderr, flush=True)

    def _account(self, entry: dict[str, object]) -> None:
        self.sequence = max(self.sequence, int(str(entry["seq"])))
        checkpoint = entry.get("checkpoint")
        if isinstance(checkpoint, dict):
            counts = {str(key): int(value) for key, value in checkpoint["counts"].items()}
            self.counts, self.last = counts, dict(checkpoint["last"])
            return
        kind = str(entry["message"]).rpartition(" ")[0]
        self.counts[kind] = self.counts.get(kind, 0) + 1
        self.last[kind] = entry

    def _rotate(self) -> None:
        # Under its old name until the new one takes its place: a reader always finds a log.
        self.files.rotated_events.unlink(missing_ok=True)
        self.files.rotated_events.hardlink_to(self.files.events)
        self._begin()

    def _begin(self) -> None:
        checkpoint = {"counts": self.counts, "last": self.last}
        entry = {"seq": self.sequence, "time": time.time(), "checkpoint": checkpoint}
        content = json.dumps(entry).encode() + b"\n"
        write_atomically(self.files.events, content)
        self._sum = zlib.crc32(content)
        self._left = _Identity.of(self.files.events)

    def _append(self, line: bytes) -> None:
        descriptor = os.open(self.files.events, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            begun = os.fstat(descriptor).st_size
            if os.write(descriptor, line) < len(line):
                os.ftruncate(descriptor, begun)
                self._left = _Identity.of(descriptor)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.files.events))
            self._sum = zlib.crc32(line, self._sum)
            self._left = _Identity.of(descriptor)
        finally:
            os.close(descriptor)
