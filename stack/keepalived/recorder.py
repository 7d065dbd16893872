"""Record what keepalived announces, in order and timestamped, and publish its JSON dumps whole.

keepalived writes state changes to a FIFO (keepalived.conf(5), ``vrrp_notify_fifo``) and, on a signal,
a JSON dump to ``$TMPDIR/keepalived.json`` that is not written atomically up to 2.4.3.
The supervisor starts the recorder, and starts it again when it dies; it ends with keepalived.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import select
import signal
import subprocess
import sys
import time
import zlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from exporter.engine.files import read_bounded, remove, set_aside, write_atomically
from exporter.model.errors import ParseError
from exporter.parsers.keepalived_events import History

if TYPE_CHECKING:
    from exporter.engine.runtime import RuntimeFiles

DUMP_INTERVAL_SECONDS = 5.0
DUMP_RETRY_SECONDS = 0.5
DUMP_TIMEOUT_SECONDS = 1.0
DUMP_POLL_SECONDS = 0.005
SETTLE_SECONDS = 0.05
BEAT_SECONDS = 0.5
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


def accepts_signal(process: int, signal_number: int) -> bool:
    """Whether a process blocks or catches a signal (proc(5)): before it does, the signal would end it."""
    try:
        status = Path(f"/proc/{process}/status").read_text("ascii", "replace")
    except OSError:
        return False
    masks = [line.split()[1] for line in status.splitlines() if line.startswith(("SigBlk:", "SigCgt:"))]
    return any(int(mask, 16) >> (signal_number - 1) & 1 for mask in masks)


def request_dump(keepalived: int, signal_number: int, source: Path) -> bool:
    """Ask keepalived for a JSON dump; say whether it could be asked."""
    if not accepts_signal(keepalived, signal_number):
        return False
    source.unlink(missing_ok=True)
    try:
        os.kill(keepalived, signal_number)
    except ProcessLookupError:
        return False
    return True


def publish_dump(source: Path, target: Path) -> bool:
    """Publish the dump that was asked for if it is complete by now, without passwords; say whether it was."""
    try:
        document = json.loads(source.read_bytes())
    except (FileNotFoundError, ValueError):
        return False
    instances = document.get("vrrp") if isinstance(document, dict) else document
    for instance in instances if isinstance(instances, list) else ():
        if isinstance(instance, dict) and isinstance(instance.get("data"), dict):
            instance["data"].pop("auth_data", None)
    write_atomically(target, json.dumps(document).encode())
    return True


def json_signal() -> int:
    """The signal by which keepalived is asked for a dump; it differs from build to build.

    Raises:
        OSError, subprocess.SubprocessError: keepalived does not say.
    """
    asked = subprocess.run(["keepalived", "--signum=JSON"], capture_output=True, text=True, timeout=10, check=True)
    return int(asked.stdout)


def open_fifo(files: RuntimeFiles) -> int:
    """Open the FIFO on which keepalived announces changes, before it is started.

    Whoever keeps this descriptor open keeps what is announced while no recorder lives.
    """
    if not files.notify_fifo.is_fifo():  # anything else in its place would be written to, and read by nobody
        remove(files.notify_fifo)
        os.mkfifo(files.notify_fifo, 0o600)
    return os.open(files.notify_fifo, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)


@dataclass(frozen=True, slots=True)
class Recorded:
    """The keepalived that is recorded: its process id, its version, and how it is asked for a dump."""

    pid: int
    version: str
    json_signal: int
    dump_source: Path


def run(files: RuntimeFiles, fifo: int, keepalived: Recorded, beat: Callable[[], None], *, first: bool) -> None:
    """Record until keepalived is dead. ``first``: it was started just now, which is an event of its own."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # ends with keepalived, after its last words
    record(files, fifo, keepalived, beat, first=first)


def record(files: RuntimeFiles, fifo: int, keepalived: Recorded, beat: Callable[[], None], *, first: bool) -> None:
    """As ``run``, in the signals' present state."""
    death = os.pidfd_open(keepalived.pid)
    log = EventLog(files)
    log.resume()
    if first:
        log.record(f"KEEPALIVED START {keepalived.version}")
    poll = select.poll()
    poll.register(fifo, select.POLLIN)
    poll.register(death, select.POLLIN)
    pending = b""
    child: int | None = None
    next_dump = time.monotonic() + SETTLE_SECONDS
    dump_deadline: float | None = None  # set while a dump has been asked for
    while True:
        wait = next_dump - time.monotonic() if dump_deadline is None else DUMP_POLL_SECONDS
        beat()
        log.flush()
        ready = dict(poll.poll(max(0.0, min(wait, BEAT_SECONDS)) * 1000))
        if fifo in ready:
            chunk = _read(fifo)
            if not chunk:  # every writer is gone; a FIFO that is opened anew waits for the next one
                poll.unregister(fifo)
                os.close(fifo)
                fifo = os.open(files.notify_fifo, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
                poll.register(fifo, select.POLLIN)
            elif (announcer := read_pid(files.vrrp_pid)) is not None:
                # The new one may open the FIFO before anybody has seen it without a writer, so EOF is
                # no proof of a death; and it comes with every graceful stop, where nothing is replaced.
                if child not in (None, announcer):
                    log.record("KEEPALIVED CHILD_EXIT -")
                child = announcer
            pending = _record_lines(log, pending + chunk)
            next_dump = min(next_dump, time.monotonic() + SETTLE_SECONDS)
        if death in ready:
            while chunk := _read(fifo):
                pending = _record_lines(log, pending + chunk)
            log.record("KEEPALIVED STOP -")
            return
        # Never wait for a dump: the times of the events are those at which they are read.
        now = time.monotonic()
        if dump_deadline is not None:
            if _published(keepalived.dump_source, files.dump):
                dump_deadline = None
            elif now >= dump_deadline:
                dump_deadline, next_dump = None, now + DUMP_RETRY_SECONDS
        elif now >= next_dump:
            asked = request_dump(keepalived.pid, keepalived.json_signal, keepalived.dump_source)
            dump_deadline = now + DUMP_TIMEOUT_SECONDS if asked else None
            next_dump = now + (DUMP_INTERVAL_SECONDS if asked else DUMP_RETRY_SECONDS)


def _published(source: Path, target: Path) -> bool:
    try:
        return publish_dump(source, target)
    except OSError:  # a full tmpfs: the dump that is there grows old, which the exporter says
        return False


def read_pid(path: Path) -> int | None:
    """Return the process id that keepalived has written down for its VRRP process."""
    try:
        return int(path.read_bytes())
    except (OSError, ValueError):
        return None


def _read(fifo: int) -> bytes:
    try:
        return os.read(fifo, 65536)
    except BlockingIOError:
        return b""


def _record_lines(log: EventLog, data: bytes) -> bytes:
    *lines, rest = data.split(b"\n")
    for line in lines:
        log.record(line.decode(errors="replace"))
    return rest
