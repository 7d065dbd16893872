"""Unbound's own statistics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from exporter.model.observations.latency import Latency


@dataclass(frozen=True, slots=True)
class UnboundObservation:
    """Unbound's own statistics since it started; counters begin anew with each start (unbound-control(8))."""

    start_time: float
    queries: int
    queries_by_type: Mapping[str, int]
    cache_hits: int
    cache_misses: int
    prefetches: int
    expired_answers: int
    recursion: Latency
    responses: Mapping[str, int]  # by response code
    secure_answers: int
    bogus_answers: int
    waiting: int
    dropped: int
    cache_bytes: Mapping[str, int]
