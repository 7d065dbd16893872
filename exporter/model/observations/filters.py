"""The filter of adverts, and the firewall."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class AdvertFilterObservation:
    """The filter of VRRP adverts before keepalived, by the process that looks after it."""

    keepalived_up: bool
    report_time: float | None = None
    problem: str | None = None  # empty: the filter is loaded; None: not known, for nobody has said it lately
    dropped: Mapping[str, int] = field(default_factory=dict)  # by the field that did not fit
    last_dropped: Mapping[str, float] = field(default_factory=dict)  # the same


@dataclass(frozen=True, slots=True)
class FirewallObservation:
    """The stack's own table of nftables, by the service that looks after it."""

    report_time: float
    state: Literal["loaded", "off", "failed"]
    problem: str  # why it is not loaded; empty otherwise
    closed: tuple[int, ...]  # ports that a host of the LAN does not reach while it is loaded
