"""DNS servers, asked again and again, and how long their answers took."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from exporter.model.addressing import Family
from exporter.model.observations.latency import Latency

Protocol = Literal["udp", "tcp"]


@dataclass(frozen=True, slots=True)
class Probe:
    """One DNS server asked over one protocol, again and again."""

    target: str  # "vip", "pihole", "unbound", "peer"
    server: str  # address
    port: int
    family: Family
    protocol: Protocol
    queries: int
    failures: Mapping[str, int]  # by reason
    responses: Mapping[str, int]  # by rcode
    answers: Mapping[str, int]  # by the node that answered
    latency: Latency  # of good answers
    last_ok: bool | None  # None: not asked yet
    last_error: str | None  # a sentence
    last_latency: float | None
    last_success: float | None
    answered_by: str | None  # the node that gave the last good answer; None: there was none, or it did not tell
    outages: int  # ended or going on
    outage_seconds: float  # of ended outages
    last_outage: float | None  # length of the last ended one
    last_outage_start: float | None  # beginning of that one
    outage_start: float | None  # None: no outage now


@dataclass(frozen=True, slots=True)
class ResolveObservation:
    """Every probe of this node, and whom its host asks for names (None: not known)."""

    probes: tuple[Probe, ...]
    resolvers: tuple[str, ...] | None = None
