"""Unbound: what it counts itself, by its control socket."""

from __future__ import annotations

from pathlib import Path

from exporter.engine.latest import Latest
from exporter.engine.worker import Worker
from exporter.model.errors import ExporterError
from exporter.model.observations import UnboundObservation
from exporter.parsers.unbound_statistics import parse_unbound_statistics
from exporter.sources.unbound_control import read_statistics

INTERVAL_SECONDS = 10.0
# It answers within a millisecond; while it reads its files anew it takes as long as that does.
TIMEOUT_SECONDS = 3.0


class UnboundCollector:
    """Asks in a thread of its own; tells nothing older than two intervals."""

    name = "unbound"

    def __init__(self, socket: Path, interval: float = INTERVAL_SECONDS) -> None:
        self._socket = socket
        self._interval = interval
        self._latest: Latest[UnboundObservation] = Latest("Unbound", 2 * interval + TIMEOUT_SECONDS)
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
        return self._latest.get()

    def _work(self) -> float:
        latest, problem = None, None
        try:
            latest = parse_unbound_statistics(read_statistics(self._socket, TIMEOUT_SECONDS))
        except ExporterError as error:
            problem = str(error)
        self._latest.put(latest, problem)
        return self._interval
