"""Figures: their form on disk and as a table."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from exporter.engine.files import write_atomically
from tests.lab.plan import BUILD


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value and the limit it is to keep, None where it is only told.

    ``peer`` names a comparable tool measured in the same run.
    """

    name: str
    value: float
    unit: str
    limit: float | None
    higher_is_better: bool
    samples: int
    peer: str | None = None
    peer_value: float | None = None

    @property
    def good(self) -> bool:
        """Whether the value keeps its limit."""
        if self.limit is None:
            return True
        return self.value >= self.limit if self.higher_is_better else self.value <= self.limit


def machine() -> str:
    """Describe the machine: processor, cores, kernel."""
    model = platform.machine()
    cpuinfo = Path("/proc/cpuinfo").read_text("utf-8", "replace")
    found = re.search(r"^(?:model name|Model)\s*:\s*(.+)$", cpuinfo, re.MULTILINE)
    return f"{found[1] if found else model}, {os.cpu_count()} cores, {platform.system()} {platform.release()}"


def version_of(*command: str) -> str:
    """Ask a program for its version; ``unknown`` when it has none to tell."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except OSError:
        return "unknown"
    found = re.search(r"\d+\.\d+(\.\d+)?", done.stdout + done.stderr)
    return found[0] if found else "unknown"


def write(path: Path, versions: Mapping[str, str], figures: Sequence[Figure]) -> None:
    """Write the figures as JSON."""
    told = [{**asdict(figure), "kept": figure.good} for figure in figures]
    document = {"machine": machine(), "versions": dict(versions), "figures": told}
    path.parent.mkdir(exist_ok=True)
    write_atomically(path, (json.dumps(document, indent=2) + "\n").encode())


def read(path: Path) -> list[Figure]:
    """Read the figures that a run wrote; ``kept`` follows from the rest."""
    told = json.loads(path.read_text("utf-8"))["figures"]
    return [Figure(**{name: value for name, value in figure.items() if name != "kept"}) for figure in told]


def merge(path: Path, versions: Mapping[str, str], figures: Sequence[Figure]) -> list[Figure]:
    """Write figures into what an earlier run wrote, in place of those of the same names; return all of them."""
    earlier = read(path) if path.exists() else []
    merged = list({figure.name: figure for figure in [*earlier, *figures]}.values())
    write(path, versions, merged)
    return merged


def table(versions: Mapping[str, str], figures: Sequence[Figure], measured_on: str | None = None) -> str:
    """Write the figures as a table; those that miss their limit are marked. They are this machine's, if not told."""
    rows = [("figure", "value", "limit", "samples", "compared with")]
    for figure in figures:
        sign = "at least " if figure.higher_is_better else "at most "
        limit = "" if figure.limit is None else f"{sign}{_number(figure.limit)}"
        mark = "" if figure.good else "  MISSED"
        peer = f"{figure.peer}: {_number(figure.peer_value)} {figure.unit}" if figure.peer_value is not None else ""
        value = f"{_number(figure.value)} {figure.unit}{mark}"
        rows.append((figure.name, value, limit, str(figure.samples), peer))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines.insert(1, "-" * max(map(len, lines)))
    tools = ", ".join(f"{tool} {version}" for tool, version in versions.items())
    return "\n".join([measured_on or machine(), tools, "", *lines])


def report(path: Path, versions: Mapping[str, str], figures: Sequence[Figure]) -> int:
    """Write the figures, print them as a table, and return the exit code: 1 when a limit is missed."""
    write(path, versions, figures)
    limited = [figure for figure in figures if figure.limit is not None]
    kept = sum(figure.good for figure in limited)
    print(f"\n{table(versions, figures)}")
    print(f"\n{kept} of {len(limited)} limits kept; figures in {path.relative_to(BUILD.parent)}")
    return 0 if kept == len(limited) else 1


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"
