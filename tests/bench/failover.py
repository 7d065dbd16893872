"""How long clients are without an answer in each scenario of the demo, and what the exporters say."""

from __future__ import annotations

import statistics
import time

from tests.bench.figures import Figure
from tests.lab.exporters import wait_settled
from tests.lab.lab import Lab
from tests.lab.plan import VIPS, peer_of
from tests.lab.scenarios import SCENARIOS

ROUNDS = 5
LIMITS = {"graceful": 0.1, "service": 0.9, "crash": 0.35, "sigkill": 0.35}
QUERY_SECONDS = 0.01


def outages(lab: Lab, rounds: int = ROUNDS) -> list[Figure]:
    """The median of the longest time without an answer."""
    figures = []
    for scenario in SCENARIOS:
        seconds = []
        for _ in range(rounds):
            wait_settled(lab)
            (owner,) = lab.owners(VIPS["ipv4"])
            with lab.sample(VIPS["ipv4"], interval=QUERY_SECONDS) as sampler:
                time.sleep(0.5)
                scenario.strike(lab, owner)
                lab.wait_owners(*scenario.owners_after(owner, peer_of(owner).name), timeout=10.0)
                time.sleep(1.0)
            scenario.recover(lab, owner)
            lab.wait_healthy()
            seconds.append(sampler.sample.longest_outage)
            print(f"bench: {scenario.name}: {seconds[-1]:.3f} s without an answer", flush=True)
        name = f"without an answer: {scenario.name}"
        figures.append(Figure(name, statistics.median(seconds), "s", LIMITS[scenario.name], False, rounds))
    return figures
