"""The steps of a round: drawn from a seed, written and read as JSON, so that any round can be played again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from random import Random
from typing import Final

NODES: Final = ("alpha", "beta")
ALONE_GAP: Final = 6.0
"""Seconds after the end of a fault in which the next one does not begin, where each is measured alone."""
_ALONE_SHARE: Final = 0.25
_ALONE_STEPS: Final = 5
_OWNERS_SHARE: Final = 0.75
"""Of the faults that are alone, so many strike the owner: its outage is what is measured."""
_TOGETHER_STEPS: Final = (9, 14)
_TOGETHER_GAP: Final = (0.2, 3.0)
_FIRST: Final = 0.5


@dataclass(frozen=True, slots=True)
class Step:
    """One fault: when it begins, in seconds of the round, where, how long it lasts, and what its size is.

    What ``value`` means depends on the fault (``faults.py``).
    """

    at: float
    fault: str
    node: str
    lasts: float
    value: float = 0.0

    def __str__(self) -> str:
        size = f" {self.value:g}" if self.value else ""
        return f"{self.at:6.2f} s  {self.fault}{size} on {self.node} for {self.lasts:g} s"


@dataclass(frozen=True, slots=True)
class Draw:
    """What a fault lets be drawn: how long it may last, in seconds, and the sizes that it has."""

    lasts: tuple[float, float]
    values: tuple[float, ...] = (0.0,)


def draw(seed: str, faults: Mapping[str, Draw]) -> tuple[Step, ...]:
    """The steps that belong to a seed: in one round of four each fault alone, else overlapping at random."""
    random = Random(seed)
    alone = random.random() < _ALONE_SHARE
    names = sorted(faults)
    at, steps = _FIRST, []
    for _ in range(_ALONE_STEPS if alone else random.randint(*_TOGETHER_STEPS)):
        name = random.choice(names)
        shortest, longest = faults[name].lasts
        # Squared: most are short, so that a round is, and some last until everything about them must have been told.
        lasts = round(shortest + (longest - shortest) * random.random() ** 2, 2)
        if alone:
            lasts = min(lasts, max(shortest, 4.0))
        node = NODES[random.random() >= _OWNERS_SHARE] if alone else random.choice(NODES)
        steps.append(Step(round(at, 2), name, node, lasts, random.choice(faults[name].values)))
        at += lasts + ALONE_GAP if alone else random.uniform(*_TOGETHER_GAP)
    return tuple(steps)


def write(steps: Sequence[Step]) -> str:
    """The steps as JSON, one a line."""
    return "[\n" + ",\n".join(f"  {json.dumps(asdict(step))}" for step in steps) + "\n]\n"


def read(text: str) -> tuple[Step, ...]:
    """Read what :func:`write` wrote.

    Raises:
        ValueError, TypeError: it is something else.
    """
    return tuple(Step(**entry) for entry in json.loads(text))
