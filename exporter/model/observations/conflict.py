"""Conflicts seen on the wire: foreign owners of a virtual IP, and VRRP advertisements that do not fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum


@dataclass(frozen=True, slots=True)
class ForeignDevice:
    """A device that is neither node and has, or had, a virtual IP."""

    hardware: str
    lasting: bool
    first: float
    last: float


@dataclass(frozen=True, slots=True)
class Conflict:
    """What the wire says about one virtual IP.

    ``foreign_owner`` is the hardware address of a device that is neither node and has the address now, ``foreign`` the
    last one of the last ten minutes. ``split`` says that the other node's hardware answers for what this node has.
    """

    address: str
    foreign_owner: str | None
    foreign_replies: int
    foreign: ForeignDevice | None = None
    split: bool = False


class AdvertiserKind(Enum):
    """Who sends VRRP advertisements that do not fit (stack/keepalived/wire/speakers.py)."""

    STRANGER = "stranger"  # neither node
    FORGED = "forged"  # in the name of one of the nodes, from other hardware
    PEER = "peer"  # the other node
    HOST = "host"  # this very host, but not this keepalived


@dataclass(frozen=True, slots=True)
class Advertiser:
    """A sender of VRRP advertisements that do not fit, in the last ten minutes; ``seen`` says how they do not."""

    kind: AdvertiserKind
    source: str  # empty: no IP packet
    hardware: str
    way: str  # "unicast" or "multicast"
    mixed: bool  # it sends good ones as well
    settled: bool  # it was the other node with other settings, and they fit again
    lasting: bool
    first: float
    last: float
    count: int
    seen: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ConflictObservation:
    """Contradictions seen on the wire beside keepalived: ARP answers (RFC 5227) and VRRP advertisements (RFC 9568)."""

    keepalived_up: bool
    conflicts: tuple[Conflict, ...] = ()
    advertisements: Mapping[str, int] = field(default_factory=dict)  # contradictory ones, by reason
    advertisers: tuple[Advertiser, ...] = ()
    announcements: int = 0  # of a virtual IP, against a device that has it too
    dropped_frames: int = 0  # which came faster than they were looked at
