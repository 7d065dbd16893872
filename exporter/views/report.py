"""The verdict for people, scripts and monitoring plugins."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from exporter.checks import wrong
from exporter.model.observations import Check, NodeIdentity, Status


@dataclass(frozen=True, slots=True)
class Verdict:
    """What ``--once`` found; the time is Unix seconds."""

    node: NodeIdentity
    time: float
    status: Status
    checks: tuple[Check, ...]
    source: str  # where it comes from, for the last line


def format_text(verdict: Verdict) -> str:
    """Write the verdict for a person: what is wrong first, each with what to try."""
    when = time.strftime("%Y-%m-%d %H:%M:%S %Z", time.localtime(verdict.time))
    lines = [f"{verdict.status.name}: {_summary(verdict)}", f"{verdict.node.name} ({verdict.node.role}), {when}", ""]
    for check in wrong(verdict.checks):
        lines += [
            f"{check.status.name:<8}  {_title(check, verdict)}",
            f"          seen:     {_printable(check.seen)}",
            f"          expected: {_printable(check.expected)}",
            f"          try:      {_printable(check.advice)}",
            "",
        ]
    good = [check for check in verdict.checks if check.status is Status.OK]
    width = max((len(_title(check, verdict)) for check in good), default=0)
    lines += [f"ok        {_title(check, verdict):<{width}}  {_printable(check.seen)}" for check in good]
    lines += ["", verdict.source]
    return "\n".join(lines) + "\n"


def format_nagios(verdict: Verdict) -> str:
    """Write one line for a monitoring system, and the details below (Nagios plugin guidelines)."""
    counts = {status: sum(check.status is status for check in verdict.checks) for status in Status}
    performance = " ".join(f"{status.word}={count}" for status, count in counts.items())
    details = [
        f"{check.status.name}: {_title(check, verdict)}: {check.seen}; try: {check.advice}"
        for check in verdict.checks
        if check.status is not Status.OK
    ]
    first = _plugin_line(f"DNSHA {verdict.status.name} - {_summary(verdict)}")
    return "\n".join([f"{first} | {performance}", *map(_plugin_line, details)]) + "\n"


def _summary(verdict: Verdict) -> str:
    worst = [check for check in verdict.checks if check.status is verdict.status and check.status is not Status.OK]
    if not worst:
        return f"all {len(verdict.checks)} checks are well" if verdict.checks else "nothing was checked"
    more = f" (and {len(worst) - 1} more)" if len(worst) > 1 else ""
    return _printable(worst[0].seen) + more


def _title(check: Check, verdict: Verdict) -> str:
    where = "" if check.node == verdict.node.name else f"{check.node}: "
    return _printable(f"{where}{check.id}{f' [{check.subject}]' if check.subject else ''}")


def _printable(text: str) -> str:
    """Leave out what a terminal would obey: much of it comes from logs, daemons and the other node."""
    return text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)


def _plugin_line(text: str) -> str:
    """One line without the character that begins performance data."""
    return " ".join(_printable(text).replace("|", "/").split())


def restrict(checks: Sequence[Check], only: Sequence[str]) -> tuple[Check, ...]:
    """Keep the checks of some collectors; all of them when none is named."""
    return tuple(check for check in checks if not only or check.collector in only)
