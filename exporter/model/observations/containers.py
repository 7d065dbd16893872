"""The containers that are expected on this node."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Container:
    """One container that is expected on this node."""

    name: str
    state: str  # Docker's word, or "absent"
    health: str | None  # Docker's word; None: it has no health check
    restarts: int | None
    oom_killed: bool | None
    exit_code: int | None  # None while it runs
    started_at: float | None
    events: Mapping[str, int] = field(default_factory=dict)  # since the exporter started, by Docker's action

    @property
    def running(self) -> bool:
        """Whether Docker says it runs."""
        return self.state == "running"


@dataclass(frozen=True, slots=True)
class ContainersObservation:
    """The expected containers."""

    containers: tuple[Container, ...]
