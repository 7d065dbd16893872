"""``make fuzz``: a million mutated inputs for each parser; print a table, write ``build/fuzz.json``.

``python -m tests.fuzz [--inputs N] [--seconds S] [--seed N] [--processes N] [PARSER...]``; ``--seconds`` bounds each
parser's processor time roughly, being that of each process's share.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import multiprocessing
import os
import platform
import sys
import time
from typing import Final

from tests.bench.figures import Figure, merge, table
from tests.fuzz.fuzzing import MAXIMUM_SECONDS, NOTHING, Outcome
from tests.fuzz.shares import names_of_all, shares, work
from tests.lab.plan import BUILD

RESULT: Final = BUILD / "fuzz.json"
INPUTS: Final = 1_000_000


def figures(name: str, seen: Outcome, wanted: int) -> list[Figure]:
    """What is promised of each parser."""
    return [
        Figure(f"{name}: inputs", seen.inputs, "inputs", wanted, True, seen.inputs),
        Figure(f"{name}: undocumented errors", seen.undocumented, "errors", 0, False, seen.inputs),
        Figure(f"{name}: slowest", 1e3 * seen.slowest, "ms", 1e3 * MAXIMUM_SECONDS, False, seen.inputs),
    ]


def main() -> int:
    """Fuzz; the exit code says whether every limit was kept."""
    argument = argparse.ArgumentParser()
    argument.add_argument("--inputs", type=int, default=INPUTS)
    argument.add_argument("--seconds", type=float, default=float("inf"))
    argument.add_argument("--seed", type=int, default=time.time_ns() % 10**9)
    argument.add_argument("--processes", type=int, default=os.cpu_count())
    argument.add_argument("parser", nargs="*")
    options = argument.parse_args()
    print(f"fuzz: seed {options.seed}", flush=True)
    versions = {"Python": platform.python_version(), "seed": str(options.seed)}
    names = [name for name in names_of_all() if not options.parser or name in options.parser]
    parts = {name: shares(name, options.seed, options.inputs, options.seconds) for name in names}
    seen = dict.fromkeys(names, NOTHING)
    left = {name: len(of) for name, of in parts.items()}
    measured: list[Figure] = []
    spawning = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(options.processes, spawning) as pool:
        for name, outcome in pool.map(work, [share for of in parts.values() for share in of]):
            seen[name] += outcome
            left[name] -= 1
            if left[name]:
                continue
            found = seen[name]
            print(f"fuzz: {name}: {found.inputs} inputs, {found.undocumented} undocumented errors, slowest "
                  f"{1e3 * found.slowest:.1f} ms", flush=True)  # fmt: skip
            for data, error in found.faults:
                print(f"  {error}\n    {data[:300]!r}")
            measured += figures(name, found, options.inputs)
            merge(RESULT, versions, measured)
    print(f"\n{table(versions, measured)}")
    return 0 if all(figure.good for figure in measured) else 1


if __name__ == "__main__":
    sys.exit(main())
