"""Pi-hole's own figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TopEntry:
    """One of the most frequent; ``kind`` says of what: domain, blocked or client."""

    kind: str
    name: str
    queries: int


@dataclass(frozen=True, slots=True)
class PiholeObservation:
    """Pi-hole's own figures; what it counts is of the last 24 hours."""

    blocking: bool | None  # None: it cannot say
    blocking_change: float | None  # when it switches blocking over by itself; None: no timer
    gravity_domains: int | None  # None: it has no list loaded that it could count
    gravity_time: float | None
    queries: int
    blocked: int
    cached: int
    forwarded: int
    queries_by_type: Mapping[str, int]
    replies: Mapping[str, int]
    queries_per_second: float
    domains: int
    active_clients: int
    known_clients: int
    top: tuple[TopEntry, ...] = ()
