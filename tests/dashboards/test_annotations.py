"""Failovers, drains and alerts are marked on every dashboard, when they were and in words that a person understands."""

from __future__ import annotations

import pytest

from dashboards import style
from dashboards.preview.replay import Replay
from tests.dashboards.documents import boards
from tests.dashboards.reading import Event, read_annotations

pytestmark = [pytest.mark.timeout(300), pytest.mark.usefixtures("grafana_libraries")]


@pytest.fixture(scope="module")
def events(recorded: Replay) -> list[Event]:
    return read_annotations(boards()["overview"], recorded)


def of(events: list[Event], title: str) -> list[Event]:
    return [event for event in events if event.title == title]


def test_every_dashboard_has_the_same_annotations() -> None:
    (first, *others) = [
        [{**one, "filter": None} for one in document["annotations"]["list"]] for document in boards().values()
    ]
    assert others == [first] * len(others)


def test_an_alert_s_tint_lies_over_no_colour_that_says_something() -> None:
    for document in boards().values():
        by_color = {panel["id"] for panel in document["panels"] if panel["type"] in ("state-timeline", "heatmap")}
        for annotation in document["annotations"]["list"]:
            lasts = not annotation["useValueForTime"]
            left_out = annotation.get("filter", {"exclude": True, "ids": []})
            assert left_out["exclude"]
            assert set(left_out["ids"]) == (by_color if lasts else set()), annotation["name"]


@pytest.mark.xfail(
    reason="at some phases of the rule's evaluation a failover's series has the moment of the next one: marked twice",
    strict=False,
)
@pytest.mark.parametrize("span", [300, 3600, 86_400, 604_800], ids=["5 minutes", "an hour", "a day", "7 days"])
def test_each_failover_is_marked_once_at_its_moment(recorded: Replay, span: float) -> None:
    """With the step that Grafana takes for such a time on a screen: no coarser than a pixel of 1,000."""
    step = float(max(5, round(span / 1000)))
    taken = of(read_annotations(boards()["overview"], recorded, step), "VIP taken over")
    moves = recorded.instant("max_over_time(site_vip_from_to_when:dnsha_failover:timestamp_seconds[1h])")
    told = {(move.labels["to"], int(move.labels["when"]) // 1000) for move in moves}
    # A step of minutes ends before the recording does.
    whole = recorded.start + (recorded.end - recorded.start) // step * step
    told = {(node, second) for node, second in told if second < whole - 5}
    marked = {(event.text.split()[0], int(event.begin)) for event in taken}
    assert len(told) > 10 or span > 86_400
    assert {(node, second) for node, second in told if not marked & {(node, second), (node, second + 1)}} == set()
    assert len(marked) <= len(told) + 2
    assert all(event.begin == event.end for event in taken)
    assert {event.text.partition(" took over from ")[2] for event in taken} <= {"alpha", "beta", "itself", "nobody"}


def test_a_drain_and_an_alert_last_as_long_as_they_did(events: list[Event]) -> None:
    assert {event.text for event in of(events, "Drained")} == {"alpha is drained"}
    assert any(5 < event.end - event.begin < 30 for event in of(events, "Drained"))
    critical = of(events, "Alerts: critical")
    assert {"DnsHaSplitBrain", "DnsHaKeepalivedDeadHoldingVip"} <= {event.text.split()[0] for event in critical}
    assert {event.color for event in critical} == {style.CRITICAL}
    assert {event.color for event in of(events, "Alerts: warning")} == {style.WARNING}
    assert any(event.end > event.begin for event in critical)


def test_their_words_are_filled_in(events: list[Event]) -> None:
    assert [event.text for event in events if "{" in event.text or not event.text.strip()] == []
