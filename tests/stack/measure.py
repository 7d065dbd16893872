"""What a client sees of failures of the stack as shipped: ``python -m tests.lab run -- python -m tests.stack.measure``.

Writes ``build/bench-stack.json`` and prints it: seconds without an answer, by send time at a question every 10 ms,
several rounds each; owners sampled every 5 ms; memory of the node's own services without Pi-hole.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from tests.lab.plan import ALPHA, BETA, BUILD
from tests.lab.sample import Sample
from tests.lab.waiting import wait_for

from .rig import Rig, why_not

ROUNDS: Final = 5
RESULT: Final = BUILD / "bench-stack.json"
_QUIET_SECONDS: Final = 1.0


def crash(rig: Rig) -> None:
    """Cut alpha's power."""
    rig.crash(ALPHA.name)


def stop_keepalived(rig: Rig) -> None:
    """Stop keepalived's container in good order."""
    rig.node(ALPHA.name).engine.docker("stop", "keepalived")


def stop_pihole(rig: Rig) -> None:
    """Stop Pi-hole's container at once."""
    rig.node(ALPHA.name).engine.docker("stop", "--time", "0", "pihole")


def kill_keepalived(rig: Rig) -> None:
    """SIGKILL keepalived by its host pid, and keep Docker from starting it again at once."""
    engine = rig.node(ALPHA.name).engine
    engine.docker("update", "--restart", "no", "keepalived")
    engine.kill_container_process("keepalived")


SCENARIOS: Final[dict[str, Callable[[Rig], None]]] = {
    "node_crash": crash,
    "keepalived_stopped": stop_keepalived,
    "pihole_stopped": stop_pihole,
    "keepalived_killed": kill_keepalived,
}


def one_round(rig: Rig, failure: Callable[[Rig], None]) -> Sample:
    """Let it fail once on a healthy pair, and watch until the other node answers."""
    rig.reset()
    with rig.sample() as sampler:
        time.sleep(_QUIET_SECONDS)
        failure(rig)
        wait_for("beta to answer", rig.answering, until=lambda node: node == BETA.name, timeout=20.0)
        time.sleep(_QUIET_SECONDS)
    if rig.node(ALPHA.name).on:
        rig.node(ALPHA.name).engine.docker("update", "--restart", "unless-stopped", "keepalived")
    return sampler.sample


def memory(rig: Rig) -> dict[str, float]:
    """MiB that each service of alpha uses, without the page cache (anonymous memory)."""
    engine = rig.node(ALPHA.name).engine
    found = {}
    for name, container in engine.containers().items():
        state, identifier = container["State"], str(container["Id"])
        assert isinstance(state, dict)
        for path in Path("/sys/fs/cgroup").glob(f"**/{identifier}/memory.stat"):
            if state["Running"]:
                lines = dict(line.split() for line in path.read_text().splitlines())
                found[name] = round(int(lines.get("total_rss", lines.get("anon", "0"))) / 2**20, 1)
    return found


def main() -> int:
    """Measure."""
    reason = why_not()
    if reason is not None:
        print(reason, file=sys.stderr)
        return 1
    result: dict[str, Any] = {}
    with Rig() as rig:
        time.sleep(20.0)
        used = memory(rig)
        result["memory_mib"] = {**used, "without pihole": round(sum(v for n, v in used.items() if n != "pihole"), 1)}
        for name, failure in SCENARIOS.items():
            samples = [one_round(rig, failure) for _ in range(ROUNDS)]
            outages = [sample.longest_outage for sample in samples]
            result[name] = {
                "outage_seconds": [round(outage, 3) for outage in outages],
                "median": round(statistics.median(outages), 3),
                "most_owners": max(sample.owners_seen_max for sample in samples),
                "longest_overlap_seconds": round(max(sample.longest_overlap for sample in samples), 3),
            }
            print(name, json.dumps(result[name]), flush=True)
        rig.reset()
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result["memory_mib"]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
