"""Counting durations into a histogram."""

from __future__ import annotations

from bisect import bisect_left

from exporter.model.observations import Latency

# From an answer out of the same host's memory to one that a client has nearly given up on; seconds.
BOUNDS = (0.001, 0.002, 0.005, 0.01, 0.05, 0.25, 0.5)


class Histogram:
    """Counts values in seconds; a value that equals a bound belongs to it (Prometheus' ``le``)."""

    def __init__(self, bounds: tuple[float, ...] = BOUNDS) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._total = 0.0

    def add(self, seconds: float) -> None:
        """Count one value."""
        self._counts[bisect_left(self._bounds, seconds)] += 1
        self._total += seconds

    def snapshot(self) -> Latency:
        """Return what was counted so far."""
        return Latency(self._bounds, tuple(self._counts), self._total)
