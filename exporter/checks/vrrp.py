"""Is this node ready to own the virtual IP?"""

from __future__ import annotations

from collections.abc import Iterator

from exporter.checks import conflict, health, means
from exporter.checks.build import Evaluation, age
from exporter.model import pair
from exporter.model.observations import Check, NodeStatus, VipObservation, VrrpInstance, VrrpObservation, VrrpState
from exporter.settings.values import Settings

# The kernel's word and keepalived's arrive by different ways; only a lasting difference counts.
AGREEMENT_SECONDS = 2.0
# As the alert DnsHaFlapping counts (alerts/thresholds.py); a drain and its end make a node master once.
FLAPPING_SECONDS, FLAPPING_MOVES = 300.0, 5


def evaluate(status: NodeStatus, settings: Settings) -> Iterator[Check]:
    """Evaluate keepalived and each of its instances."""
    seen = pair.find(status, VrrpObservation)
    if seen is None:
        return
    evaluation = Evaluation(status, "vrrp")
    if not seen.keepalived_up:
        yield evaluation.warning(
            "keepalived.running",
            "keepalived does not run on this node",
            "keepalived runs",
            f"start it ({means.start_keepalived(settings)}) and read its log ({means.keepalived_log(settings)})",
        )
        return
    version = f" {seen.keepalived_version}" if seen.keepalived_version else ""
    yield evaluation.ok("keepalived.running", f"keepalived{version} runs", "keepalived runs")
    if seen.drained:
        yield evaluation.warning(
            "node.drained", "this node was asked to hand the VIP over", "a node that takes part", "undrain it when done"
        )
    for instance in seen.instances:
        yield _state(evaluation, instance, settings)
        yield from _priority(evaluation, instance, drained=seen.drained)
        yield from _agreement(evaluation, instance)
        yield from _flapping(evaluation, instance, seen)


def _flapping(evaluation: Evaluation, instance: VrrpInstance, seen: VrrpObservation) -> Iterator[Check]:
    """Tell of moves that each healed: nothing is wrong now, and it has happened again and again.

    Counted from keepalived's own start on, whose restarts are told by other checks.
    """
    since = max(evaluation.status.time - FLAPPING_SECONDS, seen.last_start or 0.0)
    master = f'INSTANCE "{instance.name}" MASTER '
    times = sum(event.time >= since and event.message.startswith(master) for event in seen.recent_events)
    if times >= FLAPPING_MOVES:
        yield evaluation.warning(
            "vrrp.flapping",
            f"{instance.name} became master here {times} times in {age(evaluation.status.time - since)}",
            f"less than {FLAPPING_MOVES} times in {age(FLAPPING_SECONDS)}",
            "look at the other node first: its advertisements stop again and again, so its keepalived is held up "
            "(load, memory, SD card), its link or its power fails, or its health check does",
            instance.name,
        )


def _state(evaluation: Evaluation, instance: VrrpInstance, settings: Settings) -> Check:
    if instance.state is None:
        return evaluation.unknown(
            "vrrp.state",
            f"the state of {instance.name} is not known: keepalived's recorder does not tell it now",
            "master or backup",
            "see recorder.running and vrrp.data; vip.owner and resolve.vip say whether DNS works",
            instance.name,
        )
    if instance.state in (VrrpState.MASTER, VrrpState.BACKUP):
        return evaluation.ok("vrrp.state", instance.state.value, "master or backup", instance.name)
    fault = instance.state is VrrpState.FAULT
    return evaluation.warning(
        "vrrp.state",
        _because(evaluation, f"{instance.name} is in state {instance.state.value}", explained=fault),
        "master or backup",
        "mend what is named; where nothing is, look at the interface and its link (ip -br link)"
        if fault
        else f"read keepalived's log ({means.keepalived_log(settings)})",
        instance.name,
    )


def _because(evaluation: Evaluation, seen: str, *, explained: bool = True) -> str:
    """Add what the health check says, which is what keepalived goes by."""
    cause = health.cause(evaluation.status) if explained else ""
    return f"{seen}: {cause}" if cause else seen


def _priority(evaluation: Evaluation, instance: VrrpInstance, *, drained: bool) -> Iterator[Check]:
    effective, base = instance.effective_priority, instance.base_priority
    if effective is None or base is None or drained:
        return
    if effective < base:
        yield evaluation.warning(
            "vrrp.priority",
            _because(evaluation, f"{instance.name} has priority {effective} instead of {base}"),
            f"priority {base}",
            "see the health and resolve checks of this node; dig @127.0.0.1 test.canary.dnsha.example TXT",
            instance.name,
        )
    else:
        yield evaluation.ok("vrrp.priority", f"priority {effective}", f"priority {base}", instance.name)


def _agreement(evaluation: Evaluation, instance: VrrpInstance) -> Iterator[Check]:
    """Compare keepalived's word with the kernel's, for the usual case of one instance."""
    vips = pair.find(evaluation.status, VipObservation)
    vrrp = pair.find(evaluation.status, VrrpObservation)
    if vips is None or vrrp is None or len(vrrp.instances) != 1 or instance.state is None:
        return
    changes = [vip.last_transition for vip in vips.vips] + [instance.last_transition]
    if any(change is not None and abs(evaluation.status.time - change) < AGREEMENT_SECONDS for change in changes):
        return
    owned = [vip.address for vip in vips.vips if vip.owned]
    missing = [vip.address for vip in vips.vips if not vip.owned]
    master = instance.state is VrrpState.MASTER
    if master and missing:
        yield evaluation.critical(
            "vrrp.agreement",
            f"keepalived is master, but the kernel does not have {', '.join(missing)}",
            "a master has every virtual IP",
            "look at keepalived's log and at ip -br address: somebody removed it, or VIP_ADDRESS differs between "
            "keepalived and exporter; restart keepalived",
            instance.name,
        )
    elif not master and owned:
        another = conflict.another_program(evaluation.status)
        why = ": another VRRP program runs on this host (conflict.this_host)" if another else ""
        yield evaluation.critical(
            "vrrp.agreement",
            f"keepalived is {instance.state.value}, but the kernel has {', '.join(owned)}{why}",
            "only a master has the virtual IP",
            "look first whether the other node has it as well (exporter --once there) and what keepalived's log says "
            "last here; leave the address where it is while no other node has it; then restart keepalived here",
            instance.name,
        )
    else:
        yield evaluation.ok("vrrp.agreement", "keepalived and kernel agree", subject=instance.name)
