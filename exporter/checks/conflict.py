"""Does anything on the LAN, or on this host, work against the pair?

Other devices that have a virtual IP are evaluated where the virtual IPs are.
"""

from __future__ import annotations

from collections.abc import Iterator

from exporter.checks.build import Evaluation, age
from exporter.model import pair
from exporter.model.observations import Advertiser, AdvertiserKind, Check, ConflictObservation, NodeStatus
from exporter.settings.values import Settings

_FIND = "find it by its MAC (the router's list of clients, a switch's list of ports)"


def evaluate(status: NodeStatus, settings: Settings) -> Iterator[Check]:
    """Evaluate the VRRP advertisements of the last ten minutes; beside a dead keepalived nobody hears them."""
    seen = pair.find(status, ConflictObservation)
    if seen is None or not seen.keepalived_up:
        return
    evaluation = Evaluation(status, "conflict")
    router = settings.virtual_router_id
    expected = f"only this node and its peer advertise virtual router {router}, with equal settings"
    others = [one for one in seen.advertisers if one.kind is not AdvertiserKind.HOST and not one.settled]
    if others:
        lasting = any(one.lasting for one in others)
        yield (evaluation.warning if lasting else evaluation.ended)(
            "conflict.advertisements",
            "; ".join(_sentence(status, one, settings) for one in others),
            expected,
            "; ".join(dict.fromkeys(_advice(one, settings) for one in others)),
        )
    else:
        yield evaluation.ok("conflict.advertisements", "no contradictory VRRP advertisement of late", expected)
    yield _this_host(evaluation, [one for one in seen.advertisers if one.kind is AdvertiserKind.HOST])


def another_program(status: NodeStatus) -> bool:
    """Whether this host has sent VRRP that is not its keepalived's lately."""
    seen = pair.find(status, ConflictObservation)
    return seen is not None and any(one.kind is AdvertiserKind.HOST for one in seen.advertisers)


def explains(status: NodeStatus) -> bool:
    """Whether it is known who sent what a filter dropped."""
    seen = pair.find(status, ConflictObservation)
    return seen is not None and any(one.kind is not AdvertiserKind.HOST for one in seen.advertisers)


def since(status: NodeStatus, last: float) -> str:
    """How long something has been over, in words."""
    return f"{age(max(0.0, status.time - last))} ago"


def _this_host(evaluation: Evaluation, found: list[Advertiser]) -> Check:
    expected = "keepalived of this stack is the only VRRP program on this host"
    if not found:
        return evaluation.ok("conflict.this_host", "no other VRRP program is seen on this host", expected)
    one = found[0]
    how = f"adverts from {one.source} by {one.way} ({'; '.join(one.seen)})"
    ago = since(evaluation.status, one.last)
    return (evaluation.warning if one.lasting else evaluation.ended)(
        "conflict.this_host",
        f"another VRRP program runs on this host: it sends {how}"
        if one.lasting
        else f"another VRRP program ran on this host: it sent {how}, the last {ago}",
        expected,
        "it holds the virtual IP when this node gives it away: stop it (systemctl disable --now keepalived; "
        "ps -C keepalived,vrrpd,ucarp shows it, docker ps where it is in a container)",
    )


def _sentence(status: NodeStatus, one: Advertiser, settings: Settings) -> str:
    sends = "sends" if one.lasting else "sent"
    when = "" if one.lasting else f", the last {since(status, one.last)}"
    how = "; ".join(one.seen)
    if one.kind is AdvertiserKind.STRANGER:
        return f"{one.source or 'a host'} ({one.hardware}) {sends} VRRP by {one.way}{when}: {how}"
    if one.kind is AdvertiserKind.FORGED:
        node = "this node" if one.source == str(settings.node_ip.address) else "the other node"
        faults = f": {how}" if how else ""
        return f"{one.hardware} {sends} forged VRRP in the name of {node} ({one.source}) by {one.way}{when}{faults}"
    if one.mixed:
        return f"{one.source} ({one.hardware}) {sends} VRRP that fits and VRRP that does not{when}: {how}"
    return f"{one.source}: {how}{when}"


def _advice(one: Advertiser, settings: Settings) -> str:
    if one.kind is AdvertiserKind.STRANGER:
        return (
            f"{_FIND}; stop VRRP there or choose another VIRTUAL_ROUTER_ID on both nodes (here it is "
            f"{settings.virtual_router_id}); compare PEER_IP and NODE_IP in both .env files if it is a node of yours"
        )
    if one.kind is AdvertiserKind.FORGED:
        return f"{_FIND} and take it off the LAN: nothing honest sends such packets"
    if one.mixed:
        return (
            "another VRRP program runs on the other node (systemctl disable --now keepalived there), or somebody "
            "forges its MAC"
        )
    return "compare the .env files of both nodes, and look for another VRRP program on the other node"
