"""All observations of a node at one time."""

from __future__ import annotations

from dataclasses import dataclass

from exporter.model.observations.conflict import ConflictObservation
from exporter.model.observations.containers import ContainersObservation
from exporter.model.observations.dhcp import DhcpObservation
from exporter.model.observations.filters import AdvertFilterObservation, FirewallObservation
from exporter.model.observations.health import HealthObservation
from exporter.model.observations.node import NodeIdentity
from exporter.model.observations.peer import PeerObservation
from exporter.model.observations.pihole import PiholeObservation
from exporter.model.observations.resolve import ResolveObservation
from exporter.model.observations.sync import SyncObservation
from exporter.model.observations.unbound import UnboundObservation
from exporter.model.observations.vip import VipObservation
from exporter.model.observations.vrrp import VrrpObservation

Observation = (
    VipObservation
    | VrrpObservation
    | HealthObservation
    | AdvertFilterObservation
    | FirewallObservation
    | DhcpObservation
    | ContainersObservation
    | ResolveObservation
    | SyncObservation
    | PeerObservation
    | ConflictObservation
    | UnboundObservation
    | PiholeObservation
)


@dataclass(frozen=True, slots=True)
class CollectorResult:
    """One run of one collector: an observation, and a sentence that says what is missing, or why all is."""

    collector: str
    duration: float
    observation: Observation | None
    error: str | None


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """Everything that one look at this node gave."""

    node: NodeIdentity
    time: float
    results: tuple[CollectorResult, ...]
