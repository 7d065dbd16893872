"""Is this node ready to own the virtual IP?"""

from __future__ import annotations

from collections.abc import Iterator

from exporter import pair
from exporter.checks.build import Judge
from exporter.observations import Check, NodeStatus, VipObservation, VrrpInstance, VrrpObservation, VrrpState
from exporter.settings.values import Settings

# The kernel's word and keepalived's arrive by different ways; only a lasting difference counts.
AGREEMENT_SECONDS = 2.0


def judge(status: NodeStatus, _: Settings) -> Iterator[Check]:
    """Judge keepalived and each of its instances."""
    seen = pair.find(status, VrrpObservation)
    if seen is None:
        return
    judge = Judge(status, "vrrp")
    if not seen.keepalived_up:
        yield judge.warning(
            "keepalived.running",
            "keepalived does not run on this node",
            "keepalived runs",
            "start it (docker compose up -d keepalived) and read its log",
        )
        return
    version = seen.keepalived_version or "of unknown version"
    yield judge.ok("keepalived.running", f"keepalived {version} runs", "keepalived runs")
    if seen.drained:
        yield judge.warning(
            "node.drained", "this node was asked to hand the VIP over", "a node that takes part", "undrain it when done"
        )
    for instance in seen.instances:
        yield _state(judge, instance)
        yield from _priority(judge, instance, drained=seen.drained)
        yield from _agreement(judge, instance)


def _state(judge: Judge, instance: VrrpInstance) -> Check:
    if instance.state in (VrrpState.MASTER, VrrpState.BACKUP):
        return judge.ok("vrrp.state", instance.state.value, "master or backup", instance.name)
    return judge.warning(
        "vrrp.state",
        f"{instance.name} is in state {instance.state.value}",
        "master or backup",
        "fault: look at the interface and its link; init or stopped: read keepalived's log",
        instance.name,
    )


def _priority(judge: Judge, instance: VrrpInstance, *, drained: bool) -> Iterator[Check]:
    effective, base = instance.effective_priority, instance.base_priority
    if effective is None or base is None or drained:
        return
    if effective < base:
        yield judge.warning(
            "vrrp.priority",
            f"{instance.name} has priority {effective} instead of {base}: the DNS check fails on this node",
            f"priority {base}",
            "see the resolve checks of this node; dig @127.0.0.1 test.canary.dnsha.example TXT",
            instance.name,
        )
    else:
        yield judge.ok("vrrp.priority", f"priority {effective}", f"priority {base}", instance.name)


def _agreement(judge: Judge, instance: VrrpInstance) -> Iterator[Check]:
    """Compare keepalived's word with the kernel's, for the usual case of one instance."""
    vips = pair.find(judge.status, VipObservation)
    vrrp = pair.find(judge.status, VrrpObservation)
    if vips is None or vrrp is None or len(vrrp.instances) != 1:
        return
    changes = [vip.last_transition for vip in vips.vips] + [instance.last_transition]
    if any(change is not None and abs(judge.status.time - change) < AGREEMENT_SECONDS for change in changes):
        return
    owned = [vip.address for vip in vips.vips if vip.owned]
    missing = [vip.address for vip in vips.vips if not vip.owned]
    master = instance.state is VrrpState.MASTER
    if master and missing:
        yield judge.critical(
            "vrrp.agreement",
            f"keepalived is master, but the kernel does not have {', '.join(missing)}",
            "a master has every virtual IP",
            "somebody removed it, or VIP_ADDRESS differs between keepalived and exporter; restart keepalived",
            instance.name,
        )
    elif not master and owned:
        yield judge.critical(
            "vrrp.agreement",
            f"keepalived is {instance.state.value}, but the kernel has {', '.join(owned)}",
            "only a master has the virtual IP",
            "remove it (ip address del) or restart keepalived: clients may reach the wrong node",
            instance.name,
        )
    else:
        yield judge.ok("vrrp.agreement", "keepalived and kernel agree", subject=instance.name)
