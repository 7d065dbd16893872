"""Record what keepalived announces, in order and timestamped, and publish its JSON dumps whole.

keepalived writes state changes to a FIFO (keepalived.conf(5), ``vrrp_notify_fifo``). The supervisor starts the
recorder, and starts it again when it dies; it ends with keepalived.
"""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from exporter.engine.files import remove
from exporter.sources.event_log import EventLog
from stack.keepalived.dumps import Dumps

if TYPE_CHECKING:
    from exporter.engine.runtime import RuntimeFiles

BEAT_SECONDS = 0.5


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
    announcements = _Announcements(log, files)
    dumps = Dumps(keepalived.pid, keepalived.json_signal, keepalived.dump_source, files.dump, started_now=first)
    while True:
        wait = min(dumps.wait, BEAT_SECONDS)
        beat()
        log.flush()
        ready = dict(poll.poll(wait * 1000))
        if fifo in ready:
            if not announcements.take(fifo):  # every writer is gone; a FIFO that is opened anew waits for the next one
                poll.unregister(fifo)
                os.close(fifo)
                fifo = os.open(files.notify_fifo, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
                poll.register(fifo, select.POLLIN)
            dumps.ask_soon()
        if death in ready:
            announcements.take_rest(fifo)
            log.record("KEEPALIVED STOP -")
            return
        dumps.poll()


class _Announcements:
    """Lines from the FIFO to the log, and which VRRP process they come from."""

    def __init__(self, log: EventLog, files: RuntimeFiles) -> None:
        self._log = log
        self._vrrp_pid = files.vrrp_pid
        self._pending = b""
        self._child: int | None = None

    def take(self, fifo: int) -> bool:
        """Record what has arrived; say whether there still is a writer."""
        chunk = _read(fifo)
        if chunk and (announcer := read_pid(self._vrrp_pid)) is not None:
            # The new one may open the FIFO before anybody has seen it without a writer, so EOF is
            # no proof of a death; and it comes with every graceful stop, where nothing is replaced.
            if self._child not in (None, announcer):
                self._log.record("KEEPALIVED CHILD_EXIT -")
            self._child = announcer
        self._record(chunk)
        return bool(chunk)

    def take_rest(self, fifo: int) -> None:
        """Record the last words of a keepalived that has died."""
        while chunk := _read(fifo):
            self._record(chunk)

    def _record(self, data: bytes) -> None:
        *lines, self._pending = (self._pending + data).split(b"\n")
        for line in lines:
            self._log.record(line.decode(errors="replace"))


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
