"""Unbound: what it counts itself, by its control socket."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from exporter.engine.worker import Worker
from exporter.model.errors import CollectorError, ExporterError, NotReadyError
from exporter.model.observations import UnboundObservation
from exporter.parsers.unbound_statistics import parse_unbound_statistics
from exporter.sources.unbound_control import read_statistics

INTERVAL_SECONDS = 10.0
# It answers within a millisecond; while it reads its files anew it takes as long as that does.
TIMEOUT_SECONDS = 3.0


class UnboundCollector:
    """Asks in a thread of its own; what is older than two looks is not repeated."""

    name = "unbound"

    def __init__(self, socket: Path, interval: float = INTERVAL_SECONDS) -> None:
        self._socket = socket
        self._interval = interval
        self._lock = threading.Lock()
        self._latest: UnboundObservation | None = None
        self._problem: str | None = None
        self._asked = 0.0
        self._worker = Worker("unbound", self._work)

    def start(self) -> None:
        """Begin to ask."""
        self._worker.start()

    def stop(self) -> None:
        """Ask no more."""
        self._worker.stop()

    def collect(self) -> UnboundObservation:
        """Tell what it said last.

        Raises:
            NotReadyError: it has not been asked yet.
            CollectorError: it does not answer, or not well.
        """
        with self._lock:
            if self._problem is not None:
                raise CollectorError(self._problem)
            if self._latest is None:
                msg = "Unbound has not been asked for its statistics yet"
                raise NotReadyError(msg)
            silent = time.monotonic() - self._asked
            if silent > 2 * self._interval + TIMEOUT_SECONDS:
                raise CollectorError(f"Unbound's statistics are {silent:.0f} s old; restart the exporter")
            return self._latest

    def _work(self) -> float:
        latest, problem = None, None
        try:
            latest = parse_unbound_statistics(read_statistics(self._socket, TIMEOUT_SECONDS))
        except ExporterError as error:
            problem = str(error)
        with self._lock:
            self._latest, self._problem, self._asked = latest, problem, time.monotonic()
        return self._interval
