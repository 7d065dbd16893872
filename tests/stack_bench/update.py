"""An update of the owner, by the shipped script, while clients ask."""

from __future__ import annotations

import time
from typing import Final

from tests.bench.figures import Figure
from tests.lab.errors import LabError
from tests.lab.plan import ALPHA
from tests.stack.upkeep import container_ids, make_well

from .load import Questions
from .plan import Plan, say

_RATE: Final = 2000
_LEAST_SECONDS: Final = 30.0
_QUIET_SECONDS: Final = 3.0


def measure(plan: Plan) -> list[Figure]:
    """Questions lost while alpha is drained, gets every container anew, and takes the VIP back.

    Raises:
        LabError: the update failed.
    """
    rig, node = plan.rig, plan.rig.node(ALPHA.name)
    make_well(rig)
    renewed = len(node.renew_images())
    before = container_ids(node)
    began = time.monotonic()
    with rig.sample() as sampler, Questions(rig.client, rig.vips[0], _RATE) as questions:
        time.sleep(_QUIET_SECONDS)
        done = node.script("update.sh", "--offline")
        seconds = time.monotonic() - began - _QUIET_SECONDS
        rest = _LEAST_SECONDS - (time.monotonic() - began)
        time.sleep(max(_QUIET_SECONDS, rest))
    if done.returncode:
        message = f"update.sh ended with {done.returncode}:\n{done.stdout}{done.stderr}"
        raise LabError(message)
    after = container_ids(node)
    replaced = sum(after.get(name) != identifier for name, identifier in before.items())
    sample, served = sampler.sample, questions.served
    say(f"update: {served.words}; {sample.lost} of {len(sample.queries)} canaries lost; {replaced} containers replaced")
    return [
        Figure("update: questions lost", served.lost + sample.lost, "", 0,
               higher_is_better=False, samples=served.sent + len(sample.queries)),
        Figure("update: questions a second", served.rate, "/s", 0.98 * _RATE,
               higher_is_better=True, samples=served.sent),
        Figure("update: containers replaced", replaced, "", renewed, higher_is_better=True, samples=len(before)),
        Figure("update: from start to end", seconds, "s", None, higher_is_better=False, samples=1),
        Figure("update: longest time with two owners", sample.longest_overlap, "s", None,
               higher_is_better=False, samples=sample.owner_samples),
    ]  # fmt: skip
