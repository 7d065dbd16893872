"""What must move nothing and lose nothing: planned moves, forged adverts, a long time without an event."""

from __future__ import annotations

import time
from typing import Final

from tests.bench.failover import QUERY_SECONDS
from tests.bench.figures import Figure
from tests.lab.advert_sender import to_node
from tests.lab.exporters import wait_settled
from tests.lab.lab import Lab
from tests.lab.plan import ALPHA, BETA, VIPS
from tests.lab.sample import Sample
from tests.lab.sending import sending

PLANNED_MOVES: Final = 20
FORGED_SECONDS: Final = 60.0
_STAYS_SECONDS: Final = 2.0
_TELL_SECONDS: Final = 60.0


def planned_moves(lab: Lab) -> list[Figure]:
    """Questions lost, by either family, while the primary is drained and undrained again and again."""
    wait_settled(lab)
    samplers = {family: lab.sample(vip, interval=QUERY_SECONDS) for family, vip in VIPS.items()}
    for _ in range(PLANNED_MOVES):
        lab.drain(ALPHA.name)
        lab.wait_owners(BETA.name, timeout=10.0)
        time.sleep(_STAYS_SECONDS)
        lab.undrain(ALPHA.name)
        lab.wait_owners(ALPHA.name, timeout=10.0)
        time.sleep(_STAYS_SECONDS)
    return [
        _lost(f"{PLANNED_MOVES} drains and undrains, {family}", sampler.stop()) for family, sampler in samplers.items()
    ]


def forged_adverts(lab: Lab) -> list[Figure]:
    """Questions lost while a stranger tells both nodes, 20 times a second, that the other one has a higher priority."""
    wait_settled(lab)
    forged = [to_node(*pair).changed(priority=254, interval=4095) for pair in ((ALPHA, BETA), (BETA, ALPHA))]
    with lab.sample(interval=QUERY_SECONDS) as sampler, sending(lab, *forged):
        time.sleep(FORGED_SECONDS)
    what = f"forged adverts, 20/s for {FORGED_SECONDS:g} s"
    return [_lost(what, sampler.sample), _moves(what, sampler.sample)]


def idle(lab: Lab, minutes: float) -> list[Figure]:
    """Moves of the VIP, and questions lost, while nothing is done to the pair."""
    wait_settled(lab)
    end = time.monotonic() + 60 * minutes
    with lab.sample(interval=0.1) as sampler:
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(_TELL_SECONDS, left))
            print(f"bench: idle, {max(0.0, end - time.monotonic()):.0f} s to go", flush=True)
    what = f"idle for {minutes:g} minutes"
    return [_moves(what, sampler.sample), _lost(what, sampler.sample)]


def _lost(what: str, sample: Sample) -> Figure:
    return Figure(f"{what}: questions lost", sample.lost, "", 0, False, len(sample.queries))


def _moves(what: str, sample: Sample) -> Figure:
    moves = sum(change.owners != (ALPHA.name,) for change in sample.changes)
    return Figure(f"{what}: moves of the VIP", moves, "", 0, False, sample.owner_samples)
