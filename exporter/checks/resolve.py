"""Does DNS answer, fast, over every way, and from the node that should?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from exporter.checks import means
from exporter.checks.build import Evaluation, age
from exporter.model import pair
from exporter.model.observations import Check, NodeStatus, Probe, ResolveObservation, Vip, VipObservation
from exporter.settings.values import Settings

DNS_PORT = 53
# An answer this old is told with its age.
OLD_SECONDS = 2.0
# The old owner answers for 0.25 s after the address has left it (stack/guard/grace_route.py), itself too.
MOVING_SECONDS = 0.5

_NAMES = {"vip": "the VIP", "pihole": "this node's Pi-hole", "unbound": "this node's Unbound", "peer": "the peer"}
_ADVICE = {
    "vip": "see who owns the VIP, and whether that node's Pi-hole and Unbound answer",
    "pihole": "look at the Pi-hole container and its log; is port 53 taken by something else?",
    "unbound": "look at the Unbound container and its log",
    "peer": "look at the other node: its containers, its link, its firewall",
}
# Where the stack does not run, nobody knows which programs these are.
_OWN_NAMES = {**_NAMES, "pihole": "this node's resolver", "unbound": "this node's recursor"}
_OWN_ADVICE = {
    "vip": "see who owns the VIP, and whether that node's resolver answers",
    "pihole": "look at the resolver's service and log; is port 53 taken by something else?",
    "unbound": "look at the recursor's service and log; RECURSOR_ADDRESS=none where there is none",
    "peer": "look at the other node: its resolver, its link, its firewall",
}
_NO_CANARY = "; where no canary zone is served, set PROBE_NAME to a name that resolves"


def evaluate(status: NodeStatus, settings: Settings) -> Iterator[Check]:
    """Evaluate every probe."""
    seen = pair.find(status, ResolveObservation)
    evaluation = Evaluation(status, "resolve")
    for probe in seen.probes if seen else ():
        about = subject(probe)
        name = f"resolve.{probe.target}"
        if probe.last_ok is None:
            yield evaluation.unknown(name, "not asked yet", "an answer", "wait for the first probe", about)
        elif not probe.last_ok:
            yield _failed(evaluation, probe, name, about, settings)
        else:
            yield from _answered(evaluation, probe, name, about, settings)
    if seen is not None:
        yield from _hosts_resolvers(evaluation, seen.resolvers or (), settings)


def _hosts_resolvers(evaluation: Evaluation, resolvers: Sequence[str], settings: Settings) -> Iterator[Check]:
    """A host that asks nobody but the pair for names cannot heal itself; only that is told.

    Other loopback addresses than these are a program's that asks somebody else (systemd-resolved, Docker).
    """
    pair_addresses = {"127.0.0.1": "this host itself", "::1": "this host itself"}
    pair_addresses |= {str(virtual.address): "the virtual IP" for virtual in settings.vip_address}
    pair_addresses[str(settings.node_ip.address)] = "this node"
    if settings.peer_ip is not None:
        pair_addresses[str(settings.peer_ip)] = "the other node"
    if resolvers and all(one in pair_addresses for one in resolvers):
        who = ", ".join(f"{one} ({pair_addresses[one]})" for one in resolvers)
        yield evaluation.warning(
            "resolve.resolvers",
            f"this host asks nobody but {who} for names: with a wrong clock it resolves nothing, not even the time "
            "server that would set it",
            "resolvers that do not depend on this pair",
            "name the router or a public resolver, such as 9.9.9.9, as DNS server in nmtui, dhcpcd.conf or netplan"
            + ("; then restart the exporter, which has Docker's copy of /etc/resolv.conf" * means.is_stack(settings)),
        )


def _failed(evaluation: Evaluation, probe: Probe, name: str, subject: str, settings: Settings) -> Check:
    seen = probe.last_error or "no good answer"
    if probe.outage_start is not None:
        seen += f" (since {age(max(0.0, evaluation.status.time - probe.outage_start))})"
    verdict = evaluation.critical if probe.target == "vip" else evaluation.warning
    own = not means.is_stack(settings)
    advice = (_OWN_ADVICE if own else _ADVICE)[probe.target]
    if own and not settings.probe_name:
        advice += _NO_CANARY
    return verdict(name, seen, _answers(probe, settings), advice, subject)


def _answers(probe: Probe, settings: Settings) -> str:
    return f"{(_NAMES if means.is_stack(settings) else _OWN_NAMES)[probe.target]} answers"


def _answered(evaluation: Evaluation, probe: Probe, name: str, subject: str, settings: Settings) -> Iterator[Check]:
    latency = probe.last_latency or 0.0
    unnamed = "" if probe.answered_by else " (by whom is not known)"
    seen = f"{answered(probe)} in {latency * 1000:.1f} ms{when(evaluation.status, probe)}{unnamed}"
    if latency > settings.slow_answer:
        yield evaluation.warning(
            name, seen, f"within {settings.slow_answer * 1000:.0f} ms", "look at load, temperature and SD card", subject
        )
    else:
        yield evaluation.ok(name, seen, _answers(probe, settings), subject)
    expected = _who_should_answer(evaluation.status, probe)
    if expected is not None and probe.answered_by not in (None, expected):
        yield evaluation.warning(
            "resolve.answered_by",
            f"{probe.answered_by} answered for {probe.server}",
            f"{expected} answers",
            "a stale ARP entry, a second owner, or an Unbound that forwards to the other node",
            subject,
        )


def subject(probe: Probe) -> str:
    """Return what the checks of a probe are about, with its port unless it is 53: one address may have two."""
    where = probe.server
    if probe.port != DNS_PORT:
        where = f"[{where}]:{probe.port}" if probe.family == "ipv6" else f"{where}:{probe.port}"
    return f"{where} {probe.protocol}"


def answered(probe: Probe) -> str:
    """Say that it answered, and which node did where that is known."""
    return f"answered by {probe.answered_by}" if probe.answered_by else "answered"


def when(status: NodeStatus, probe: Probe) -> str:
    """How old the answer is, when it may not be the one that would come now."""
    if probe.last_success is None:
        return ""
    words = ""
    passed = status.time - probe.last_success
    if passed >= OLD_SECONDS:
        words += f", {age(passed)} ago"
    vip = _vip(status, probe)
    if vip is not None and _is_from_before_it_moved(probe, vip):
        words += ", before the address moved"
    return words


def _vip(status: NodeStatus, probe: Probe) -> Vip | None:
    vips = pair.find(status, VipObservation) if probe.target == "vip" else None
    return next((vip for vip in vips.vips if vip.address == probe.server), None) if vips else None


def _is_from_before_it_moved(probe: Probe, vip: Vip) -> bool:
    if probe.last_success is None or vip.last_transition is None:
        return False
    return probe.last_success < vip.last_transition + MOVING_SECONDS


def _who_should_answer(status: NodeStatus, probe: Probe) -> str | None:
    if probe.target in ("pihole", "unbound"):
        return status.node.name
    peer = pair.find_peer(status)
    if probe.target == "peer":
        return peer.name if peer else None
    vip = _vip(status, probe)
    if vip is None or _is_from_before_it_moved(probe, vip):
        return None
    settled = vip.stable_seconds is None or vip.stable_seconds > 2 * pair.SETTLED_SECONDS
    owners = pair.owners(status, vip) if settled else None
    return owners[0] if owners is not None and len(owners) == 1 else None
