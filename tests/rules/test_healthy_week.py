"""Given a healthy pair that people look after, when a week passes, then nothing but the watchdog fires."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import pytest

from tests.rules.standin_pair import Change, History, input_series
from tests.rules.tools import promtool_test_of

DAY = 86400
MINUTE = 60


def drain(node: str, time: float, length: float = 10 * MINUTE) -> list[Change]:
    """Drain a node and take it back; the virtual IP goes to the other one and, being alpha's, comes back."""
    changes = [Change(time, node, {"drained": True}), Change(time + length, node, {"drained": False})]
    if node == "alpha":
        for moment, owner, other in ((time + 0.1, "beta", "alpha"), (time + length + 0.1, "alpha", "beta")):
            changes += [Change(moment, owner, {"owns": True}), Change(moment + 0.02, other, {"owns": False})]
    return changes


def update(node: str, time: float, version: str) -> list[Change]:
    """Drain a node and replace all its containers one after the other."""

    def stopped(what: str, begin: float, end: float) -> list[Change]:
        return [Change(time + begin, node, {what: False}), Change(time + end, node, {what: True})]

    return [
        *drain(node, time, 8 * MINUTE),
        *stopped("pihole", 60, 150),
        *stopped("unbound", 90, 110),
        *stopped("keepalived", 120, 140),
        *stopped("exporter", 130, 190),
        Change(time + 130, node, {"version": version}),
    ]


def quiet(at: str, *, matchers: str = "") -> list[dict[str, Any]]:
    """Expect that no alert has fired up to a time but the watchdog, and what is told of moves that are over."""
    firing = f'ALERTS{{alertstate="firing",alertname!~"DnsHaWatchdog|DnsHaFailover"{matchers}}}'
    return [{"expr": f"count_over_time({firing}[{at}])", "eval_time": at, "exp_samples": []}]


def test_a_week_of_daily_drains_and_one_update_fires_nothing(tmp_path: Path) -> None:
    changes: list[Change] = []
    for day in range(7):
        changes += drain("alpha" if day % 2 else "beta", day * DAY + 3 * 3600)
    changes += update("beta", 5 * DAY + 8 * 3600, "1.1") + update("alpha", 5 * DAY + 8 * 3600 + 20 * MINUTE, "1.1")
    series = input_series(History(changes), 7 * DAY, scrape=60, step=60)
    week = {"interval": "1m", "input_series": series, "promql_expr_test": quiet("7d")}
    # Coarse, because it is long; the same work at full resolution is below.
    assert promtool_test_of(tmp_path, "3m", [week]) == ""


# Every way in which the scrapes of the two nodes can fall around an event, to the second.
PHASES = list(product(range(5), range(5)))
# The rules that judge within seconds; the others saw the week.
URGENT = ("vip", "vrrp", "monitoring", "resolve")


@pytest.mark.parametrize("node", ["alpha", "beta"])
def test_a_drain_and_an_update_fire_nothing_whenever_the_scrapes_fall(tmp_path: Path, node: str) -> None:
    tests = []
    for phases in PHASES[::4]:
        changes = [*drain(node, 60.2, 3 * MINUTE), *update(node, 300.2, "1.1")]
        series = input_series(History(changes), 15 * MINUTE, phases=phases)
        tests.append({"interval": "1s", "input_series": series, "promql_expr_test": quiet("15m")})
    assert promtool_test_of(tmp_path, "2s", tests, URGENT) == ""


def crash(outage: float) -> list[Change]:
    """Alpha loses power for good; beta takes over after a while."""
    return [Change(60, "alpha", {"alive": False}), Change(60 + outage, "beta", {"owns": True})]


def service(outage: float) -> list[Change]:
    """Alpha's Unbound stops and comes back after five seconds."""
    return [
        Change(60, "alpha", {"unbound": False}),
        Change(60 + outage, "beta", {"owns": True}),
        Change(60 + outage + 0.01, "alpha", {"owns": False}),
        Change(65, "alpha", {"unbound": True}),
        Change(66, "alpha", {"owns": True}),
        Change(66.01, "beta", {"owns": False}),
    ]


@pytest.mark.parametrize(
    "changes",
    [crash(0.35), crash(3.1), service(0.9)],
    ids=["crash", "crash with VRRPv2", "service"],
)
def test_one_normal_failover_fires_nothing_critical_whenever_the_scrapes_fall(
    tmp_path: Path, changes: list[Change]
) -> None:
    tests = []
    for phases in PHASES:
        moved = [Change(change.time + 0.5, change.node, change.different) for change in changes]
        series = input_series(History(moved), 150, phases=phases)
        expected = quiet("150s", matchers=',severity="critical"')
        tests.append({"interval": "1s", "input_series": series, "promql_expr_test": expected})
    assert promtool_test_of(tmp_path, "2s", tests, URGENT) == ""
