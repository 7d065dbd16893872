"""VRRP where keepalived is the owner's own: whether it runs, and the states that it announces on a FIFO.

Beside the stack's keepalived a recorder writes the event log (stack/keepalived/recorder.py). Here the exporter does it,
into its state directory, so that counters and states survive its restart.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from exporter.collectors.vrrp import describe_instance
from exporter.engine.runtime import RuntimeFiles
from exporter.engine.worker import Worker
from exporter.model.errors import CollectorError
from exporter.model.observations import VrrpInstance, VrrpObservation, VrrpState
from exporter.parsers.keepalived_events import History
from exporter.sources.event_log import EventLog
from exporter.sources.keepalived import EventLogFile
from exporter.sources.own_keepalived import NotifyFifo, Process, find_keepalived

LOOK_SECONDS = 0.5
_START = "KEEPALIVED START"


class OwnKeepalivedCollector:
    """Looks at the process anew each time; a thread records what is announced.

    Whoever reads the FIFO takes what is in it, so one that is not ``persistent`` leaves it to a running exporter. Then,
    and without a FIFO, all that is told is whether keepalived runs.
    """

    name = "vrrp"

    def __init__(self, pid_file: Path, fifo: Path | None, directory: Path, *, persistent: bool) -> None:
        self._pid_file = pid_file
        self._fifo = NotifyFifo(fifo) if fifo is not None and persistent else None
        files = RuntimeFiles(directory)
        self._written, self._log = EventLog(files), EventLogFile(files.events)
        self._pending = b""
        self._lock = threading.Lock()  # guards the log that is read
        self._worker = Worker("vrrp", self._work)

    def start(self) -> None:
        """Begin to record."""
        if self._fifo is not None:
            self._written.resume()
            self._worker.start()

    def stop(self) -> None:
        """Record no more; what is announced meanwhile waits in the FIFO."""
        if self._fifo is not None:
            self._worker.stop()
            self._fifo.close()

    def collect(self) -> VrrpObservation:
        """Look whether keepalived runs, and read what was recorded.

        Raises:
            CollectorError: that cannot be told.
        """
        process = find_keepalived(self._pid_file)
        if self._fifo is None:
            return _observation(process, History())
        # A dead keepalived takes its FIFO with it.
        problems = [self._fifo.problem] if self._fifo.problem and process is not None else []
        with self._lock:
            try:
                self._log.read()
            except FileNotFoundError:  # nothing was announced yet
                pass
            except OSError as error:
                problems.append(f"what keepalived announced cannot be read: {error.filename}: {error.strerror}")
            return _observation(process, self._log.history, tuple(problems))

    def _work(self) -> float:
        if self._fifo is None:
            return LOOK_SECONDS
        announced = self._fifo.read(LOOK_SECONDS)
        self._record_start()  # first: what a new keepalived announced comes after it
        *lines, self._pending = (self._pending + announced).split(b"\n")
        for line in lines:
            self._written.record(line.decode(errors="replace"))
        self._written.flush()
        return 0.0 if self._fifo.opened else LOOK_SECONDS

    def _record_start(self) -> None:
        try:
            process = find_keepalived(self._pid_file)
        except CollectorError:  # collect() tells
            return
        if process is None:
            return
        start = f"{_START} {_mark(process)}"
        if self._written.last.get(_START, {}).get("message") != start:
            self._written.record(start)
            self._pending = b""


def _mark(process: Process) -> str:
    """What the log calls a process, in the place of a version: no other one is called so."""
    return f"{process.pid}.{process.started}"


def _observation(process: Process | None, history: History, problems: tuple[str, ...] = ()) -> VrrpObservation:
    counts = history.counts
    return VrrpObservation(
        keepalived_up=process is not None,
        keepalived_version=None,
        starts=counts.starts,
        child_exits=0,
        last_start=process.start_time if process is not None else history.last_start,
        dump_time=None,
        drained=False,
        instances=tuple(_instances(history, process)),
        recent_events=tuple(history.recent),
        problems=problems,
    )


def _instances(history: History, process: Process | None) -> Iterator[VrrpInstance]:
    """The instances that this keepalived has announced; before its first word nothing is known of them."""
    if process is not None and history.version != _mark(process):
        return
    for name, instance in history.instances.items():
        if process is None or instance.state is not VrrpState.INIT:
            described = describe_instance(name, instance, None, alive=process is not None, dump_is_newer=False)
            yield replace(described, transitions=history.counts.transitions.get(name, {}))
