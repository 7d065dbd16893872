"""One Prometheus for many sites: how long all rules take, and the slowest query of the Fleet dashboard."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from typing import Any

from tests.alerts_bench import fleet_queries
from tests.alerts_bench.fleet_prometheus import (
    EXPORTER_INTERVAL,
    NODE_EXPORTER_INTERVAL,
    TARGETS_OF_A_SITE,
    Fleet,
    running,
)
from tests.bench.figures import Figure

_RULES_LIMIT = 2.0  # seconds
_QUERY_LIMIT = 1.0
_TRIES = 3
_LOOK_SECONDS = 15.0
_SAID_RULES = 8


def measure(sites: int, minutes: float) -> Iterator[list[Figure]]:
    """Scrape that many sites for a while; yield the figures."""
    with running(sites) as fleet:
        yield _rules(fleet, sites, minutes)
        yield [_slowest_query(fleet)]


def _rules(fleet: Fleet, sites: int, minutes: float) -> list[Figure]:
    taken: dict[str, list[float]] = {}
    rules: dict[str, list[float]] = {}
    end = time.monotonic() + minutes * 60
    while (left := end - time.monotonic()) > 0:
        time.sleep(min(left, _LOOK_SECONDS))
        for group in fleet.ask("rules")["groups"]:
            _add(taken, group["name"], group)
            for rule in group["rules"]:
                _add(rules, f"{rule['name']} ({group['name']})", rule)
        answering = _value(fleet, 'sum(up{site!=""})')
        print(
            f"bench-alerts: {answering:.0f} of {sites * TARGETS_OF_A_SITE} targets answer, "
            f"all rules take {sum(each[-1] for each in taken.values() if each):.2f} s, {left:.0f} s to go",
            flush=True,
        )
    medians = {name: statistics.median(each) for name, each in rules.items() if each}
    for name in sorted(medians, key=lambda name: -medians[name])[:_SAID_RULES]:
        print(f"bench-alerts:   {medians[name]:.3f} s  {name}", flush=True)
    pace = f"exporters scraped every {EXPORTER_INTERVAL}, node_exporters every {NODE_EXPORTER_INTERVAL}"
    print(f"bench-alerts: the fleet has {_value(fleet, 'prometheus_tsdb_head_series'):,.0f} series; {pace}", flush=True)
    missed = _value(fleet, "sum(increase(prometheus_rule_group_iterations_missed_total[3m]))")
    once = sum(statistics.median(each) for each in taken.values() if each)
    groups = sum(1 for each in taken.values() if each)
    return [
        Figure(f"{sites:,} sites, {pace}: all rules once", once, "s", _RULES_LIMIT, False, groups),
        Figure(f"{sites:,} sites: evaluations missed within 3 minutes", missed, "evaluations", 0, False, groups),
    ]


def _add(taken: dict[str, list[float]], name: str, evaluated: dict[str, Any]) -> None:
    """Note how long the last evaluation took, if there was one since the sites were first scraped."""
    each = taken.setdefault(name, [])
    if evaluated["evaluationTime"] and (not each or each[-1] != evaluated["evaluationTime"]):
        each.append(evaluated["evaluationTime"])


def _value(fleet: Fleet, expression: str) -> float:
    found = fleet.ask("query", query=expression)["result"]
    return float(found[0]["value"][1]) if found else 0.0


def _slowest_query(fleet: Fleet) -> Figure:
    slowest = (0.0, "none")
    for query in fleet_queries.queries():
        seconds = []
        for _ in range(_TRIES):
            began = time.monotonic()
            found = fleet_queries.ask(fleet, query)
            seconds.append(time.monotonic() - began)
        print(f"bench-alerts:   {statistics.median(seconds):.3f} s  {query.panel} ({found} series)", flush=True)
        slowest = max(slowest, (statistics.median(seconds), query.panel))
    name = f"slowest query of the Fleet dashboard over {fleet_queries.RANGE_HOURS} hours"
    print(f"bench-alerts: the slowest is {slowest[1]}", flush=True)
    return Figure(name, slowest[0], "s", _QUERY_LIMIT, False, _TRIES)
