"""Does a busy machine make a node take over that should not?"""

from __future__ import annotations

import time
from typing import Final

from tests.bench.figures import Figure
from tests.lab.plan import ALPHA, NODES

from . import counters
from .load import Questions, busy
from .plan import Plan, say

_BUSY_PROCESSES: Final = 10
_RATE: Final = 5000
_KEPT_SHARE: Final = 0.98
_SAMPLE_SECONDS: Final = 0.05
_COUNT_SECONDS: Final = 5.0


def measure(plan: Plan) -> list[Figure]:
    """Moves of the VIP under load, by the word of the kernels' tables, both exporters and both keepaliveds."""
    rig = plan.rig
    rig.reset()
    before = counters.read_both(rig)
    end = time.monotonic() + 60 * plan.minutes
    with rig.sample(interval=_SAMPLE_SECONDS) as sampler, Questions(rig.client, rig.vips[0], _RATE) as questions:
        with busy(_BUSY_PROCESSES, rig.logs):
            while (left := end - time.monotonic()) > 0:
                time.sleep(min(60.0, left))
                say(f"load: {max(0.0, end - time.monotonic()):.0f} s to go, the owner is {' and '.join(rig.owners())}")
        time.sleep(_COUNT_SECONDS)
    after = counters.read_both(rig)
    counted = {place.name: after[place.name].since(before[place.name]) for place in NODES}
    sample, served = sampler.sample, questions.served
    moves = [change for change in sample.changes if change.owners != (ALPHA.name,)]
    say(f"load: {served.words}; exporters counted {counted}; owners seen {[change.owners for change in moves]}")
    kernel = sum(count.acquisitions + count.releases for count in counted.values())
    keepalived = sum(count.masterships for count in counted.values())
    what = f"{plan.minutes:g} minutes under load"
    return [
        Figure(f"{what}: false takeovers", max(kernel, keepalived, len(moves)), "", 0,
               higher_is_better=False, samples=sample.owner_samples),
        Figure(f"{what}: questions a second", served.rate, "/s", _KEPT_SHARE * _RATE,
               higher_is_better=True, samples=served.sent),
        Figure(f"{what}: questions lost", served.lost, "", None, higher_is_better=False, samples=served.sent),
        Figure(f"{what}: longest without an answer", sample.longest_outage, "s", None,
               higher_is_better=False, samples=len(sample.queries)),
    ]  # fmt: skip
