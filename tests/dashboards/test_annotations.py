"""Failovers, drains and alerts are marked on every dashboard, when they were and in words that a person understands."""

from __future__ import annotations

import pytest

from dashboards import style
from dashboards.preview.replay import HEALTHY_SECONDS, Replay
from tests.dashboards.documents import boards
from tests.dashboards.reading import Event, read_annotations

pytestmark = [pytest.mark.timeout(300), pytest.mark.usefixtures("grafana_libraries")]

VIPS = ("192.0.2.53", "2001:db8::53")


@pytest.fixture(scope="module")
def events(recorded: Replay) -> list[Event]:
    return read_annotations(boards()["overview"], recorded)


def of(events: list[Event], title: str) -> list[Event]:
    return [event for event in events if event.title == title]


def test_every_dashboard_has_the_same_annotations() -> None:
    (first, *others) = [document["annotations"] for document in boards().values()]
    assert others == [first] * len(others)


def test_each_failover_is_marked_at_its_own_moment(recorded: Replay, events: list[Event]) -> None:
    """By the kernel's clock of the node that took over, as the table of the moves has it."""
    taken = [event for event in of(events, "VIP taken over") if event.begin >= recorded.start]
    assert {event.text for event in taken} == {f"{node} has {vip}" for node in ("alpha", "beta") for vip in VIPS}
    assert all(event.begin == event.end for event in taken)
    moves = recorded.instant("max_over_time(site_vip_from_to_when:dnsha_failover:timestamp_seconds[1h])")
    told = {(move.labels["vip"], move.labels["when"], move.labels["to"]) for move in moves}
    marked = {(event.text.split()[-1], f"{event.begin * 1000:.0f}", event.text.split()[0]) for event in taken}
    assert len(told) > 20
    # The table can be a scrape behind at the very end; a mark that no row has would be a failover that was none.
    assert {mark for mark in marked if float(mark[1]) < 1000 * (recorded.end - 10)} <= told


def test_a_drain_and_an_alert_last_as_long_as_they_did(events: list[Event]) -> None:
    assert {event.text for event in of(events, "Drained")} == {"alpha is drained"}
    assert any(5 < event.end - event.begin < 30 for event in of(events, "Drained"))
    critical = of(events, "Alerts: critical")
    assert {"DnsHaSplitBrain", "DnsHaVipNotAnswering"} <= {event.text.split()[0] for event in critical}
    assert {event.color for event in critical} == {style.CRITICAL}
    assert {event.color for event in of(events, "Alerts: warning")} == {style.WARNING}
    assert all(event.end > event.begin for event in critical)


def test_their_words_have_no_gaps(events: list[Event]) -> None:
    assert [event.text for event in events if event.text != " ".join(event.text.split()) or "{" in event.text] == []


def test_while_nothing_happens_nothing_is_marked(recorded: Replay, events: list[Event]) -> None:
    healthy = recorded.start + HEALTHY_SECONDS
    assert [event for event in events if event.begin < healthy and event.end >= recorded.start] == []
