"""Do the exporter's counters say what the kernel and keepalived's own log say, and do they never go back?"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from .oracle import Violation
from .timeline import VIPS, Entry

# These outlive everything but the node's power.
DURABLE: Final = (
    "dnsha_vrrp_transitions_total",
    "dnsha_keepalived_starts_total",
    "dnsha_keepalived_child_exits_total",
    "dnsha_vip_acquisitions_total",
    "dnsha_vip_releases_total",
)
REPLACED_SECONDS: Final = 20.0
"""The counts of a process that was replaced may be told for so long: keepalived's own are believed for 16 s."""
QUIET_SECONDS: Final = 1.5
"""So much later than it happened a change may have been recorded on a busy machine."""
_STATES: Final = {"MASTER": "master", "BACKUP": "backup", "FAULT": "fault"}
# Small letters are of one that starts in FAULT (keepalived/vrrp/vrrp.c: vrrp_complete_init).
_ENTERING: Final = re.compile(
    r"\(VI_1\) (?:Entering (MASTER|BACKUP|FAULT) STATE|entering (FAULT) state$)", re.MULTILINE
)

Counters = Mapping[str, float]


def going_back(entries: Sequence[Entry]) -> list[Violation]:
    """Every counter that became less, although what counts lived on: for the durable ones, the node's power alone."""
    found = []
    boots: Counter[str] = Counter()
    living: dict[str, tuple[int | None, ...]] = {}
    replaced: dict[str, float] = {}
    before: dict[tuple[str, str], tuple[int, float]] = {}
    for time, kind, node, what in sorted(entries, key=lambda entry: entry[0]):
        if kind == "on":
            boots[node] += 1
        elif kind == "programs":
            now = tuple(what[name][0] if name in what else None for name in ("exporter", "keepalived", "vrrp"))
            if now != living.get(node):
                living[node], replaced[node] = now, time
        elif kind == "counters" and what is not None:
            fresh = time - replaced.get(node, 0.0) < REPLACED_SECONDS
            for name, value in what.items():
                then, earlier = before.get((node, name), (boots[node], value))
                excused = then != boots[node] or (fresh and not name.startswith(DURABLE))
                if value < earlier and not excused:
                    seen = f"{name} went from {earlier:g} to {value:g}"
                    found.append(Violation("counters never go back", node, time, time, seen))
                before[node, name] = (boots[node], value)
    return found


def differing(
    entries: Sequence[Entry], logs: Mapping[str, str], *, lost: Mapping[str, int], end: float
) -> list[Violation]:
    """Compare the last counts with what the kernel and keepalived said since each node was powered on.

    ``logs`` is what keepalived has logged since then. ``lost`` says of how many changes a
    node's recorder may not know.
    """
    found = []
    for node, log in logs.items():
        counted = next(
            (w for _, kind, where, w in reversed(entries) if kind == "counters" and where == node and w), None
        )
        if counted is None:
            continue
        truth = dict.fromkeys(_STATES.values(), 0)
        for match in _ENTERING.finditer(log):
            truth[_STATES[match[1] or match[2]]] += 1
        for state, count in truth.items():
            name = f'dnsha_vrrp_transitions_total{{vrrp_instance="VI_1",state="{state}"}}'
            if not count - lost.get(node, 0) <= counted.get(name, 0) <= count:
                seen = f"{name} is {counted.get(name, 0):g}; keepalived logged {count}"
                found.append(Violation("transitions are those of keepalived's log", node, end, end, seen))
        found += _moves(entries, node, counted, end)
    return found


def _moves(entries: Sequence[Entry], node: str, counted: Counters, end: float) -> list[Violation]:
    """Acquisitions and releases: exactly the kernel's while the exporter lived throughout, else no more than these.

    From its first counts at a quiet moment on: what was there before it looked for the first time it need not count.
    """
    found = []
    on = [time for time, kind, where, what in entries if kind == "on" and where == node and what]
    mine = sorted((e for e in entries if e[2] == node and (not on or e[0] >= on[-1])), key=lambda entry: entry[0])
    moves = [(time, *what) for time, kind, _, what in mine if kind == "address" and what[0] in VIPS]
    quiet = (
        (time, what)
        for time, kind, _, what in mine
        if kind == "counters" and _tells_of_vips(what) and all(abs(time - moved) > QUIET_SECONDS for moved, *_ in moves)
    )
    since, first = next(quiet, (end, counted))
    programs = [(time, what.get("exporter", (0, False))[0]) for time, kind, _, what in mine if kind == "programs"]
    before = [pid for time, pid in programs if time < since]
    processes = {*before[-1:], *(pid for time, pid in programs if time >= since)}
    for vip in VIPS:
        for metric, there in (("acquisitions", True), ("releases", False)):
            truth = sum(time > since and (vip, there) == (which, what) for time, which, what in moves)
            name = next((n for n in counted if n.startswith(f'dnsha_vip_{metric}_total{{vip="{vip}"')), "")
            told = counted.get(name, 0) - first.get(name, 0)
            if told == truth or (len(processes) > 1 and told < truth):
                continue
            seen = f"{name} rose by {told:g}; the kernel's messages say {truth}"
            found.append(Violation("moves are those of the kernel", node, since, end, seen))
    return found


def _tells_of_vips(counted: Counters | None) -> bool:
    """Whether the exporter had asked the kernel by then: one that has just started gives no counts, not zeros."""
    return any(name.startswith("dnsha_vip_acquisitions_total") for name in counted or {})
