"""The verdict: each module evaluates one kind of observation; all are pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from exporter.checks import (
    advert_filter,
    conflict,
    containers,
    dhcp,
    firewall,
    health,
    node,
    peer,
    resolve,
    sync,
    vip,
    vrrp,
)
from exporter.model.observations import Check, NodeStatus, Status
from exporter.settings.values import Settings

# The worst last; unknown is worse than fine and better than a warning that somebody saw (as the
# monitoring plugins' max_state_alt has it).
_SEVERITY = (Status.OK, Status.UNKNOWN, Status.WARNING, Status.CRITICAL)


def evaluate(status: NodeStatus, settings: Settings) -> tuple[Check, ...]:
    """Evaluate the pair as this node and, through its peer, the other one see it."""
    modules = (node, vip, vrrp, health, advert_filter, firewall, resolve, containers, sync, peer, conflict, dhcp)
    return tuple(check for module in modules for check in module.evaluate(status, settings))


def worst(checks: Sequence[Check]) -> Status:
    """Return the overall verdict; without any check it is unknown."""
    return max((check.status for check in checks), key=_SEVERITY.index, default=Status.UNKNOWN)


def wrong(checks: Iterable[Check]) -> list[Check]:
    """Return the checks that are not well, the worst first."""
    found = [check for check in checks if check.status is not Status.OK]
    return sorted(found, key=lambda check: _SEVERITY.index(check.status), reverse=True)
