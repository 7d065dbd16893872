"""Both nodes lose their power at once and get it back at once: when is there an owner again?"""

from __future__ import annotations

import time

from tests.bench.figures import Figure
from tests.lab.plan import NODES
from tests.lab.waiting import wait_for

from .plan import Plan, say

ROUNDS = 3
_LIMIT_SECONDS = 5.0
_BOOT_SECONDS = 180.0


def measure(plan: Plan) -> list[Figure]:
    """Seconds from the first answer of a node on its own address to the first answer through the VIP."""
    rig, rounds = plan.rig, plan.rounds_or(ROUNDS)
    late, all_in_all = [], []
    for number in range(1, rounds + 1):
        rig.reset()
        for place in NODES:
            rig.crash(place.name)
        began = time.monotonic()
        for place in NODES:
            rig.node(place.name).power_on()
        wait_for(
            "a node to answer for itself",
            lambda: any(rig.answering(place.ipv4) for place in NODES),
            timeout=_BOOT_SECONDS,
        )
        answered = time.monotonic()
        wait_for("an answer through the VIP", lambda: rig.answering() and rig.owners(), timeout=_BOOT_SECONDS)
        owned = time.monotonic()
        late.append(owned - answered)
        all_in_all.append(owned - began)
        for place in NODES:
            rig.node(place.name).wait_engine()
        say(
            f"both rebooted, {number} of {rounds}: DNS after {answered - began:.1f} s, "
            f"an owner that answers {late[-1]:.2f} s later"
        )
    return [
        Figure("both nodes rebooted: an owner after the first node's DNS", max(late), "s", _LIMIT_SECONDS,
               higher_is_better=False, samples=rounds),
        Figure("both nodes rebooted: DNS through the VIP after power on", max(all_in_all), "s", None,
               higher_is_better=False, samples=rounds),
    ]  # fmt: skip
