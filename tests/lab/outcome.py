"""What one scenario of the demo showed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from .exporters import Report
from .sample import Query
from .scenarios import Scenario


@dataclass(frozen=True, slots=True)
class Answers:
    """A time in which one node, or nobody (None), answered every question; seconds since the event, by send time."""

    start: float
    end: float
    node: str | None


def answers_since(queries: Sequence[Query], event: float) -> tuple[Answers, ...]:
    """Put questions in a row that the same node answered together; each time ends where the next one begins."""
    found: list[Answers] = []
    for query in queries:
        at = query.sent - event
        if found:
            found[-1] = replace(found[-1], end=at)
        if not found or found[-1].node != query.node:
            found.append(Answers(at, at, query.node))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one scenario showed; times in seconds. ``told_after`` is None when no exporter told of it."""

    scenario: Scenario
    owner_before: str
    owner_after: str
    outage: float
    queries: int
    lost: int
    owners_seen_max: int
    overlap: float
    told_after: float | None
    recovered: bool
    lost_on_return: int
    reports: dict[str, tuple[Report, ...]]
    """By node: what its exporter reported last before the event, then every change up to the recovery."""
    event: float
    answers: tuple[Answers, ...]

    def as_json(self) -> dict[str, Any]:
        """The scenario as ``build/demo.json`` has it."""
        return {
            "name": self.scenario.name,
            "headline": self.scenario.headline,
            "owner_before": self.owner_before,
            "owner_after": self.owner_after,
            "outage_seconds": round(self.outage, 4),
            "queries": self.queries,
            "queries_lost": self.lost,
            "exporter_detect_seconds": None if self.told_after is None else round(self.told_after, 4),
            "owners_seen_max": self.owners_seen_max,
            "recovered": self.recovered,
            "answers": [[round(one.start, 4), round(one.end, 4), one.node] for one in self.answers],
        }
