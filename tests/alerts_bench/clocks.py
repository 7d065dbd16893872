"""A node whose clock is a minute wrong: short events are told once all the same, and so are their ends.

Short, because what lasts for less than the clocks differ is an alert that begins, for one of the two nodes, only after
it has ended.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from tests.alerting.watch import watched
from tests.alerts_bench.events import Event
from tests.alerts_bench.latency import Told, meet
from tests.bench.figures import Figure
from tests.lab.lab import Lab
from tests.lab.plan import ALPHA, BETA

EVENTS: Final = ("Unbound dies behind a live Pi-hole", "split brain")
_WRONG_SECONDS: Final = 60.0
_MORE_SECONDS: Final = 20.0


def measure(events: Sequence[Event]) -> Iterator[list[Figure]]:
    """Put each node's clock wrong in each direction, and let the events happen; yield all figures so far."""
    figures: list[Figure] = []
    for node in (ALPHA.name, BETA.name):
        for ahead in (_WRONG_SECONDS, -_WRONG_SECONDS):
            with Lab(guard=True, own_clocks=True) as lab:
                lab.step_clock(node, ahead)
                with watched(lab) as watch:
                    watch.wait_calm()
                    told = [meet(watch, event, lasting=0.0, quiet=abs(ahead) + _MORE_SECONDS) for event in events]
            name = f"{node}'s clock {abs(ahead):g} s {'ahead' if ahead > 0 else 'behind'}"
            print(f"bench-alerts: {name}: {sum(each.once for each in told)} of {len(told)} told once", flush=True)
            figures += _figures(name, told)
            yield figures


def _figures(name: str, told: Sequence[Told]) -> list[Figure]:
    for each in told:
        for line in each.others if each.once else each.messages:
            print(f"bench-alerts:   {line}", flush=True)
    wrong = sum(not each.once for each in told)
    return [Figure(f"{name}: begin or end not told exactly once", wrong, "events", 0, False, len(told))]
