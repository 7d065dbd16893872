"""Four failures: what happens, how it is noticed, how it ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from .exporters import Report
from .lab import Lab

SPLIT_BRAIN_CHECK: Final = "vip.split_brain"


@dataclass(frozen=True, slots=True)
class Scenario:
    """One failure of the node that owns the VIP.

    ``strike`` and ``recover`` are given the owner's name; ``told`` says of a report from the named exporter whether it
    tells of the new situation.
    """

    name: str
    headline: str
    strike: Callable[[Lab, str], None]
    recover: Callable[[Lab, str], None]
    owners_after: Callable[[str, str], tuple[str, ...]]
    """The nodes that hold the VIP then, from the owner's and the other's name."""
    told_what: str
    told: Callable[[Report, str], bool]
    """Whether a report tells of it; given the VIP too."""


def _owns(report: Report, vip: str) -> bool:
    return vip in report.owned


def _split_brain(report: Report, vip: str) -> bool:
    return any(trouble.id == SPLIT_BRAIN_CHECK and trouble.subject == vip for trouble in report.troubles)


SCENARIOS: Final = (
    Scenario(
        name="graceful",
        headline="keepalived is stopped on the owner, as an update does",
        strike=lambda lab, owner: lab.stop_service(owner, "keepalived"),
        recover=lambda lab, owner: lab.start_service(owner, "keepalived"),
        owners_after=lambda _, other: (other,),
        told_what="the new owner says that it has the VIP",
        told=_owns,
    ),
    Scenario(
        name="service",
        headline="the DNS service stops on the owner",
        strike=lambda lab, owner: lab.stop_service(owner, "dnsmasq"),
        recover=lambda lab, owner: lab.start_service(owner, "dnsmasq"),
        owners_after=lambda _, other: (other,),
        told_what="the new owner says that it has the VIP",
        told=_owns,
    ),
    Scenario(
        name="crash",
        headline="the owner loses its power",
        strike=lambda lab, owner: lab.crash(owner),
        recover=lambda lab, owner: lab.boot(owner),
        owners_after=lambda _, other: (other,),
        told_what="the new owner says that it has the VIP",
        told=_owns,
    ),
    Scenario(
        name="sigkill",
        headline="all of keepalived is killed on the owner, so that the VIP stays on both nodes",
        strike=lambda lab, owner: lab.kill9_keepalived(owner),
        recover=lambda lab, owner: lab.start_service(owner, "keepalived"),
        owners_after=lambda owner, other: (owner, other),
        told_what="an exporter reports the split brain",
        told=_split_brain,
    ),
)

# The same where each node runs the guard, as the product does: the VIP leaves the node whose keepalived was killed.
GUARDED: Final = (
    *SCENARIOS[:-1],
    replace(
        SCENARIOS[-1],
        headline="all of keepalived is killed on the owner; its guard takes the VIP off it",
        owners_after=lambda _, other: (other,),
        told_what="the new owner says that it has the VIP",
        told=_owns,
    ),
)
