"""``make fuzz``: a million mutated inputs for each parser; print a table, write ``build/fuzz.json``.

``python -m tests.fuzz [--inputs N] [--seconds S] [--seed N] [PARSER...]``; ``--seconds`` bounds each parser.
"""

from __future__ import annotations

import argparse
import platform
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from tests.bench.figures import Figure, merge, table
from tests.fuzz.fuzzing import MAXIMUM_SECONDS, fuzz
from tests.fuzz.parsers import parsers
from tests.lab.plan import BUILD

RESULT: Final = BUILD / "fuzz.json"
INPUTS: Final = 1_000_000


def main() -> int:
    """Fuzz; the exit code says whether every limit was kept."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--inputs", type=int, default=INPUTS)
    parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("--seed", type=int, default=time.time_ns() % 10**9)
    parser.add_argument("parser", nargs="*")
    options = parser.parse_args()
    print(f"fuzz: seed {options.seed}", flush=True)
    versions = {"Python": platform.python_version(), "seed": str(options.seed)}
    measured: list[Figure] = []
    with tempfile.TemporaryDirectory() as folder:
        for one in parsers(Path(folder)):
            if options.parser and one.name not in options.parser:
                continue
            seen = fuzz(one, options.seed, options.inputs, time.monotonic() + options.seconds)
            print(f"fuzz: {one.name}: {seen.inputs} inputs, {seen.undocumented} undocumented errors", flush=True)
            for data, error in seen.faults:
                print(f"  {error}\n    {data[:300]!r}")
            measured += [
                Figure(f"{one.name}: inputs", seen.inputs, "inputs", options.inputs, True, seen.inputs),
                Figure(f"{one.name}: undocumented errors", seen.undocumented, "errors", 0, False, seen.inputs),
                Figure(f"{one.name}: slowest", 1e3 * seen.slowest, "ms", 1e3 * MAXIMUM_SECONDS, False, seen.inputs),
            ]
            merge(RESULT, versions, measured)
    print(f"\n{table(versions, measured)}")
    return 0 if all(figure.good for figure in measured) else 1


if __name__ == "__main__":
    sys.exit(main())
