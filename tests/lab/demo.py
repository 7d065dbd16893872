"""The demo: a real pair, guarded as the product is, through four failures, with what a client and exporters saw."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from . import demo_report
from .errors import LabError, LabTimeoutError
from .exporters import Report, Run, Watch, run_exporter, wait_reported, wait_settled
from .lab import Lab
from .outcome import Outcome, answers_since
from .plan import BUILD, NODES, VIPS, peer_of
from .scenarios import GUARDED as SCENARIOS
from .scenarios import Scenario
from .waiting import wait_for

RESULT: Final = BUILD / "demo.json"
PRINTED: Final = BUILD / "demo.txt"
_BEFORE_SECONDS: Final = 0.5
_AFTER_SECONDS: Final = 0.5
_STATUS_WORDS: Final = {0: "ok", 1: "warning", 2: "critical", 3: "unknown"}


def run() -> int:
    """Run the demo and print it; return 0 when every scenario was told of and recovered from, else 1."""
    started = time.monotonic()
    with Lab(guard=True) as lab, contextlib.ExitStack() as watching:
        keepalived = f"keepalived {lab.keepalived.version_text} {lab.keepalived.origin}"
        say(f"pair up in {time.monotonic() - started:.1f} s, {keepalived}")
        watches = tuple(watching.enter_context(Watch(lab, place.name)) for place in NODES)
        outcomes = []
        for scenario in SCENARIOS:
            outcomes.append(play(lab, watches, scenario))
            if not outcomes[-1].recovered:
                break  # the next one would start from a broken pair
        runs = {place.name: run_exporter(lab, place.name, "--once") for place in NODES}
        table = demo_report.table(outcomes, keepalived)
        print(table)
        for node, once in runs.items():
            print(f"\nexporter --once on {node}, exit code {once.exit_code}:\n{once.output}{once.complaint}", end="")
    write_result(outcomes, runs, keepalived)
    write_whole(PRINTED, table)
    say(f"done in {time.monotonic() - started:.1f} s; figures in {os.path.relpath(RESULT)}")
    shown = [outcome for outcome in outcomes if outcome.recovered and outcome.told_after is not None]
    return 0 if len(shown) == len(SCENARIOS) else 1


def say(line: str) -> None:
    """Print a line of progress."""
    print(f"demo: {line}", flush=True)


def play(lab: Lab, watches: tuple[Watch, ...], scenario: Scenario) -> Outcome:
    """Let a failure happen to the owner, watch it, and recover from it."""
    vip = VIPS["ipv4"]
    wait_settled(lab)
    (owner,) = lab.owners(vip)
    other = peer_of(owner).name
    say(f"{scenario.name}: {scenario.headline} ({owner})")
    with lab.sample(vip) as sampler:
        time.sleep(_BEFORE_SECONDS)
        event = time.monotonic()
        scenario.strike(lab, owner)
        with _told(f"{scenario.name}: the VIP did not move"):
            lab.wait_owners(*scenario.owners_after(owner, other), timeout=10.0)
            wait_for(f"{other} to answer", lab.answering, until=lambda node: node == other, timeout=10.0)
        # Where both nodes hold the VIP either exporter may tell, else the new owner's has to.
        tellers = tuple(w for w in watches if w.node == other or len(scenario.owners_after(owner, other)) > 1)
        told_after = None
        with _told(f"{scenario.name}: {scenario.told_what}: not within the time"):
            report = wait_reported(tellers, event, lambda seen: scenario.told(seen, vip), scenario.told_what)
            told_after = report.time - event
        owner_after = lab.answering() or "nobody"
        time.sleep(_AFTER_SECONDS)
    sample = sampler.sample
    reports = {watch.node: since(watch.reports, event) for watch in watches}
    recovered, lost_on_return = recover(lab, scenario, owner)
    told = "not told of" if told_after is None else f"told after {told_after:.2f} s"
    back = "recovered" if recovered else "NOT RECOVERED"
    say(f"{scenario.name}: {sample.longest_outage:.2f} s without an answer, {told}, {back}")
    return Outcome(
        scenario=scenario,
        owner_before=owner,
        owner_after=owner_after,
        outage=sample.longest_outage,
        queries=len(sample.queries),
        lost=sample.lost,
        owners_seen_max=sample.owners_seen_max,
        overlap=sample.longest_overlap,
        told_after=told_after,
        recovered=recovered,
        lost_on_return=lost_on_return,
        reports=reports,
        event=event,
        answers=answers_since(sample.queries, event),
    )


def recover(lab: Lab, scenario: Scenario, owner: str) -> tuple[bool, int]:
    """Undo the failure; say whether the pair became healthy again, and how many questions were lost meanwhile."""
    try:
        with lab.sample(VIPS["ipv4"]) as sampler:
            scenario.recover(lab, owner)
            lab.wait_healthy()
            wait_settled(lab)
    except LabError as error:
        say(f"{scenario.name}: {error}")
        return False, sampler.sample.lost
    return True, sampler.sample.lost


def since(reports: Sequence[Report], event: float) -> tuple[Report, ...]:
    """The last report before an event, and all after it."""
    before = [report for report in reports if report.time < event]
    return (*before[-1:], *(report for report in reports if report.time >= event))


@contextlib.contextmanager
def _told(what: str) -> Iterator[None]:
    """Turn a time-out into a line of progress: the demo goes on and fails at its end."""
    try:
        yield
    except LabTimeoutError as error:
        say(f"{what} ({error})")


def write_result(outcomes: Sequence[Outcome], runs: dict[str, Run], keepalived: str) -> None:
    """Write ``build/demo.json``, whole or not at all."""
    result = {
        "measured": f"{keepalived}, on {demo_report.machine()}",
        "vip": VIPS["ipv4"],
        "scenarios": [outcome.as_json() for outcome in outcomes],
        "once": {
            node: {"exit_code": once.exit_code, "status": _STATUS_WORDS.get(once.exit_code, "unknown")}
            for node, once in runs.items()
        },
    }
    write_whole(RESULT, json.dumps(result, indent=2) + "\n")


def write_whole(path: Path, text: str) -> None:
    """Write a file, or leave it as it was."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.write_text(text)
    unfinished.replace(path)
