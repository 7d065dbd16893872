"""What a collector is."""

from __future__ import annotations

from typing import Protocol

from exporter.model.observations import Observation


class Collector(Protocol):
    """Watches one thing in the background and tells at any time, without waiting, what it knows.

    ``collect`` must not block: whatever can hang (a socket, a daemon) belongs into a thread that
    ``start`` begins and ``stop`` ends. Threads are few and fixed in number.
    """

    name: str

    def start(self) -> None:
        """Begin to watch; return at once. What cannot work is told by ``collect``."""

    def collect(self) -> Observation:
        """Return what is known now.

        Raises:
            NotReadyError: there has been no time for a first result.
            CollectorError: there is no data, with the reason and what to try.
        """

    def stop(self) -> None:
        """End every thread and close every descriptor; return within a second or two."""
