"""Random failures of the owner, one after the other: is there always one owner, and do the exporters count it?"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from tests.bench.figures import Figure
from tests.lab.plan import ALPHA, NODES
from tests.lab.sample import Sample
from tests.lab.waiting import wait_for
from tests.stack.rig import Rig

from . import counters, failures
from .plan import Plan, say

ROUNDS = 100
_LIMIT_SECONDS = 2.0
_LASTS_SECONDS = 1.0
_RETURN_SECONDS = 120.0
_COUNT_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Event:
    """What is done to alpha, the owner, and what undoes it. ``weight``: how often, compared with the others."""

    name: str
    strike: Callable[[Rig], None]
    recover: Callable[[Rig], None]
    weight: int = 2


def _start(container: str) -> Callable[[Rig], None]:
    return lambda rig: void(rig.node(ALPHA.name).engine.docker("start", container))


def void(_: object) -> None:
    """Nothing: what a command printed does not matter."""


EVENTS = (
    Event("crash", failures.crash, lambda rig: rig.boot(ALPHA.name), weight=1),
    # As shipped, Docker starts it again at once: the VIP may move, or come back before the other node takes it.
    Event("keepalived killed", failures.kill_keepalived, void),
    Event("keepalived stopped", failures.stop_keepalived, _start("keepalived")),
    Event("pihole stopped", failures.stop_pihole, _start("pihole")),
    Event("unbound stopped", failures.stop_unbound, _start("unbound")),
    Event("drained", lambda rig: rig.drain(ALPHA.name), lambda rig: rig.undrain(ALPHA.name)),
    Event("cable pulled", lambda rig: rig.unplug(ALPHA.name), lambda rig: rig.plug(ALPHA.name)),
)


@dataclass(frozen=True, slots=True)
class Round:
    """One failure: its time (CLOCK_MONOTONIC seconds) and that of the end, and what the exporters counted meanwhile."""

    event: str
    began: float
    ended: float
    counted: dict[str, counters.Counters]

    def seen(self, sample: Sample) -> dict[str, tuple[int, int]]:
        """How often each node's kernel got the VIP, and lost it, by the owner sampler."""
        moves: dict[str, tuple[int, int]] = {place.name: (0, 0) for place in NODES}
        for before, change in zip(sample.changes, sample.changes[1:], strict=False):
            if self.began <= change.time < self.ended:
                for node, (gained, lost) in moves.items():
                    had, has = node in before.owners, node in change.owners
                    moves[node] = (gained + (has and not had), lost + (had and not has))
        return moves

    def miscounted(self, sample: Sample) -> int:
        """By how many moves the exporters differ from what was seen."""
        return sum(
            abs(self.counted[node].acquisitions - gained) + abs(self.counted[node].releases - lost)
            for node, (gained, lost) in self.seen(sample).items()
        )


def measure(plan: Plan) -> list[Figure]:
    """The longest time without exactly one owner in all of it, and the moves that the exporters did not count."""
    rig, rounds = plan.rig, plan.rounds_or(ROUNDS)
    chosen = random.Random(plan.seed).choices(EVENTS, [event.weight for event in EVENTS], k=rounds)
    say(f"{rounds} random failovers, --seed {plan.seed}: {dict(Counter(event.name for event in chosen))}")
    rig.reset()
    done: list[Round] = []
    with rig.sample() as sampler:
        counted = counters.read_both(rig)
        for number, event in enumerate(chosen, 1):
            began = time.monotonic()
            event.strike(rig)
            time.sleep(_LASTS_SECONDS)
            wait_for("an owner", lambda: len(rig.owners()) == 1, timeout=_RETURN_SECONDS)
            event.recover(rig)
            rig.wait_owners(ALPHA.name, timeout=_RETURN_SECONDS)
            wait_for("alpha to answer", rig.answering, until=lambda node: node == ALPHA.name, timeout=_RETURN_SECONDS)
            time.sleep(_COUNT_SECONDS)
            now = counters.read_both(rig)
            ended = time.monotonic()
            done.append(Round(event.name, began, ended, {node: now[node].since(counted[node]) for node in now}))
            counted = now
            say(f"failover {number} of {rounds}: {event.name}, {ended - began:.1f} s")
    return _figures(sampler.sample, done)


def _figures(sample: Sample, done: list[Round]) -> list[Figure]:
    for number, one in enumerate(done, 1):
        if one.miscounted(sample):
            say(f"failover {number}, {one.event}: seen {one.seen(sample)}, counted {one.counted}")
    moves = sum(gained for one in done for gained, _ in one.seen(sample).values())
    wrong = sum(one.miscounted(sample) for one in done)
    looked = sample.owner_samples
    return [
        Figure("random failovers", len(done), "", None, higher_is_better=True, samples=len(done)),
        Figure("random failovers: longest without exactly one owner", sample.longest_without_one_owner, "s",
               _LIMIT_SECONDS, higher_is_better=False, samples=looked),
        Figure("random failovers: longest time with two owners", sample.longest_overlap, "s", None,
               higher_is_better=False, samples=looked),
        Figure("random failovers: moves that the exporters counted wrongly", wrong, "", 0,
               higher_is_better=False, samples=moves),
        Figure("random failovers: longest without an answer", sample.longest_outage, "s", None,
               higher_is_better=False, samples=len(sample.queries)),
    ]  # fmt: skip
