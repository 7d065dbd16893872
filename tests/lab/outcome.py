"""What one scenario of the demo showed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .exporters import Report
from .scenarios import Scenario


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

    def as_json(self) -> dict[str, Any]:
        """The scenario as ``build/demo.json`` has it."""
        return {
            "name": self.scenario.name,
            "owner_before": self.owner_before,
            "owner_after": self.owner_after,
            "outage_seconds": round(self.outage, 4),
            "queries": self.queries,
            "queries_lost": self.lost,
            "exporter_detect_seconds": None if self.told_after is None else round(self.told_after, 4),
            "owners_seen_max": self.owners_seen_max,
            "recovered": self.recovered,
        }
