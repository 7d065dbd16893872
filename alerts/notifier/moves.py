"""Moves of the virtual IP, and why: read out of what both exporters said around them. Pure.

A move is over long before anybody scrapes, so counters say that it happened, the kernel's time of the last one when,
and what else was counted or seen on the node that lost the address why.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Final

METRICS: Final = (
    "dnsha_vip_owned",
    "dnsha_vip_acquisitions_total",
    "dnsha_vip_last_transition_timestamp_seconds",
    "dnsha_node_info",
    "dnsha_drained",
    "dnsha_keepalived_up",
    "dnsha_keepalived_starts_total",
    "dnsha_health_ok",
    "dnsha_resolve_up",
    "dnsha_resolve_outages_total",
    "up",
)
# A reason is seen in the scrapes around a move: each node's are 5 s apart, and a dead node's time out.
BEFORE_SECONDS: Final = 6.0
AFTER_SECONDS: Final = 14.0
# The addresses of both families move together.
TOGETHER_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True)
class Series:
    """What Prometheus has of one series: times in Unix seconds, and values."""

    labels: dict[str, str]
    samples: tuple[tuple[float, float], ...]

    @property
    def node(self) -> str:
        """The node that said it."""
        return self.labels.get("node", "")


@dataclass(frozen=True, slots=True)
class Move:
    """One move; ``source`` is empty where nobody had the address, ``reason`` where none was seen.

    ``planned``: somebody asked for it, or the address only went back to where it belongs.
    """

    at: float
    source: str
    target: str
    reason: str = ""
    planned: bool = False


@dataclass(slots=True)
class _Address:
    """One virtual IP: who had it first, and every acquisition of which the time is known."""

    owner: str = ""
    first: float = float("inf")
    acquisitions: list[tuple[float, str]] = field(default_factory=list)


def find(series: Sequence[Series], since: float) -> tuple[Move, ...]:
    """The moves from a time (Unix seconds) on, in order."""
    addresses: dict[str, _Address] = {}
    for each in _named(series, "dnsha_vip_owned"):
        address = addresses.setdefault(each.labels["vip"], _Address())
        owned = [at for at, value in each.samples if value == 1]
        if owned and owned[0] < address.first:
            address.owner, address.first = each.node, owned[0]
    for each in _named(series, "dnsha_vip_acquisitions_total"):
        address = addresses.setdefault(each.labels["vip"], _Address())
        address.acquisitions += [(_moment(series, each, before, at), each.node) for before, at in _grew(each)]
    found: list[Move] = []
    for address in addresses.values():
        owner = address.owner
        for at, target in sorted(address.acquisitions):
            if target != owner and at >= since:
                found.append(Move(at, owner, target))
            owner = target
    merged: list[Move] = []
    for move in sorted(found, key=lambda move: move.at):
        if not any(_is_same(move, other) for other in merged):
            merged.append(move)
    return tuple(_explained(series, move) for move in merged)


def _is_same(one: Move, other: Move) -> bool:
    return (one.source, one.target) == (other.source, other.target) and abs(one.at - other.at) < TOGETHER_SECONDS


def _moment(series: Sequence[Series], acquisitions: Series, before: float, seen: float) -> float:
    """When it was, between two scrapes: as the kernel says, unless the address has gone again since.

    Then the kernel says when it went, and half way there is the best guess.
    """
    vip, node = acquisitions.labels["vip"], acquisitions.node

    def then(name: str) -> float:
        of_it = (each for each in _named(series, name) if (each.node, each.labels["vip"]) == (node, vip))
        return next((value for each in of_it for at, value in each.samples if at == seen), 0.0)

    changed = then("dnsha_vip_last_transition_timestamp_seconds") or seen
    return changed if then("dnsha_vip_owned") == 1 else (before + max(changed, before)) / 2


def _explained(series: Sequence[Series], move: Move) -> Move:
    around = [
        replace(each, samples=tuple(sample for sample in each.samples if _is_near(sample[0], move.at)))
        for each in series
    ]
    source, target = move.source, move.target
    if _is(around, "dnsha_drained", 1, source):
        return replace(move, reason=f"{source} was drained", planned=True)
    if source and (reason := _failure(around, source)):
        return replace(move, reason=f"{reason} {source}" if reason.endswith(" on") else f"{source} {reason}")
    if _is(around, "dnsha_health_ok", 0, target, question="vip"):
        return replace(move, reason=f"{source} did not answer on it" if source else "")
    if _is(around, "dnsha_node_info", 1, target, role="primary"):
        return replace(move, reason=f"{target} can have it again", planned=True)
    return move


def _failure(around: Sequence[Series], node: str) -> str:
    """What was wrong on a node: words that end in "on" come before its name, others after it."""
    if _is(around, "up", 0, node, job="dnsha") and not _is(around, "up", 1, node, job="node", last=True):
        return "is down"
    if _is(around, "dnsha_keepalived_up", 0, node) or _has_grown(around, "dnsha_keepalived_starts_total", node):
        return "keepalived stopped on"
    for target, words in (("unbound", "Unbound stopped on"), ("pihole", "Pi-hole stopped on")):
        if _is(around, "dnsha_resolve_up", 0, node, target=target) or _has_grown(
            around, "dnsha_resolve_outages_total", node, target=target
        ):
            return words
    for question, words in (
        ("address", "lost its own address or its link"),
        ("chain", "DNS failed on"),
        ("world", "names of the internet did not resolve on"),
    ):
        if _is(around, "dnsha_health_ok", 0, node, question=question):
            return words
    return ""


def _is_near(at: float, move: float) -> bool:
    return move - BEFORE_SECONDS <= at <= move + AFTER_SECONDS


def _named(series: Iterable[Series], name: str, node: str | None = None, **labels: str) -> Iterator[Series]:
    for each in series:
        if each.labels["__name__"] == name and node in (None, each.node) and labels.items() <= each.labels.items():
            yield each


def _is(series: Iterable[Series], name: str, value: float, node: str, *, last: bool = False, **labels: str) -> bool:
    return any(
        found == value
        for each in _named(series, name, node, **labels)
        for _, found in (each.samples[-1:] if last else each.samples)
    )


def _grew(series: Series) -> list[tuple[float, float]]:
    """Between which two scrapes a counter has grown."""
    return [(begin, end) for (begin, before), (end, after) in pairwise(series.samples) if after > before]


def _has_grown(series: Iterable[Series], name: str, node: str, **labels: str) -> bool:
    return any(_grew(each) for each in _named(series, name, node, **labels))
