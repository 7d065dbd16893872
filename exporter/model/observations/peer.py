"""The other node."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from exporter.model.observations.check import Check


@dataclass(frozen=True, slots=True)
class PeerVip:
    """A virtual IP as the other node has it; ``stable_seconds`` is what its own ``Vip.stable_seconds`` is."""

    owned: bool
    stable_seconds: float | None


@dataclass(frozen=True, slots=True)
class PeerStatus:
    """What the other node's exporter says of its node; what it does not know is missing or None."""

    name: str
    role: str
    version: str
    vips: Mapping[str, PeerVip]  # by address
    keepalived_up: bool | None
    virtual_router_ids: Mapping[str, int]  # by VRRP instance
    vrrp_versions: Mapping[str, int]  # by VRRP instance
    drained: bool | None
    digests: Mapping[str, str]
    clock_offset: float  # its clock minus ours, in seconds
    checks: tuple[Check, ...]  # its own verdicts about itself


@dataclass(frozen=True, slots=True)
class PeerObservation:
    """The other node, or why it could not be asked."""

    address: str
    age: float  # seconds since it was asked
    query_duration: float
    peer: PeerStatus | None
    error: str | None
    keyed: bool = True  # only an answer that has the pair key counts
