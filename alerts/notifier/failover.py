"""A failover that is over, in words: from where to where, when, why, and what clients felt. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Literal

from alerts.notifier.changes import Changes
from alerts.notifier.facts import Facts, Outage
from alerts.notifier.moves import Move
from alerts.notifier.payload import FAILOVER
from alerts.thresholds import OUTAGE_WORTH_SECONDS

Failovers = Literal["all", "failures", "none"]
"""Which moves of the virtual IP are told: also those that somebody asked for, those that a failure made, or none."""
FAILOVERS: Final[tuple[Failovers, ...]] = ("all", "failures", "none")
Clock = Callable[[float], str]
"""Writes a time of day."""


def is_worth_telling(changes: Changes, facts: Facts, wanted: Failovers) -> bool:
    """Whether somebody wants to know; what is no failover is always worth it, and so is an outage of seconds."""
    if changes.ended or changes.repeat or any(alert.name != FAILOVER for alert in changes.new):
        return True
    if facts.outage is not None and facts.outage.seconds >= OUTAGE_WORTH_SECONDS:
        return True
    # What Prometheus did not explain may have been a failure.
    return wanted == "all" or (wanted == "failures" and not (facts.moves and all(move.planned for move in facts.moves)))


def headline(facts: Facts, clock: Clock) -> str:
    """What happened, in one line; empty when it is not known."""
    if facts.moves:
        return f"the virtual IP {moved(facts.moves, clock)}"
    if facts.outage is None:
        return ""
    at = f" at {clock(facts.outage.start)}" if facts.outage.start else ""
    return f"DNS gave no answer for {seconds(facts.outage.seconds)}{at}"


def moved(moves: Sequence[Move], clock: Clock) -> str:
    """Where it went: ``moved from pi-1 to pi-2 at 03:12:05, because Pi-hole stopped on pi-1``."""
    first, last = moves[0], moves[-1]
    reason = next((move.reason for move in moves if move.reason and not move.planned), first.reason)
    because = f", because {reason}" if reason else ""
    way = f"from {first.source} to {first.target}" if first.source else f"to {first.target}"
    if len(moves) == 1:
        return f"moved {way} at {clock(first.at)}{because}"
    if len(moves) == 2 and last.target == first.source:
        return f"moved {way} at {clock(first.at)} and back at {clock(last.at)}{because}"
    nodes = " → ".join([*filter(None, [first.source]), *(move.target for move in moves)])
    return f"moved {len(moves)} times from {clock(first.at)} to {clock(last.at)} ({nodes}){because}"


def waited(outage: Outage | None) -> str:
    """What clients felt. Both nodes ask each virtual IP once a second."""
    return f"Clients waited {seconds(outage.seconds) if outage else 'less than a second'}."


def seconds(length: float) -> str:
    """A length of time as a client felt it: to the tenth of a second while that matters."""
    if length < 100:
        return f"{max(length, 0.1):.1f} s"
    return f"{int(length) // 60} min {int(length) % 60} s"
