"""The stack's own DHCP server."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DhcpObservation:
    """The stack's DHCP server, by the service that starts it where the virtual IP is. Times in Unix seconds."""

    report_time: float
    serving: bool
    problem: str  # why it does not serve though it should; empty otherwise
    leases: int  # that this node knows of, its own and the other node's
    copied: float | None  # when the other node last told its leases; None: not since the service was started
    copy_problem: str
    foreign: tuple[str, ...]  # addresses of other DHCP servers on the LAN
