"""Given a healthy pair, when it is drained, updated or fails over once, then nothing critical fires."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest

from tests.rules.healthy import MINUTE, drain, quiet, update
from tests.rules.standin_pair import Change, History, input_series
from tests.rules.tools import promtool_test_of

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
