"""What a message adds to an alert: as Prometheus says it at that moment."""

from __future__ import annotations

import urllib.parse
from collections.abc import Sequence
from typing import Any

import pytest

from alerts.notifier.facts import Delay, Facts, Outage, gather
from alerts.notifier.local import ALERTING_RULES
from alerts.notifier.payload import Alert
from exporter.http.client import FetchError
from tests.unit.notifier.posts import NOON, alert

LENGTH, START = "dnsha_resolve_outage_seconds_total", "dnsha_resolve_outage_start_timestamp_seconds"
DOWN = alert(starts=15, ends=110, labels={"component": "vip"})


def measured(name: str, node: str, *values: float, server: str = "192.0.2.53:53", site: str = "home") -> dict[str, Any]:
    metric = {"__name__": name, "site": site, "node": node, "server": server}
    return {"metric": metric, "values": [[NOON + 5 * place, str(value)] for place, value in enumerate(values)]}


def now(name: str, node: str, value: float, **labels: str) -> dict[str, Any]:
    return {"metric": {"__name__": name, "site": "home", "node": node} | labels, "value": [NOON, str(value)]}


class CannedPrometheus:
    """Answers with what a test gives it, and remembers what it was asked."""

    def __init__(self, outages: Sequence[dict[str, Any]] = (), instant: Sequence[dict[str, Any]] = ()) -> None:
        self._outages, self._instant = outages, instant
        self.asked: list[str] = []

    def __call__(self, path: str) -> Any:
        self.asked.append(urllib.parse.unquote(path))
        if path == ALERTING_RULES:
            rules = [{"name": "DnsHaSplitBrain", "duration": 10, "keepFiringFor": 40}, {"name": "Own", "duration": 5}]
            return {"data": {"groups": [{"rules": rules}]}}
        return {"data": {"result": list(self._outages if path.endswith("s%5D") else self._instant)}}


def facts(prometheus: CannedPrometheus, *ended: Alert) -> Facts:
    return gather((), ended or (DOWN,), NOON + 120, prometheus)


def test_an_outage_is_as_long_as_an_exporter_measured_it() -> None:
    prometheus = CannedPrometheus(
        [
            measured(LENGTH, "alpha", 7.5, 7.5, 67.8),
            measured(START, "alpha", NOON + 1.25, NOON + 1.25),
            measured(LENGTH, "beta", 0, 0, 59.9),
            measured(START, "beta", NOON + 1.5),
            measured(LENGTH, "alpha", 0, 500, server="192.0.2.99:53"),
            measured(LENGTH, "alpha", 0, 900, site="cabin"),
        ]
    )
    found = facts(prometheus).outage
    assert found is not None
    assert found.seconds == pytest.approx(60.15)  # from when alpha noticed it to when beta noticed that it is over
    assert found.start == NOON + 1.25


def test_a_node_that_met_another_outage_says_nothing_about_this_one() -> None:
    prometheus = CannedPrometheus(
        [
            measured(LENGTH, "alpha", 0, 60),
            measured(START, "alpha", NOON + 1),
            measured(LENGTH, "beta", 0, 2),
            measured(START, "beta", NOON + 1.25),
        ]
    )
    assert facts(prometheus).outage == Outage(60, NOON + 1)


def test_an_exporter_that_was_started_anew_counts_from_nothing() -> None:
    assert facts(CannedPrometheus([measured(LENGTH, "alpha", 100, 12, 15)])).outage == Outage(15)


def test_the_address_of_a_server_may_be_of_either_family() -> None:
    six = alert(ends=60, labels={"component": "vip", "vip": "2001:db8::53"})
    prometheus = CannedPrometheus([measured(LENGTH, "alpha", 0, 3, server="[2001:db8::53]:53")])
    assert facts(prometheus, six).outage == Outage(3)


def test_what_nobody_measured_is_no_outage_of_no_seconds() -> None:
    assert facts(CannedPrometheus([measured(LENGTH, "alpha", 3, 3)])).outage is None
    assert facts(CannedPrometheus()).outage is None


def test_who_serves_and_who_could_take_over_is_as_of_now() -> None:
    prometheus = CannedPrometheus(
        instant=[
            now("up", "alpha", 0),
            now("up", "beta", 1),
            now("site_node:dnsha_ready:bool", "beta", 1),
            now("dnsha_vip_owned", "beta", 1, vip="192.0.2.53"),
            now("dnsha_vip_owned", "gamma", 0, vip="192.0.2.53"),
        ]
    )
    found = facts(prometheus)
    assert found.owners == {"192.0.2.53": ("beta",)}
    assert (found.nodes, found.unready) == (("alpha", "beta"), ("alpha",))


def test_a_rule_says_how_late_it_is() -> None:
    assert facts(CannedPrometheus()).delays == {"DnsHaSplitBrain": Delay(10, 40), "Own": Delay(5, 0)}


def test_what_is_not_about_the_pair_asks_for_nothing_about_it() -> None:
    prometheus = CannedPrometheus()
    facts(prometheus, alert(ends=60, labels={"component": "hardware"}))
    assert prometheus.asked == [ALERTING_RULES]


@pytest.mark.parametrize("answer", [None, [], {}, {"data": {"result": [{}]}}, {"data": {"groups": 3}}])
def test_a_prometheus_that_answers_nonsense_costs_the_facts_alone(answer: Any) -> None:
    assert gather([], [DOWN], NOON + 120, lambda _: answer) == Facts()


def test_a_prometheus_that_is_silent_costs_the_facts_alone() -> None:
    def silent(_: str) -> Any:
        raise FetchError("silent")  # noqa: EM101

    assert gather([], [DOWN], NOON + 120, silent) == Facts()
