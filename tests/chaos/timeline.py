"""What was true at each moment of a round, made of what the observer, the client and the player recorded.

Kinds of entries, with what each holds: ``on`` whether the node has power; ``address`` and ``carrier``: which, and
whether it is there; ``programs`` by name their process and whether it runs; ``said`` what the exporter answers;
``answered`` of a virtual IP: whether the client's question was; ``advert`` who sent it, and with what priority;
``drops`` what the switch drops; ``faults`` which last.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final

NODE_IPS: Final = {"alpha": "192.0.2.11", "beta": "192.0.2.12"}
VIPS: Final = ("192.0.2.53", "2001:db8::53")
MACS: Final = {"02:00:00:00:00:0b": "alpha", "02:00:00:00:00:0c": "beta"}
EVERYBODY: Final = "*"
SILENT_SECONDS: Final = 0.5
"""Who has sent no advert for so long, ten times their interval, advertises no more."""
NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})

Entry = tuple[float, str, str, Any]


@dataclass(frozen=True, slots=True)
class Said:
    """What an exporter says: its verdict, keepalived's state, and each check that is not well."""

    status: str
    state: str | None
    troubles: tuple[tuple[str, str, str, str], ...]
    """Of each: id, node, status, sentence."""

    def tells(self, check: str, *words: str, node: str | None = None) -> bool:
        """Whether one of the checks whose id begins so is not well, and its sentence has all the words."""
        return any(
            identifier.startswith(check)
            and (node is None or about == node)
            and all(word.lower() in sentence.lower() for word in words)
            for identifier, about, _, sentence in self.troubles
        )


@dataclass(frozen=True, slots=True)
class Node:
    """One node at one moment."""

    name: str
    on: bool = False
    addresses: frozenset[str] = frozenset()
    carrier: bool = False
    programs: Mapping[str, tuple[int, bool]] = field(default_factory=lambda: NOTHING)
    advertises: bool = False
    """Whether the switch sees its adverts, other than a last one of priority 0."""
    said: Said | None = None
    """None: silence."""

    def lives(self, *programs: str) -> bool:
        """Whether all these programs are there, stopped or not."""
        return self.on and all(program in self.programs for program in programs)

    def runs(self, *programs: str) -> bool:
        """Whether all these programs are there and not stopped."""
        return self.on and all(self.programs.get(program, (0, False))[1] for program in programs)

    def holds(self, vip: str) -> bool:
        """Whether the kernel has the virtual IP on an interface."""
        return self.on and vip in self.addresses

    @property
    def addressed(self) -> bool:
        """Whether the node has its own address, and a carrier."""
        return self.on and self.carrier and NODE_IPS[self.name] in self.addresses

    @property
    def keepalived_dead(self) -> bool:
        """Whether no process of keepalived's is left."""
        return not self.lives("keepalived") and not self.lives("vrrp")


@dataclass(frozen=True, slots=True)
class Moment:
    """The pair from ``time`` (seconds of CLOCK_MONOTONIC) to the next moment."""

    time: float
    nodes: Mapping[str, Node]
    answered: Mapping[str, bool]
    drops: frozenset[str] = frozenset()
    """``FROM>TO``, and ``vrrp FROM>TO`` for VRRP alone; ``*`` stands for everybody."""
    faults: frozenset[tuple[str, str]] = frozenset()
    """Fault and node of each step that lasts."""

    def lasts(self, *faults: str, node: str | None = None) -> bool:
        """Whether one of these faults lasts, anywhere or on that node."""
        return any(name in faults and node in (None, where) for name, where in self.faults)

    def passes(self, source: str, destination: str, *, vrrp: bool = False) -> bool:
        """Whether the switch lets frames through, from one to the other."""
        ways = (f"{source}>{destination}", f"{source}>{EVERYBODY}", f"{EVERYBODY}>{destination}")
        return not any(way in self.drops or (vrrp and f"vrrp {way}" in self.drops) for way in ways)

    def serves(self, name: str) -> bool:
        """Whether the node could serve a client if it had the virtual IP, and can take it."""
        node = self.nodes[name]
        return (
            node.addressed
            and node.runs("unbound", "dnsmasq", "vrrp")
            and self.passes(name, "client")
            and self.passes("client", name)
        )

    @property
    def servers(self) -> tuple[str, ...]:
        """Every node that could serve."""
        return tuple(filter(self.serves, self.nodes))

    @property
    def hear_each_other(self) -> bool:
        """Whether adverts get through, both ways."""
        return (
            all(node.addressed for node in self.nodes.values())
            and self.passes("alpha", "beta", vrrp=True)
            and self.passes("beta", "alpha", vrrp=True)
        )

    @property
    def exporters_talk(self) -> bool:
        """Whether each exporter can ask the other one."""
        return (
            all(node.addressed and node.runs("exporter") for node in self.nodes.values())
            and self.passes("alpha", "beta")
            and self.passes("beta", "alpha")
        )

    def owners(self, vip: str) -> tuple[str, ...]:
        """Who has the virtual IP."""
        return tuple(name for name, node in self.nodes.items() if node.holds(vip))

    @property
    def healthy(self) -> bool:
        """Whether both could serve, one has each virtual IP, and the client is answered."""
        return (
            len(self.servers) == 2
            and self.hear_each_other
            and all(len(self.owners(vip)) == 1 for vip in VIPS)
            and all(self.answered.values())
            and not self.lasts("foreign-vip", "vip-add")
        )

    def __str__(self) -> str:
        parts = []
        for name, node in self.nodes.items():
            missing = [p for p in ("unbound", "dnsmasq", "keepalived", "vrrp", "guard", "exporter") if not node.runs(p)]
            held = [vip for vip in VIPS if node.holds(vip)]
            said = node.said.status if node.said else "silent"
            troubles = "; ".join(f"{c[0]} {c[2]}: {c[3]}" for c in node.said.troubles[:6]) if node.said else ""
            parts.append(
                f"{name}: {'has ' + ' and '.join(held) if held else 'no VIP'}"
                f"{'' if node.addressed else ', no own address or carrier'}"
                f"{', not running: ' + ' '.join(missing) if missing else ''}, exporter {said} ({troubles})"
            )
        parts.append("answered: " + ", ".join(f"{vip} {'yes' if yes else 'NO'}" for vip, yes in self.answered.items()))
        parts.append(f"dropped: {' '.join(sorted(self.drops)) or 'nothing'}")
        parts.append("faults: " + (" ".join(f"{fault}@{node}" for fault, node in sorted(self.faults)) or "none"))
        return "\n    ".join(parts)


def moments(entries: Iterable[Entry]) -> Iterator[Moment]:
    """Every moment at which something changed, in order."""
    nodes: dict[str, Node] = {name: Node(name) for name in NODE_IPS}
    now = Moment(0.0, nodes, dict.fromkeys(VIPS, True))
    recorded = list(entries)
    for time, kind, place, what in sorted([*recorded, *advertising(recorded)], key=lambda entry: entry[0]):
        match kind:
            case "on" | "address" | "carrier" | "programs" | "said" | "advertises":
                if place not in nodes:
                    continue
                nodes = {**nodes, place: _changed(nodes[place], kind, what)}
                now = replace(now, time=time, nodes=nodes)
            case "answered":
                now = replace(now, time=time, answered={**now.answered, place: what})
            case "drops":
                now = replace(now, time=time, drops=frozenset(what))
            case "faults":
                now = replace(now, time=time, faults=frozenset(map(tuple, what)))
            case _:
                continue
        yield now


def advertising(entries: Iterable[Entry]) -> Iterator[Entry]:
    """From the adverts: when each node begins and ends to send some, by its hardware address."""
    last: dict[str, float] = {}
    for time, _, _, what in sorted((e for e in entries if e[1] == "advert"), key=lambda entry: entry[0]):
        mac, _, priority = what
        node = MACS.get(mac)
        if node is None:
            continue
        if node in last and (priority == 0 or time - last[node] > SILENT_SECONDS):
            yield min(time, last.pop(node) + SILENT_SECONDS), "advertises", node, False
        if priority:
            if node not in last:
                yield time, "advertises", node, True
            last[node] = time
    for node, time in last.items():
        yield time + SILENT_SECONDS, "advertises", node, False


def _changed(node: Node, kind: str, what: Any) -> Node:
    match kind:
        case "on":
            return Node(node.name, on=what)
        case "address":
            address, there = what
            return replace(node, addresses=node.addresses | {address} if there else node.addresses - {address})
        case "carrier":
            return replace(node, carrier=what[1])
        case "advertises":
            return replace(node, advertises=what)
        case "programs":
            return replace(node, programs={name: (pid, runs) for name, (pid, runs) in what.items()})
        case _:
            said = Said(what["status"], what["state"], tuple(tuple(one) for one in what["troubles"])) if what else None
            return replace(node, said=said)
