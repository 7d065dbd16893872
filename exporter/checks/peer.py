"""Is there a second node that could take over, and does it agree with this one?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from exporter.checks import means
from exporter.checks.build import Evaluation
from exporter.model import pair
from exporter.model.observations import (
    Check,
    NodeStatus,
    PeerObservation,
    PeerStatus,
    ResolveObservation,
    Status,
    VipObservation,
    VrrpObservation,
)
from exporter.settings.values import Settings

# What the other node says of the pair is evaluated here already; only what it says of itself is news.
_ABOUT_THE_PAIR = ("peer.", "vip.split_brain", "vip.owner", "sync.drift", "resolve.peer")


_SILENT_NODE = (
    "look whether the node is alive, its exporter runs, and its firewall lets this node in; "
    "if nothing on the LAN reaches this node either, its own link is cut and clients are not served"
)
_SILENT_EXPORTER = (
    "mend what is named; the node is alive, so look whether its exporter runs and its firewall lets this node in"
)
_NEW_KEY = (
    "on the primary stack/deploy.sh makes one; copy that line of its .env into the other node's, and run it there"
)
_NEW_KEY_FILE = (
    "write one into a file (openssl rand -hex 32), copy that to the other node, name it in PAIR_KEY_FILE on both, and "
    "restart both exporters"
)


def evaluate(status: NodeStatus, settings: Settings) -> Iterator[Check]:
    """Evaluate the other node by its own word."""
    seen = pair.find(status, PeerObservation)
    if seen is None:
        return
    evaluation = Evaluation(status, "peer")
    yield _pair_key(evaluation, seen, settings)
    if seen.peer is None:
        yield evaluation.warning(
            "peer.reachable",
            (seen.error or f"{seen.address} is silent") + _alone(status),
            "the other node's exporter answers",
            _SILENT_EXPORTER if _answers_dns(status) else _SILENT_NODE,
            seen.address,
        )
        return
    yield evaluation.ok(
        "peer.reachable", f"{seen.peer.name} answers", "the other node's exporter answers", seen.address
    )
    yield from _agreement(evaluation, seen.peer, settings)
    offset = seen.peer.clock_offset
    if abs(offset) > settings.clock_tolerance:
        yield evaluation.warning(
            "peer.clock",
            f"{seen.peer.name}'s clock is {abs(offset):.1f} s {'ahead' if offset > 0 else 'behind'}",
            f"at most {settings.clock_tolerance:g} s apart",
            "look at time synchronisation on both nodes (timedatectl)",
            seen.address,
        )
    for check in seen.peer.checks:
        if check.status is not Status.OK and not check.id.startswith(_ABOUT_THE_PAIR):
            yield replace(check, collector="peer")


def _pair_key(evaluation: Evaluation, seen: PeerObservation, settings: Settings) -> Check:
    if seen.keyed:
        return evaluation.ok(
            "peer.pair_key", "the other node's answers count with the pair key alone", subject=seen.address
        )
    return evaluation.warning(
        "peer.pair_key",
        f"there is no pair key: whoever answers at {seen.address} is taken for the other node",
        "the same PAIR_KEY on both nodes",
        _NEW_KEY if means.is_stack(settings) else _NEW_KEY_FILE,
        seen.address,
    )


def _answers_dns(status: NodeStatus) -> bool:
    """Whether the other node's own address has answered the last query over each way."""
    seen = pair.find(status, ResolveObservation)
    probes = [probe for probe in seen.probes if probe.target == "peer"] if seen else []
    return bool(probes) and all(probe.last_ok for probe in probes)


def _alone(status: NodeStatus) -> str:
    """What it means here that the other node is silent: clients are served, without redundancy."""
    if _answers_dns(status):
        return "; its DNS answers, but whether it is ready to take over is not known"
    vips = pair.find(status, VipObservation)
    if vips is None or not vips.vips or not all(vip.owned for vip in vips.vips):
        return ""
    return f"; {status.node.name} serves, and nobody is known who could take over"


def _agreement(evaluation: Evaluation, peer: PeerStatus, settings: Settings) -> Iterator[Check]:
    """Compare the settings that must be equal, and those that must not."""
    differences = []
    vips = pair.find(evaluation.status, VipObservation)
    own = {vip.address for vip in vips.vips} if vips else set()
    if own and peer.vips and own != set(peer.vips):
        differences.append(f"VIP_ADDRESS is {_listed(own)} here and {_listed(set(peer.vips))} there")
    if peer.role == settings.node_role:
        differences.append(f"both nodes are {peer.role}")
    vrrp = pair.find(evaluation.status, VrrpObservation)
    for instance in vrrp.instances if vrrp else ():
        theirs = peer.virtual_router_ids.get(instance.name)
        if instance.virtual_router_id is not None and theirs not in (None, instance.virtual_router_id):
            differences.append(f"VIRTUAL_ROUTER_ID is {instance.virtual_router_id} here and {theirs} there")
        version = peer.vrrp_versions.get(instance.name)
        if instance.version is not None and version not in (None, instance.version):
            differences.append(f"VRRP version is {instance.version} here and {version} there (see VRRP_PASSWORD)")
    if differences:
        yield evaluation.critical(
            "peer.settings",
            "; ".join(differences),
            "one primary and one secondary with the same VIP_ADDRESS, VIRTUAL_ROUTER_ID and VRRP_PASSWORD",
            f"compare the {means.files(settings)} of both nodes",
            peer.name,
        )
    else:
        yield evaluation.ok("peer.settings", "both nodes' settings fit together", subject=peer.name)


def _listed(addresses: set[str]) -> str:
    return ",".join(sorted(addresses))
