"""When a probe asks again: a healthy server, a slow one, and one that is silent for long."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest

from exporter.collectors.resolve import collector as resolve
from exporter.collectors.resolve.collector import MAX_UNDER_WAY
from exporter.collectors.resolve.history import Moment, ProbeHistory, Query
from exporter.model.observations import Protocol
from exporter.parsers.dns_answer import Answer, Failure
from exporter.sources.dns_query import DnsServer


def simulate(
    *,
    interval: float,
    timeout: float,
    duration: float,
    latency: Callable[[float], float | None],
    protocol: Protocol = "udp",
) -> tuple[list[float], int]:
    """Let a probe schedule its queries on a clock of our own; return when they were sent and the most at once."""
    probe = resolve._Probe(ProbeHistory("vip", DnsServer("127.0.0.1", 53, "ipv4", protocol), "node-a"), interval)
    under_way: list[tuple[float, Query, Answer | Failure]] = []
    sent: list[float] = []
    most = 0
    now = 0.0
    while now < duration:
        ends = min(under_way, default=None, key=lambda entry: entry[0])
        if ends is not None and ends[0] <= probe.due:
            under_way.remove(ends)
            now = ends[0]
            probe.history.end(ends[1], ends[2], Moment(now, now))
        else:
            now = max(now, probe.due)
            if now >= duration:
                break
            answer_after = latency(now)
            query = probe.history.begin(Moment(now, now))
            probe.sent = now
            sent.append(now)
            if answer_after is not None and answer_after < timeout:
                under_way.append((now + answer_after, query, Answer("node-a")))
            else:
                under_way.append((now + timeout, query, Failure("timeout", "did not answer")))
            most = max(most, len(under_way))
        probe.reschedule()
    return sent, most


def test_a_healthy_server_is_asked_once_in_an_interval() -> None:
    sent, most = simulate(interval=1, timeout=1, duration=59.5, latency=lambda now: 0.001)
    assert (len(sent), most) == (60, 1)


def test_probes_with_one_interval_fall_due_together_whenever_they_were_asked_first() -> None:
    due = set()
    for first in (100.0, 100.001, 100.2):
        probe = resolve._Probe(ProbeHistory("vip", DnsServer("127.0.0.1", 53, "ipv4", "udp"), "node-a"), 1)
        probe.history.end(probe.history.begin(Moment(first, first)), Answer("node-a"), Moment(first, first))
        probe.sent = first
        probe.reschedule()
        due.add(probe.due)
    assert due == {101.0}


def test_a_slow_server_is_not_asked_more_often_for_being_slow() -> None:
    sent, _ = simulate(interval=1, timeout=1, duration=59.5, latency=lambda now: 0.3)
    assert len(sent) <= 60 + 3


@pytest.mark.parametrize("length", [0.25, 1.0, 3.0, 10.0, 50.0])
def test_an_outage_is_measured_to_within_a_twentieth_or_a_tenth_of_a_second(length: float) -> None:
    sent, _ = simulate(
        interval=1, timeout=1, duration=80, latency=lambda now: None if 10 <= now < 10 + length else 0.001
    )
    first_lost = min(moment for moment in sent if moment >= 10)
    first_answered = min(moment for moment in sent if moment >= 10 + length)
    assert first_answered - (10 + length) <= max(0.11, length / 20 + 0.01)
    assert first_lost - 10 <= 1.01


def test_a_long_outage_makes_few_queries_more_than_none_would() -> None:
    sent, most = simulate(interval=1, timeout=1, duration=600, latency=lambda now: None)
    assert 600 <= len(sent) <= 600 + 75
    assert most <= 11
    in_the_worst_minute = max(sum(1 for later in sent if moment <= later < moment + 60) for moment in sent)
    assert in_the_worst_minute < 150, "Pi-hole refuses a client from 1,000 queries a minute on"


def test_tcp_is_asked_no_more_than_once_a_second_during_an_outage() -> None:
    sent, _ = simulate(interval=10, timeout=1, duration=20, latency=lambda now: None, protocol="tcp")
    assert min(later - sooner for sooner, later in pairwise(sent)) >= 0.999
    assert len(sent) > 10


def test_queries_under_way_are_bounded_however_long_the_time_out_is() -> None:
    _, most = simulate(interval=0.05, timeout=30, duration=120, latency=lambda now: None)
    assert most == MAX_UNDER_WAY
