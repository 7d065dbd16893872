"""The oracle: judges the record of a round by the rules. Pure; shares no code with what it judges."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .rules import HEALED, LATELY, Rule, all_rules
from .timeline import VIPS, Entry, Moment, moments

STALL_FACTOR = 3.0
"""A pause that one process noticed delays a chain of several."""

STALL_EFFECT_SECONDS = 2.0
"""So long after the machine stood still, what was late by then may still move the virtual IP."""

Stall = tuple[float, float]
"""When the machine stood still, from and to."""


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule that was broken: from when to when (seconds of CLOCK_MONOTONIC), and what was to be seen at the end."""

    rule: str
    subject: str
    begin: float
    end: float
    seen: str

    def text(self, started: float) -> str:
        """In words, with times of the round."""
        return (
            f"{self.rule}: {self.subject}: from {self.begin - started:.2f} s to {self.end - started:.2f} s "
            f"of the round ({self.end - self.begin:.2f} s)\n    {self.seen}"
        )


def judge(entries: Sequence[Entry], *, begin: float, quiet: float, end: float) -> list[Violation]:
    """Judge what was recorded from ``begin`` to ``end``, and from ``quiet`` on as of a pair that is healed."""
    stalls = [(time - seconds, time) for time, kind, _, seconds in entries if kind == "stall"]
    timeline = [moment for moment in moments(entries) if moment.time <= end]
    found = [v for rule in all_rules() for v in broken(rule, timeline, stalls, begin=begin, end=end)]
    found.sort(key=lambda violation: violation.begin)
    return [*found, *moved(entries, stalls, quiet, end), *unhealed(timeline[-1], end)]


def moved(entries: Sequence[Entry], stalls: Sequence[Stall], quiet: float, end: float) -> list[Violation]:
    """Every move of a virtual IP on a pair that was well, where the machine did not stand still just before."""
    return [
        Violation("nothing moves on a healed pair", f"{address} on {node}", time, time, "acquired" if there else "lost")
        for time, kind, node, what in entries
        if kind == "address" and quiet < time <= end
        for address, there in [what]
        if address in VIPS and not stalled(stalls, time - STALL_EFFECT_SECONDS, time)
    ]


def broken(
    rule: Rule, timeline: Iterable[Moment], stalls: Sequence[Stall], *, begin: float, end: float
) -> list[Violation]:
    """Each time that what a rule demands was missing for longer than its grace."""
    found: list[Violation] = []
    since: float | None = None
    last: Moment | None = None
    for moment in timeline:
        wrong = rule.when(moment) and not rule.demands(moment)
        if wrong and since is None:
            since = max(moment.time, begin)
        if not wrong and since is not None:
            found += _if_too_long(rule, since, moment.time, last, stalls)
            since = None
        last = moment
    if since is not None:
        found += _if_too_long(rule, since, end, last, stalls)
    return found


def _if_too_long(
    rule: Rule, since: float, until: float, last: Moment | None, stalls: Sequence[Stall]
) -> list[Violation]:
    allowed = rule.grace + STALL_FACTOR * stalled(stalls, since, until)
    if until - since <= allowed or last is None:
        return []
    return [Violation(rule.name, rule.subject, since, until, str(last))]


def stalled(stalls: Sequence[Stall], since: float, until: float) -> float:
    """For how long the machine stood still in that time, in seconds."""
    return sum(max(0.0, min(end, until) - max(begin, since)) for begin, end in stalls)


def speaks_well(moment: Moment) -> bool:
    """Whether both exporters say that all is well, except for what is told for ten minutes."""
    return all(
        node.said is not None
        and node.said.status in ("ok", "warning")
        and all(check.startswith(LATELY) for check, *_ in node.said.troubles)
        for node in moment.nodes.values()
    )


def unhealed(last: Moment, end: float) -> list[Violation]:
    """What is still wrong when everything has been healed for long enough."""
    if last.healthy and all(last.owners(vip) == ("alpha",) for vip in VIPS) and speaks_well(last):
        return []
    return [Violation("a healed pair is well", f"{HEALED.seconds:g} s after", end - HEALED.seconds, end, str(last))]


def of_once(node: str, code: int, status: str, end: float) -> list[Violation]:
    """What ``exporter --once`` says of a healed pair: its exit code is its verdict, and not worse than a warning."""
    if (code, status) in ((0, "ok"), (1, "warning")):
        return []
    seen = f"exporter --once exits {code} and says {status}"
    return [Violation("--once agrees", node, end, end, seen)]
