"""Does exactly one node own each virtual IP, and can clients use it?"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from exporter.checks.build import Evaluation, age
from exporter.model import pair
from exporter.model.observations import (
    Check,
    Conflict,
    ConflictObservation,
    NodeStatus,
    ResolveObservation,
    Vip,
    VipObservation,
    VrrpObservation,
)
from exporter.settings.values import Settings


def evaluate(status: NodeStatus, settings: Settings) -> Iterator[Check]:
    """Evaluate every virtual IP."""
    seen = pair.find(status, VipObservation)
    evaluation = Evaluation(status, "vip")
    split: list[Check] = []
    for vip in seen.vips if seen else ():
        owners = list(_owners(evaluation, vip, settings))
        split += [check for check in owners if check.id == "vip.split_brain"]
        yield from owners
        if vip.owned:
            yield from _usable(evaluation, vip, settings)
    conflicts = pair.find(status, ConflictObservation)
    for conflict in conflicts.conflicts if conflicts else ():
        yield from _on_the_wire(Evaluation(status, "conflict"), conflict, known={check.subject for check in split})


def _on_the_wire(evaluation: Evaluation, conflict: Conflict, *, known: Collection[str]) -> Iterator[Check]:
    """Evaluate who else answers for a virtual IP; a split brain that the exporters know of has its own check."""
    expected = "no other host with that address"
    device = conflict.foreign
    find = (
        "find that device by its MAC (the router's list of clients, a switch's list of ports), give it another address "
        "and keep this one out of the router's DHCP range; whichever node owns the address announces it every 5 s"
    )
    if device is not None and device.lasting:
        seen = f"{device.hardware}, which is neither node, answers for {conflict.address} too"
        lasts = age(max(0.0, evaluation.status.time - device.first))
        yield evaluation.critical("vip.foreign_owner", f"{seen} (for {lasts})", expected, find, conflict.address)
    elif device is not None:
        ago = age(max(0.0, evaluation.status.time - device.last))
        seen = f"{device.hardware}, which is neither node, answered for {conflict.address} until {ago} ago"
        yield evaluation.ended("vip.foreign_owner", seen, expected, find, conflict.address)
    if conflict.split and conflict.address not in known:
        yield evaluation.critical(
            "vip.split_brain",
            f"the other node answers for {conflict.address} on the LAN, and this node has it too",
            "exactly one owner",
            "look whether keepalived lives on both and whether they hear each other (link, firewall, VRID)",
            conflict.address,
        )


def _owners(evaluation: Evaluation, vip: Vip, settings: Settings) -> Iterator[Check]:
    owners = pair.owners(evaluation.status, vip)
    standalone = settings.node_role == "standalone"
    held = f"{vip.address} is on {vip.device}"
    if vip.last_transition is not None and vip.owned:
        held += f" for {age(max(0.0, evaluation.status.time - vip.last_transition))}"
    if owners is not None and len(owners) > 1:
        yield evaluation.critical(
            "vip.split_brain",
            f"{' and '.join(owners)} both own {vip.address}",
            "exactly one owner",
            "look whether keepalived lives on both and whether they hear each other (link, firewall, VRID); "
            "start it where it is dead; if they do not hear each other, stop it on the node that should not own it",
            vip.address,
        )
    elif owners is not None:
        yield evaluation.ok(
            "vip.split_brain", f"{len(owners)} owner of {vip.address}", "at most one owner", vip.address
        )
    if owners:
        yield evaluation.ok("vip.owner", f"owned by {' and '.join(owners)}", "an owner", vip.address)
    elif vip.owned:
        yield evaluation.ok("vip.owner", held, "an owner", vip.address)
    elif owners is not None or standalone:
        yield evaluation.critical(
            "vip.owner",
            f"nobody owns {vip.address}",
            "exactly one owner",
            "start keepalived; its log says why it does not take the address",
            vip.address,
        )
    else:
        yield _owner_from_answers(evaluation, vip)


def _owner_from_answers(evaluation: Evaluation, vip: Vip) -> Check:
    """Without the peer's word, an answer from the address proves that somebody owns it."""
    resolve = pair.find(evaluation.status, ResolveObservation)
    for probe in resolve.probes if resolve else ():
        if probe.target == "vip" and probe.server == vip.address and probe.last_ok:
            return evaluation.ok(
                "vip.owner", f"{probe.answered_by or 'somebody'} answers for it", "an owner", vip.address
            )
    peer_is_asked = any(result.collector == "peer" and result.observation for result in evaluation.status.results)
    if resolve is None or not peer_is_asked:
        return evaluation.unknown(
            "vip.owner", "not owned here", "an owner", "see the collectors that have no data", vip.address
        )
    return evaluation.critical(
        "vip.owner",
        f"not owned here, nobody answers from {vip.address}, and the peer is silent",
        "exactly one owner",
        "look whether the other node is alive, and why keepalived here does not take the address over",
        vip.address,
    )


def _usable(evaluation: Evaluation, vip: Vip, settings: Settings) -> Iterator[Check]:
    if vip.usable:
        yield evaluation.ok("vip.usable", f"{vip.address} is usable", "a usable address", vip.address)
    else:
        yield evaluation.critical(
            "vip.usable",
            f"the kernel holds {vip.address} back: duplicate address detection runs or has failed",
            "a usable address",
            "look for another host with that address, then restart keepalived",
            vip.address,
        )
    if vip.device != settings.network_interface:
        yield evaluation.warning(
            "vip.device",
            f"{vip.address} is on {vip.device}",
            f"it is on {settings.network_interface}",
            "look which interface leads to the clients (ip -br address): correct NETWORK_INTERFACE on this node, or "
            "restart keepalived where the address was put on that interface by hand",
            vip.address,
        )
    vrrp = pair.find(evaluation.status, VrrpObservation)
    if vrrp is not None and not vrrp.keepalived_up:
        yield evaluation.critical(
            "vip.abandoned",
            f"{vip.address} is on this node, but keepalived is dead",
            "only a living keepalived holds the address",
            "start keepalived; until then the other node takes the address as well",
            vip.address,
        )
