"""The demo's figures as one table that a person can read."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from pathlib import Path

from .exporters import Report
from .outcome import Outcome

_COLUMNS = (
    "scenario",
    "owner",
    "no answer",
    "queries",
    "lost",
    "owners at most",
    "told after",
    "recovered",
    "lost on return",
)


def table(outcomes: Sequence[Outcome], keepalived: str) -> str:
    """The table of all scenarios, with the machine it was measured on and what the exporters said."""
    rows = [
        (
            outcome.scenario.name,
            f"{outcome.owner_before} -> {outcome.owner_after}",
            f"{outcome.outage:.3f} s",
            str(outcome.queries),
            str(outcome.lost),
            owners(outcome),
            "never" if outcome.told_after is None else f"{outcome.told_after:.3f} s",
            "yes" if outcome.recovered else "NO",
            str(outcome.lost_on_return),
        )
        for outcome in outcomes
    ]
    widths = [max(len(row[i]) for row in (_COLUMNS, *rows)) for i in range(len(_COLUMNS))]
    lines = ["", f"{keepalived}, on {machine()}", ""]
    lines += [_line(row, widths) for row in (_COLUMNS, ["-" * width for width in widths], *rows)]
    lines += ["", "What the exporters said, seconds after the event:", ""]
    for outcome in outcomes:
        for node, reports in outcome.reports.items():
            said = "; ".join(f"{at:.2f} {fact}" for at, fact in news(reports, outcome.event)) or "nothing new"
            lines.append(f"  {outcome.scenario.name:<{widths[0]}}  {node:<5}  {said}")
    return "\n".join(lines)


def owners(outcome: Outcome) -> str:
    """The most nodes that held the VIP at once, and how long there were several."""
    if outcome.owners_seen_max < 2:
        return str(outcome.owners_seen_max)
    return f"{outcome.owners_seen_max} for {outcome.overlap:.3f} s"


def news(reports: Sequence[Report], event: float) -> list[tuple[float, str]]:
    """Every fact that was not in the report before, with the time in seconds since the event."""
    found = []
    known = facts(reports[0]) if reports and reports[0].time < event else set()
    for report in reports:
        if report.time >= event:
            now = facts(report)
            found += [(report.time - event, fact) for fact in sorted(now - known)]
            known = now
    return found


def facts(report: Report) -> set[str]:
    """What a report says, in words."""
    if report.silent:
        return {"does not answer"}
    owned = ", ".join(sorted(report.owned))
    return {f"owns {owned}" if owned else "owns no VIP"} | {
        f"{trouble.id} {trouble.status}" for trouble in report.troubles
    }


def machine() -> str:
    """The processor, its cores and the kernel, so that figures can be compared."""
    cores = len(os.sched_getaffinity(0))
    return f"{_processor()}, {cores} cores, Linux {platform.release()}, {platform.machine()}"


def _processor() -> str:
    board = Path("/proc/device-tree/model")  # a Raspberry Pi says there what it is
    if board.exists():
        return board.read_text().strip("\0\n")
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
