"""Keepalived on this node, and its VRRP instances."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum


class VrrpState(Enum):
    """States of a VRRP instance (RFC 9568, keepalived adds fault and stopped)."""

    INIT = "init"
    BACKUP = "backup"
    MASTER = "master"
    FAULT = "fault"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class VrrpCounters:
    """Counters that a keepalived process keeps for one instance since it started."""

    advertisements_received: int
    advertisements_sent: int
    priority_zero_received: int
    priority_zero_sent: int
    errors: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class VrrpInstance:
    """One VRRP instance: state and history from the event log, the rest from the latest dump."""

    name: str
    state: VrrpState | None  # None: nobody records it now, so the last one known is not repeated
    transitions: Mapping[VrrpState, int]
    last_transition: float | None
    effective_priority: int | None
    base_priority: int | None
    virtual_router_id: int | None
    interface: str | None
    version: int | None
    advertisement_interval: float | None
    counters: VrrpCounters | None


@dataclass(frozen=True, slots=True)
class VrrpEvent:
    """One line of the event log."""

    time: float
    message: str


@dataclass(frozen=True, slots=True)
class VrrpObservation:
    """Keepalived on this node. ``dump_time`` is when its counters were taken.

    ``problems`` says what could not be read; everything that is given was. ``notices`` tells what was damaged lately
    and has been replaced.
    """

    keepalived_up: bool
    keepalived_version: str | None
    starts: int
    child_exits: int
    last_start: float | None
    dump_time: float | None
    drained: bool
    instances: tuple[VrrpInstance, ...]
    recent_events: tuple[VrrpEvent, ...] = ()
    problems: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
