"""How long a client went without an answer because of each fault that was alone."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .plan import Step

AFTER_SECONDS = 4.0
"""A fault's window ends so long after it."""

Answers = Sequence[tuple[float, bool]]
"""When each question was sent, in seconds of the round, and whether it was answered."""


@dataclass(slots=True)
class Outages:
    """The longest outage of each fault that was alone, by fault and whose it was."""

    by_fault: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def add(self, steps: Sequence[Step], owners: Mapping[Step, bool], answers: Answers) -> None:
        """Take over what one round showed; ``owners`` says whether a step struck the node that had the virtual IP."""
        for step in steps:
            begin, end = step.at - 0.2, step.at + step.lasts + AFTER_SECONDS
            others = [one for one in steps if one is not step]
            if step not in owners or any(o.at < end and o.at + o.lasts + AFTER_SECONDS > begin for o in others):
                continue
            name = f"{step.fault} on the {'owner' if owners[step] else 'standby'}"
            self.by_fault[name].append(longest([one for one in answers if begin <= one[0] <= end]))

    def rows(self) -> list[dict[str, float | int | str]]:
        """One row a fault: median and maximum in seconds, and how many."""
        return [
            {
                "fault": name,
                "median": round(statistics.median(found), 3),
                "max": round(max(found), 3),
                "n": len(found),
            }
            for name, found in sorted(self.by_fault.items())
        ]


def longest(answers: Answers) -> float:
    """The longest time between two answered questions with one unanswered between them, in seconds."""
    found, since, lost = 0.0, answers[0][0] if answers else 0.0, False
    for sent, answered in answers:
        if answered:
            found = max(found, sent - since) if lost else found
            since, lost = sent, False
        else:
            lost = True
    return max(found, answers[-1][0] - since) if lost else found


def table(rows: Sequence[Mapping[str, float | int | str]]) -> str:
    """The rows for people."""
    lines = [f"{'fault, alone':<42} {'median':>8} {'max':>8} {'n':>4}   seconds without an answer"]
    lines += [f"{r['fault']:<42} {r['median']:8.2f} {r['max']:8.2f} {r['n']:4d}" for r in rows]
    return "\n".join(lines)
