"""Every query of every dashboard, asked of a real Prometheus that has the recording of a real pair."""

from __future__ import annotations

import dataclasses

import pytest

from dashboards.preview.replay import HEALTHY_SECONDS, Replay
from tests.dashboards.documents import Target, targets

TARGETS = list(targets())

pytestmark = pytest.mark.timeout(300)


@pytest.mark.parametrize("target", TARGETS, ids=str)
def test_the_query_returns_data_over_the_recording(recorded: Replay, target: Target) -> None:
    samples = [sample for series in recorded.range(target.promql) for sample in series.samples]
    assert samples


@pytest.mark.parametrize("target", [target for target in TARGETS if target.instant], ids=str)
def test_the_instant_query_returns_data_at_some_moment(recorded: Replay, target: Target) -> None:
    moments = range(int(recorded.start) + 10, int(recorded.end), 10)
    assert any(recorded.instant(target.promql, at) for at in moments)


def test_it_begins_with_minutes_of_a_healthy_pair(recorded: Replay) -> None:
    """Of which people see pictures first; each of these queries is of what should not be there."""
    healthy = dataclasses.replace(recorded, end=recorded.start + HEALTHY_SECONDS)
    assert HEALTHY_SECONDS >= 180
    for promql in (
        "dnsha_status > 0",
        'ALERTS{alertstate="firing",alertname!="DnsHaWatchdog"}',
        "site_node:dnsha_problem:info",
        "changes(dnsha_vip_owned[5m]) > 0",
        "dnsha_resolve_up == 0",
        "dnsha_collector_up == 0",
        "up == 0",
    ):
        assert healthy.range(promql) == [], promql
    assert len(healthy.range("dnsha_status")) == len(healthy.range("dnsha_vip_owned == 1")) == 2


def test_both_resolvers_tell_of_themselves(recorded: Replay) -> None:
    """Unbound of what it counted itself; Pi-hole's figures are a stand-in's."""
    blocking = recorded.range("dnsha_pihole_blocking_enabled")
    assert {value for series in blocking for _, value in series.samples} == {0.0, 1.0}
    for name in ("cache_misses_total", "bogus_answers_total", "recursion_duration_seconds_count"):
        counted = recorded.range(f"dnsha_unbound_{name}")
        assert {series.labels["node"] for series in counted} == {"alpha", "beta"}, name
        assert any(series.samples[-1][1] > series.samples[0][1] for series in counted), name
