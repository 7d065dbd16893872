"""``make bench-hostile``: every flood, each for a minute; print a table, write ``build/bench-hostile.json``.

``python -m tests.hostile_bench [--seconds 60] [ATTACK...]``; some attacks alone replace their own figures.
"""

from __future__ import annotations

import argparse
import platform
import sys
import tempfile
from pathlib import Path
from typing import Final

from tests.bench.exporter_cost import percentile
from tests.bench.figures import Figure, merge, table
from tests.hostile_bench import frames
from tests.hostile_bench.attacks import ATTACKS
from tests.hostile_bench.lan import STRANGERS
from tests.hostile_bench.siege import PORTS, Seen, siege
from tests.hostile_bench.wire_siege import MARGIN_SECONDS, flood, pair
from tests.hostile_bench.wire_siege import Seen as SeenOnTheWire
from tests.lab.isolation import inside
from tests.lab.plan import BUILD

RESULT: Final = BUILD / "bench-hostile.json"
NAMES: Final = {
    "slow": "400 slow connections/s",
    "held": "10,000 held connections",
    "headers": "heads of 6 MB",
    "scrapers": "200 scrapers",
    "readers": "200 who read no answer",
}
WIRE: Final = "frames"
WIRE_NAME: Final = f"{frames.PER_SECOND:,} frames/s of VRRP and ARP"
# One host, and ten of them together: what is for each host, and what is for all.
HOSTS: Final = {"one host": STRANGERS[:1], "ten hosts": STRANGERS}


def figures(attack: str, server: str, seen: Seen) -> list[Figure]:
    """What is promised under each attack."""
    name = f"{attack}, {server}"
    return [
        *answers(name, [one for seconds in seen.seconds.values() for one in seconds]),
        Figure(f"{name}: growth", max(0.0, seen.growth), "MiB", 8.0, False, 1),
        Figure(f"{name}: restarts", float(not seen.alive), "restarts", 0.0, False, 1),
    ]


def answers(name: str, requests: list[float | None]) -> list[Figure]:
    """How many requests were answered, and how soon."""
    answered = [one for one in requests if one is not None]
    count = len(requests)
    return [
        Figure(f"{name}: answered", 100.0 * len(answered) / count, "%", 100.0, True, count),
        Figure(f"{name}: p99", percentile(answered, 0.99) if answered else 5.0, "s", 1.0, False, len(answered)),
    ]


def figures_of_the_wire(seen: SeenOnTheWire, seconds: float) -> list[Figure]:
    """The same of a whole node, and that its clients keep it."""
    name = WIRE_NAME
    rate = seen.sent / (seconds + 2 * MARGIN_SECONDS)
    return [
        Figure(f"{name}: sent", rate, "frames/s", 0.95 * frames.PER_SECOND, True, seen.sent),
        *answers(name, [one for times in seen.seconds.values() for one in times]),
        *(Figure(f"{name}: growth, {program}", grown, "MiB", 8.0, False, 1) for program, grown in seen.growth.items()),
        Figure(f"{name}: restarts", len(seen.restarted), "restarts", 0.0, False, 1),
        Figure(f"{name}: the VIP moved", seen.moves, "moves", 0.0, False, 1),
        Figure(f"{name}: DNS questions lost", seen.lost, "questions", 0.0, False, seen.asked),
    ]


def main() -> int:
    """Measure; the exit code says whether every limit was kept."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("attack", nargs="*", choices=[*ATTACKS, WIRE, []])
    options = parser.parse_args()
    if not inside():
        print("run make bench-hostile: this needs namespaces that nothing leads out of", file=sys.stderr)
        return 2
    versions = {"Python": platform.python_version()}
    measured: list[Figure] = []
    for attack in options.attack or [*ATTACKS, WIRE]:
        if attack == WIRE:
            print(f"bench: {WIRE_NAME} on a pair", flush=True)
            with pair() as lab:
                measured += figures_of_the_wire(flood(lab, options.seconds), options.seconds)
            merge(RESULT, versions, measured)
            continue
        for server in PORTS:
            for hosts, sources in HOSTS.items():
                print(f"bench: {NAMES[attack]} of {hosts} on the {server}", flush=True)
                # Anew each time, so that an attack that ends it costs its own figures alone.
                with tempfile.TemporaryDirectory() as directory, siege(Path(directory)) as at:
                    seen = at.under(attack, server, options.seconds, sources)
                measured += figures(f"{NAMES[attack]} of {hosts}", server, seen)
                merge(RESULT, versions, measured)
    missed = [figure for figure in measured if not figure.good]
    print(f"\n{table(versions, measured)}")
    kept = len(measured) - len(missed)
    print(f"\n{kept} of {len(measured)} limits kept; figures in {RESULT.relative_to(BUILD.parent)}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
