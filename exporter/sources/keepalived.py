"""What keepalived's side leaves in the runtime directory: lock, event log, dump and drain request."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from exporter.engine.files import read_bounded
from exporter.model.errors import ParseError
from exporter.parsers.keepalived_dump import DumpedInstance, parse_keepalived_dump
from exporter.parsers.keepalived_events import History

CHUNK_BYTES = 1 << 20
LINE_BYTES = 64 << 10
# Holds the first line's sequence number and time, which no other log has.
HEAD_BYTES = 64


def keepalived_lives(lock: Path) -> bool:
    """Whether any process holds keepalived's lock (flock(2)); False when there is no lock yet.

    Raises:
        OSError: the lock cannot be looked at.
    """
    try:
        descriptor = os.open(lock, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def is_full(directory: Path) -> bool:
    """Whether the file system of the runtime directory has no room left; False when that cannot be told."""
    try:
        return os.statvfs(directory).f_bavail == 0
    except OSError:
        return False


def drain_requested(path: Path) -> bool:
    """Whether the node was asked to hand the VIP over; False when nobody ever asked.

    Raises:
        OSError: the request cannot be read.
        ParseError: it is not a number.
    """
    try:
        content = read_bounded(path, 64).strip()
    except FileNotFoundError:
        return False
    if not content.isdigit():
        msg = f"{path} must hold 0 or 1; write 0 into it to take part again"
        raise ParseError(msg)
    return int(content) != 0


class DumpFile:
    """The latest complete dump, parsed again only when it is a new one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._identity: tuple[int, int] | None = None
        self._parsed: tuple[DumpedInstance, ...] = ()

    def read(self) -> tuple[float, tuple[DumpedInstance, ...]]:
        """Return when the dump was taken (Unix seconds) and its instances.

        Raises:
            OSError: there is no dump, or it cannot be read.
            ParseError: it is not one.
        """
        status = self._path.stat()
        identity = (status.st_ino, status.st_mtime_ns)
        if identity != self._identity:
            self._parsed = parse_keepalived_dump(read_bounded(self._path))
            self._identity = identity
        return status.st_mtime, self._parsed


class EventLogFile:
    """The event log, read on from where the last look ended, through rotation and truncation."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._inode = 0
        self._head = b""
        self._offset = 0
        self._rest = b""
        self.history = History()
        self.bad_lines = 0

    def read(self) -> None:
        """Bring the history up to date.

        Raises:
            OSError: there is no log, or it cannot be read.
        """
        descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            status = os.fstat(descriptor)
            # File systems on disk give a new log the inode of the old one.
            head = os.pread(descriptor, HEAD_BYTES, 0)
            known = status.st_ino == self._inode and head.startswith(self._head)
            self._head = head
            if not known or status.st_size < self._offset:
                self._inode, self._offset, self._rest = status.st_ino, 0, b""
                self.history.begin_log()
            if status.st_size == self._offset:
                return
            file.seek(self._offset)
            chunk = file.read(CHUNK_BYTES)
        self._offset += len(chunk)
        *lines, rest = (self._rest + chunk).split(b"\n")
        if len(rest) > LINE_BYTES:  # no line of ours: leave it out up to its end
            rest = b"\0"
        self._rest = rest
        for line in filter(None, lines):
            try:
                self.history.add_line(line)
            except ParseError:
                self.bad_lines += 1
