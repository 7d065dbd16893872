"""``make benchmarks``: write docs/benchmarks.md and README's failover table from the figures in build/*.json.

A part whose file is not there stays as it is.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Final

from docs.generate import replace_part
from exporter.engine.files import write_atomically
from tests.bench.figures import Figure, machine, read, table
from tests.chaos.outages import Outages
from tests.chaos.outages import table as outages_table
from tests.lab.plan import BUILD

ROOT: Final = BUILD.parent
PARTS: Final = {
    "stack-bench": "bench-stack",
    "bench": "bench",
    "alerts-bench": "bench-alerts",
    "hostile-bench": "bench-hostile",
    "fuzz": "fuzz",
}
CHAOS_RECORD: Final = "chaos-record.json"
CHAOS: Final = "chaos*.json"  # several runs may have gone on at once, each with a seed of its own
FAILOVERS: Final = {
    "the node crashes": "node crash",
    "keepalived is stopped": "keepalived stopped",
    "keepalived is killed (SIGKILL)": "keepalived SIGKILLed",
    "the DNS container stops": "DNS container stopped",
    "Unbound stops behind a live Pi-hole": "Unbound stopped",
    "Pi-hole hangs: its socket is there, and nobody answers": "Pi-hole frozen",
    "the node loses its own address": "own address lost",
}


def failover_table(figures: list[Figure]) -> str:
    """Tell the median and the longest time without an answer, in seconds, of each kind of failure.

    Raises:
        ValueError: one of them was not measured.
    """
    known = {figure.name: figure for figure in figures}
    rows = ["| what happens to the node that owns the VIP | median | longest | times |", "| --- | --- | --- | --- |"]
    for words, name in FAILOVERS.items():
        try:
            median, longest = (known[f"{name}: without an answer, {which}"] for which in ("median", "longest"))
        except KeyError as error:
            msg = f"bench-stack.json lacks the figure {error}: run make bench-stack"
            raise ValueError(msg) from error
        rows.append(f"| {words} | {median.value:.2f} s | {longest.value:.2f} s | {longest.samples} |")
    return "\n".join(rows)


def chaos_table(documents: list[dict[str, Any]]) -> str:
    """Tell what several runs of ``make chaos`` did, and the outage of each fault that was alone."""
    steps, rounds = (sum(document[what] for document in documents) for what in ("steps", "rounds"))
    broken = sum(len(document["failed"]) for document in documents)
    measured = Outages()
    for document in documents:
        for fault, seconds in document["seconds_by_fault"].items():
            measured.by_fault[fault] += seconds
    seeds = ", ".join(str(document["seed"]) for document in documents)
    told = f"{steps} steps in {rounds} rounds, each of a seed of its own (from {seeds}); {broken} rounds broke a rule"
    return f"{machine()}\n{told}\n\n{outages_table(measured.rows())}"


def publish(build: Path, page: Path, readme: Path) -> list[str]:
    """Write the parts whose figures are there; return the names of their files."""
    text, front = page.read_text("utf-8"), readme.read_text("utf-8")
    found = []
    for part, stem in PARTS.items():
        path = build / f"{stem}.json"
        if not path.exists():
            continue
        document = json.loads(path.read_text("utf-8"))
        figures = read(path)
        printed = table(document["versions"], figures, document["machine"])
        text = replace_part(text, part, f"```text\n{printed}\n```", page.name)
        if part == "stack-bench":
            front = replace_part(front, "failover", failover_table(figures), readme.name)
        found.append(path.name)
    chaos = [path for path in sorted(build.glob(CHAOS)) if path.name != CHAOS_RECORD]
    if chaos:
        told = chaos_table([json.loads(path.read_text("utf-8")) for path in chaos])
        text = replace_part(text, "chaos", f"```text\n{told}\n```", page.name)
        found += [path.name for path in chaos]
    write_atomically(page, text.encode())
    write_atomically(readme, front.encode())
    return found


def main() -> int:
    """Publish; 1 when there is nothing to publish."""
    found = publish(BUILD, ROOT / "docs" / "benchmarks.md", ROOT / "README.md")
    print(f"written from {', '.join(found)}" if found else "build/ holds no figures: run one of make bench-… first")
    return 0 if found else 1


if __name__ == "__main__":
    sys.exit(main())
