"""Does VRRP on the wire contradict this node?

Other owners of a virtual IP are judged where the virtual IPs are.
"""

from __future__ import annotations

from collections.abc import Iterator

from exporter import pair
from exporter.checks.build import Judge
from exporter.observations import Check, ConflictObservation, NodeStatus
from exporter.settings.values import Settings


def judge(status: NodeStatus, settings: Settings) -> Iterator[Check]:
    """Judge the VRRP advertisements that were heard lately."""
    seen = pair.find(status, ConflictObservation)
    if seen is None:
        return
    judge = Judge(status, "conflict")
    expected = f"only this node and its peer advertise virtual router {settings.virtual_router_id}, with equal settings"
    if seen.last_advertisement_problem is None:
        yield judge.ok("conflict.advertisements", "no contradictory VRRP advertisement of late", expected)
    else:
        yield judge.warning(
            "conflict.advertisements",
            seen.last_advertisement_problem,
            expected,
            "compare the .env files of both nodes, PEER_IP and NODE_IP too; "
            "where another pair or router uses this VIRTUAL_ROUTER_ID, choose another one on both nodes",
        )
