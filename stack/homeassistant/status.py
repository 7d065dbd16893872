"""What Home Assistant is told, taken from an exporter's JSON status. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from exporter.checks import worst, wrong
from exporter.model.observations import Check, NodeIdentity, PeerVip, Status
from exporter.model.pair import settled_owners
from exporter.parsers.fields import Fields
from exporter.parsers.status_document import (
    MAXIMUM_ITEMS,
    MAXIMUM_NAME,
    parse_checks,
    parse_document,
    parse_identity,
)

# Home Assistant keeps what it is told in its database, for every change.
MAXIMUM_PROBLEMS = 10
MAXIMUM_PROBLEM_LENGTH = 200
_LATEST = 4102444800.0  # the year 2100


@dataclass(frozen=True, slots=True)
class Outage:
    """The last outage that has ended: its beginning, Unix seconds, and its length, seconds."""

    start: float
    length: float


@dataclass(frozen=True, slots=True)
class Problem:
    """One check that is not well; ``text`` changes from look to look where it tells an age."""

    check: str
    text: str


@dataclass(frozen=True, slots=True)
class State:
    """How a node or the pair is. ``dns`` None: not known; ``outage`` None: none since the exporter started."""

    status: Status
    dns: bool | None
    outage: Outage | None
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Look:
    """One look at the pair. ``owners`` has the nodes of each virtual IP; None: not known.

    ``moving``: a virtual IP is just going from one node to the other, and what is said of its owner may be wrong.
    """

    node: NodeIdentity
    node_state: State
    owns: bool | None
    pair_state: State
    owners: Mapping[str, Sequence[str] | None] | None
    moving: bool


def parse(content: bytes) -> Look:
    """Read a status document.

    Raises:
        ParseError: any of it makes no sense.
    """
    document = parse_document(content)
    node = parse_identity(document)
    checks = parse_checks(document)
    probes = _some(document, "resolve")
    words = _words(document, node)
    owners = {vip: settled_owners(said) for vip, said in words.items()}
    moving = any(owned is None for owned in owners.values())
    if node.role != "standalone":
        for vip, said in words.items():
            if len(said) == 1 and not said[node.name].owned:  # the other node says nothing
                owners[vip] = _who_answers(probes, vip)
    vips = document.has("vips")
    return Look(
        node=node,
        node_state=_state([check for check in checks if check.node == node.name], probes, "pihole"),
        owns=any(said[node.name].owned for said in words.values()) if vips else None,
        pair_state=_state(checks, probes, "vip"),
        owners=owners if vips else None,
        moving=moving,
    )


def _some(document: Fields, key: str) -> list[Fields]:
    return document.objects(key, MAXIMUM_ITEMS) if document.has(key) else []


def _words(document: Fields, node: NodeIdentity) -> dict[str, dict[str, PeerVip]]:
    """What each node says of each virtual IP, at the moment in which the other one was asked."""
    asked = document.object("peer") if document.has("peer") else None
    peer = asked.object("peer") if asked is not None and asked.has("peer") else None
    age = asked.seconds("age") if asked is not None else 0.0
    theirs = peer.object("vips") if peer is not None else None
    words = {}
    for vip in _some(document, "vips"):
        address = vip.text("address", MAXIMUM_NAME)
        steady = vip.number("steady") if vip.has("steady") else None
        said = {node.name: PeerVip(vip.flag("owned"), steady)}
        if peer is not None and theirs is not None and theirs.has(address):
            word = theirs.object(address)
            said[node.name] = PeerVip(vip.flag("owned"), None if steady is None else steady - age)
            said[peer.text("name", MAXIMUM_NAME)] = PeerVip(
                word.flag("owned"), word.number("steady") if word.has("steady") else None
            )
        words[address] = said
    return words


def _who_answers(probes: Iterable[Fields], vip: str) -> list[str] | None:
    """Without the other node's word, an answer from the address names its owner."""
    for probe in probes:
        about = probe.text("target", MAXIMUM_NAME), probe.text("server", MAXIMUM_NAME)
        answered = probe.has("last_ok") and probe.flag("last_ok") and probe.has("answered_by")
        if about == ("vip", vip) and answered:
            return [probe.text("answered_by", MAXIMUM_NAME)]
    return None


def _state(checks: Sequence[Check], probes: Iterable[Fields], target: str) -> State:
    """Judge by these checks, and by the probes of a target over UDP, as most clients ask."""
    asked = [
        probe
        for probe in probes
        if probe.text("target", MAXIMUM_NAME) == target and probe.text("protocol", MAXIMUM_NAME) == "udp"
    ]
    well = [probe.flag("last_ok") for probe in asked if probe.has("last_ok")]
    outages = [_outage(probe) for probe in asked if probe.has("last_outage_start") and probe.has("last_outage")]
    return State(
        status=worst(checks),
        dns=all(well) if well else None,
        outage=max(outages, key=lambda outage: outage.start, default=None),
        problems=tuple(map(_problem, wrong(checks)[:MAXIMUM_PROBLEMS])),
    )


def _outage(probe: Fields) -> Outage:
    start = probe.seconds("last_outage_start")
    if start > _LATEST:
        probe.refuse("last_outage_start", "a time of this century")
    return Outage(start, probe.seconds("last_outage"))


def _problem(check: Check) -> Problem:
    name = f"{check.node} {check.id}{f' [{check.subject}]' if check.subject else ''}"
    return Problem(name, f"{check.status.word}: {name}: {check.seen}"[:MAXIMUM_PROBLEM_LENGTH])
