"""What the collectors saw: frozen values, the only thing that views know.

Times are Unix seconds, durations are seconds. ``None`` means unknown or not applicable, never zero.
"""

from __future__ import annotations

from exporter.model.observations.check import Check, Status
from exporter.model.observations.conflict import (
    Advertiser,
    AdvertiserKind,
    Conflict,
    ConflictObservation,
    ForeignDevice,
)
from exporter.model.observations.containers import Container, ContainersObservation
from exporter.model.observations.dhcp import DhcpObservation
from exporter.model.observations.filters import AdvertFilterObservation, FirewallObservation
from exporter.model.observations.health import HealthObservation, HealthQuestion, HealthVerdict, HelperProcess
from exporter.model.observations.latency import Latency
from exporter.model.observations.node import NODE_NAME, ROLES, NodeIdentity
from exporter.model.observations.peer import PeerObservation, PeerStatus, PeerVip
from exporter.model.observations.pihole import PiholeObservation, TopEntry
from exporter.model.observations.resolve import Probe, Protocol, ResolveObservation
from exporter.model.observations.status import CollectorResult, NodeStatus, Observation
from exporter.model.observations.sync import ContentDigest, SyncObservation, SyncTask
from exporter.model.observations.unbound import UnboundObservation
from exporter.model.observations.vip import Vip, VipObservation
from exporter.model.observations.vrrp import VrrpCounters, VrrpEvent, VrrpInstance, VrrpObservation, VrrpState

__all__ = [
    "NODE_NAME",
    "ROLES",
    "AdvertFilterObservation",
    "Advertiser",
    "AdvertiserKind",
    "Check",
    "CollectorResult",
    "Conflict",
    "ConflictObservation",
    "Container",
    "ContainersObservation",
    "ContentDigest",
    "DhcpObservation",
    "FirewallObservation",
    "ForeignDevice",
    "HealthObservation",
    "HealthQuestion",
    "HealthVerdict",
    "HelperProcess",
    "Latency",
    "NodeIdentity",
    "NodeStatus",
    "Observation",
    "PeerObservation",
    "PeerStatus",
    "PeerVip",
    "PiholeObservation",
    "Probe",
    "Protocol",
    "ResolveObservation",
    "Status",
    "SyncObservation",
    "SyncTask",
    "TopEntry",
    "UnboundObservation",
    "Vip",
    "VipObservation",
    "VrrpCounters",
    "VrrpEvent",
    "VrrpInstance",
    "VrrpObservation",
    "VrrpState",
]
