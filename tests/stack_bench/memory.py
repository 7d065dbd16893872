"""Memory of a node's own services."""

from __future__ import annotations

import contextlib
import time

from tests.bench.figures import Figure
from tests.lab.plan import ALPHA
from tests.lab.processes import control_groups
from tests.stack.rig import Rig

from .plan import Plan, say

_LIMIT_MIB = 150.0
_SETTLE_SECONDS = 20.0
_PIHOLE = "pihole"


def used(rig: Rig) -> dict[str, float]:
    """MiB that each running service of alpha uses, without the page cache (anonymous memory)."""
    found = {}
    for name, container in rig.node(ALPHA.name).engine.containers().items():
        state, identifier = container["State"], str(container["Id"])
        assert isinstance(state, dict)
        for group in control_groups(identifier) if state["Running"] else ():
            with contextlib.suppress(OSError):  # a hierarchy without memory, or it has just ended
                lines = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
                found[name] = int(lines.get("total_rss", lines.get("anon", "0"))) / 2**20
    return found


def measure(plan: Plan) -> list[Figure]:
    """What they use together, and each of them."""
    plan.rig.reset()
    time.sleep(_SETTLE_SECONDS)
    found = used(plan.rig)
    say(", ".join(f"{name} {mib:.1f} MiB" for name, mib in sorted(found.items())))
    own = {name: mib for name, mib in found.items() if name != _PIHOLE}
    return [
        Figure("memory of a node's services without Pi-hole", sum(own.values()), "MiB", _LIMIT_MIB,
               higher_is_better=False, samples=len(own)),
        *(
            Figure(f"memory: {name}", mib, "MiB", None, higher_is_better=False, samples=1)
            for name, mib in sorted(own.items())
        ),
    ]  # fmt: skip
