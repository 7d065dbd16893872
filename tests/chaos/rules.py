"""What must hold, and how soon: the one table of the oracle's grace times, each with its reason.

A rule is broken when, while its condition lasts without a break, what it demands is missing for longer than its grace.
To each grace are added the moments in which the machine stood still (``oracle.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from .timeline import VIPS, Moment

Condition = Callable[[Moment], bool]


@dataclass(frozen=True, slots=True)
class Grace:
    """How long something may take, in seconds, and why so long."""

    seconds: float
    why: str


GRACE: Final = {
    # Invariants
    "one owner": Grace(2.5, "a VRRP process that was thawed still sends what it owes, and needs an advert to yield"),
    "an owner": Grace(4.0, "keepalived starts in 0.5 s, proves its DNS for 0.5 s; a supervisor ends a hung one in 2 s"),
    "clients are served": Grace(6.0, "an owner that cannot receive may last 4 s; then ARP, and a question's 1 s"),
    "no VIP without keepalived": Grace(2.0, "the guard is woken by the kernel, but may have to be started first"),
    "never ok while clients get nothing": Grace(6.0, "the VIP is asked every second with 2 s to answer; the peer 2 s"),
    "never critical on a healthy pair": Grace(6.0, "what failed is asked again every second, over TCP too"),
    "an exporter that runs answers": Grace(5.0, "it starts in 1 s, and its first look waits for the first probes"),
    "the state told is that on the wire": Grace(6.0, "a change is recorded at once; a recorder may have to be started"),
    # What must be told
    "tells of a dead keepalived": Grace(4.0, "the lock is looked at in every status; a restart of the exporter"),
    "tells of two owners": Grace(5.0, "the peer is asked every second, for a second; both must have settled"),
    "tells that nobody owns": Grace(6.0, "as two owners; where the peer is silent its question runs out first"),
    "tells of a dead Pi-hole": Grace(8.0, "asked every few seconds, 2 s to answer"),
    "tells of a dead Unbound": Grace(8.0, "asked every few seconds, 2 s to answer"),
    "tells of a lost address": Grace(6.0, "the check reports within a second; it may have to be started first"),
    "tells of a drained node": Grace(4.0, "the file is read in every status"),
    "tells of a silent peer": Grace(8.0, "asked every second or two, with a second to answer"),
    "tells of a wrong clock": Grace(8.0, "the peer is asked every second or two"),
    "tells of dropped adverts": Grace(22.0, "the filter's counters are read every 15 s, and published every 5"),
    "tells of a foreign owner": Grace(15.0, "asked every second, evaluated one later; an owner must have settled"),
    "tells of a full runtime directory": Grace(20.0, "what was published before is believed for 15 s"),
    "tells of a helper that died": Grace(6.0, "the supervisor publishes each end and start at once"),
}
HEALED: Final = Grace(25.0, "TCP is asked every 10 s, the supervisor's word published every 5 s, and adverts 15 s")
"""Until a healed pair must be well in every respect, from the last repair on."""

LATELY: Final = (
    *("health.running", "recorder.running", "filter.running", "wire.running"),
    *("vrrp.filter", "vrrp.flapping", "conflict.", "vip.foreign_owner"),
)
"""Checks that go on to tell for ten minutes of what was healed: a healed pair may have them, as warnings."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that must hold: for whom, under which condition, and what is demanded."""

    name: str
    subject: str
    when: Condition
    demands: Condition

    @property
    def grace(self) -> float:
        """Seconds."""
        return GRACE[self.name].seconds


def all_rules() -> Iterator[Rule]:
    """Every rule, for each node and each virtual IP."""
    for vip in VIPS:
        yield from _of_vip(vip)
    for node, other in (("alpha", "beta"), ("beta", "alpha")):
        yield from _of_node(node, other)


def _of_vip(vip: str) -> Iterator[Rule]:
    yield Rule(
        "one owner",
        vip,
        lambda m: len(m.servers) == 2 and m.hear_each_other and not m.lasts("vip-add"),
        lambda m: len(m.owners(vip)) < 2,
    )
    yield Rule("an owner", vip, lambda m: bool(m.servers), lambda m: bool(m.owners(vip)))
    yield Rule(
        "clients are served",
        vip,
        # Who else has the address gets some of the questions, and nothing on the nodes can prevent that.
        lambda m: bool(m.servers) and not m.lasts("foreign-vip", "vip-add"),
        lambda m: m.answered[vip],
    )


def _of_node(node: str, other: str) -> Iterator[Rule]:
    def says_ok(m: Moment) -> bool:
        said = m.nodes[node].said
        return said is not None and said.status == "ok"

    def says_critical(m: Moment) -> bool:
        said = m.nodes[node].said
        return said is not None and said.status == "critical"

    yield Rule(
        "no VIP without keepalived",
        node,
        lambda m: (
            m.nodes[node].on
            and m.nodes[node].keepalived_dead
            and not m.lasts("vip-add", "kill-guard", "stop-guard", "freeze-guard", node=node)
        ),
        lambda m: not any(map(m.nodes[node].holds, VIPS)),
    )
    for vip in VIPS:
        yield Rule(
            "never ok while clients get nothing",
            f"{node} about {vip}",
            lambda m, vip=vip: not m.answered[vip] and m.nodes[node].runs("exporter"),  # type: ignore[misc]
            lambda m: not says_ok(m),
        )
    yield Rule(
        "never critical on a healthy pair",
        node,
        lambda m: m.healthy and m.nodes[node].runs("exporter"),
        lambda m: not says_critical(m),
    )
    yield Rule(
        "an exporter that runs answers",
        node,
        lambda m: m.nodes[node].runs("exporter"),
        lambda m: m.nodes[node].said is not None,
    )
    yield from _told(node, other)


def _told(node: str, other: str) -> Iterator[Rule]:
    def when(condition: Condition) -> Condition:
        return lambda m: m.nodes[node].runs("exporter") and condition(m)

    def tells(check: str, *words: str, about: str | None = node) -> Condition:
        def told(m: Moment) -> bool:
            said = m.nodes[node].said
            return said is not None and said.tells(check, *words, node=about)

        return told

    def either(one: Condition, other: Condition) -> Condition:
        return lambda m: one(m) or other(m)

    def supervised(m: Moment) -> bool:
        """Whether what runs beside keepalived can work and be heard."""
        return m.nodes[node].runs("supervisor", "keepalived", "vrrp") and not m.lasts(
            "full-runtime",
            "freeze-check",
            "freeze-recorder",
            "freeze-filter",
            "freeze-wire",
            "kill-check",
            "clock-step",
            node=node,
        )

    yield Rule(
        "the state told is that on the wire",
        node,
        when(lambda m: supervised(m) and m.nodes[node].carrier),
        lambda m: state_fits(m, node),
    )
    yield Rule(
        "tells of a dead keepalived",
        node,
        when(lambda m: m.nodes[node].keepalived_dead),
        tells("keepalived.running"),
    )
    for vip in VIPS:
        yield Rule(
            "tells of two owners",
            f"{node} about {vip}",
            when(lambda m, vip=vip: len(m.owners(vip)) == 2 and m.exporters_talk),  # type: ignore[misc]
            tells("vip.split_brain", vip, "alpha", "beta"),
        )
        yield Rule(
            "tells that nobody owns",
            f"{node} about {vip}",
            when(lambda m, vip=vip: not m.owners(vip) and m.exporters_talk),  # type: ignore[misc]
            tells("vip.owner", vip),
        )
    yield Rule(
        "tells of a dead Pi-hole", node, when(lambda m: not m.nodes[node].runs("dnsmasq")), tells("resolve.pihole")
    )
    yield Rule(
        "tells of a dead Unbound", node, when(lambda m: not m.nodes[node].runs("unbound")), tells("resolve.unbound")
    )
    yield Rule(
        "tells of a lost address",
        node,
        when(lambda m: not m.nodes[node].addressed and supervised(m)),
        tells("health.address", "eth0"),
    )
    yield Rule(
        "tells of a drained node",
        node,
        when(
            lambda m: (
                m.lasts("drain", node=node)
                and m.nodes[node].lives("keepalived")
                and not m.lasts("full-runtime", node=node)
            )
        ),
        tells("node.drained"),
    )
    yield Rule(
        "tells of a silent peer",
        node,
        when(lambda m: not (m.nodes[other].runs("exporter") and m.exporters_talk)),
        tells("peer.reachable", about=None),
    )
    yield Rule(
        "tells of a wrong clock",
        node,
        when(lambda m: m.exporters_talk and m.lasts("clock-step", node=node) != m.lasts("clock-step", node=other)),
        tells("peer.clock", about=None),
    )
    yield Rule(
        "tells of dropped adverts",
        node,
        when(lambda m: m.lasts("forged-adverts", "third-router") and m.nodes[node].addressed and supervised(m)),
        either(tells("vrrp.filter", "dropped"), tells("conflict.advertisements", about=None)),
    )
    yield Rule(
        "tells of a foreign owner",
        node,
        when(
            lambda m: (
                m.lasts("foreign-vip") and m.nodes[node].holds(VIPS[0]) and m.nodes[node].addressed and supervised(m)
            )
        ),
        tells("", VIPS[0], "02:00:00:00:00:c8", about=None),
    )
    yield Rule(
        "tells of a full runtime directory",
        node,
        when(lambda m: m.lasts("full-runtime", node=node) and m.nodes[node].lives("keepalived")),
        lambda m: not says_ok_of(m, node),
    )
    for helper in ("recorder", "check", "filter", "wire"):
        yield Rule(
            "tells of a helper that died",
            f"{helper} of {node}",
            when(lambda m, h=helper: m.lasts(f"kill-{h}", node=node) and supervised_but(m, node, f"kill-{h}")),  # type: ignore[misc]
            tells("health.running" if helper == "check" else f"{helper}.running"),
        )


def state_fits(m: Moment, node: str) -> bool:
    """Whether a node's exporter says master exactly when its adverts are on the wire, where it says anything."""
    said = m.nodes[node].said
    return said is None or said.state is None or (said.state == "master") == m.nodes[node].advertises


def says_ok_of(m: Moment, node: str) -> bool:
    """Whether a node's exporter says that all is well."""
    said = m.nodes[node].said
    return said is not None and said.status == "ok"


def supervised_but(m: Moment, node: str, fault: str) -> bool:
    """Whether nothing but one fault is done to what runs beside keepalived."""
    others = {"full-runtime", "freeze-supervisor", "kill-recorder", "kill-check", "kill-filter", "kill-wire"} - {fault}
    return m.nodes[node].runs("supervisor", "keepalived") and not m.lasts(*others, node=node)
