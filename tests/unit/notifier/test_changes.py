"""What is news for a receiver."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

import alerts
from alerts.notifier.changes import (
    REPEAT_SECONDS,
    SAME_OCCURRENCE_SECONDS,
    Changes,
    Told,
    compare,
    is_known_here,
    is_over,
    is_stale,
)
from alerts.notifier.payload import Group
from tests.unit.notifier.posts import NOON, alert, entry, group

NOW = NOON + 600


def numbers(found: tuple[object, ...]) -> list[int]:
    return [int(getattr(alert, "fingerprint"), 16) for alert in found]  # noqa: B009


def news(of: Group, told: dict[int, Told] | None = None, elsewhere: dict[int, Told] | None = None) -> Changes:
    entries, others = (
        {f"{number:016x}": entry for number, entry in (some or {}).items()} for some in (told, elsewhere)
    )
    return compare(of, entries, others, NOW)


def told(seconds_ago: float, *, starts: float = 0.0, ended: bool = False) -> Told:
    return Told(NOON + starts, NOW - seconds_ago, NOW if ended else None)


def test_what_was_not_told_is_new_and_the_most_severe_comes_first() -> None:
    changes = news(
        group(
            entry(1, labels={"severity": "info"}),
            entry(2, labels={"severity": "warning"}),
            entry(3, starts=60),
            entry(4, starts=30),
            entry(5, labels={"severity": "page"}),
        )
    )
    assert numbers(changes.new) == [4, 3, 2, 1, 5]
    assert changes.worth_telling


def test_what_was_told_is_not_told_again() -> None:
    changes = news(group(entry(1)), {1: told(30)})
    assert (numbers(changes.still), changes.worth_telling) == ([1], False)


def test_a_repeat_is_told() -> None:
    assert news(group(entry(1)), {1: told(REPEAT_SECONDS)}).repeat
    assert not news(group(entry(1)), {1: told(REPEAT_SECONDS - 1)}).repeat
    assert not news(group(entry(1), entry(2)), {1: told(REPEAT_SECONDS + 9), 2: told(30)}).repeat


def test_a_clock_that_was_ahead_silences_nothing() -> None:
    assert news(group(entry(1)), {1: told(-3600)}).repeat


def test_what_the_other_node_told_by_a_clock_that_is_a_minute_ahead_is_no_repeat() -> None:
    assert not news(group(entry(1)), {}, {1: told(-60)}).worth_telling


def test_something_new_beside_something_old_is_no_repeat() -> None:
    changes = news(group(entry(1), entry(2)), {1: told(REPEAT_SECONDS + 9)})
    assert (numbers(changes.new), numbers(changes.still), changes.repeat) == ([2], [1], False)


def test_only_what_was_told_ends() -> None:
    changes = news(group(entry(1, ends=300), entry(2, ends=300)), {1: told(30)})
    assert (numbers(changes.ended), changes.worth_telling) == ([1], True)
    assert not news(group(entry(2, ends=300))).worth_telling


def test_the_end_of_another_occurrence_than_the_one_that_was_told_is_none() -> None:
    later = SAME_OCCURRENCE_SECONDS + 1
    assert not news(group(entry(1, starts=later, ends=later + 60)), {1: told(30)}).worth_telling
    assert not news(group(entry(1, starts=later, ends=later + 60)), {}, {1: told(30)}).worth_telling


def test_what_has_ended_is_over_and_what_began_again_is_not() -> None:
    ended = Told(NOON, NOON, ended_at=NOON + 60)
    assert is_over(alert(starts=30), ended)
    assert not is_over(alert(starts=61), ended)
    assert not is_over(alert(), Told(NOON, NOON))
    assert not is_over(alert(), None)


def test_an_end_is_told_once() -> None:
    assert not news(group(entry(1, ends=300)), {1: told(30, ended=True)}).worth_telling


def test_an_end_is_told_of_what_the_other_node_told() -> None:
    assert numbers(news(group(entry(1, ends=300)), {}, {1: told(30)}).ended) == [1]
    assert not news(group(entry(1, ends=300)), {}, {1: told(30, ended=True)}).worth_telling
    assert not news(group(entry(1, ends=300)), {}, {2: told(30)}).worth_telling


def test_what_is_known_to_have_ended_does_not_end_again_when_the_other_node_tells() -> None:
    assert not news(group(entry(1, ends=300)), {1: told(30, ended=True)}, {1: told(30)}).worth_telling


def test_an_end_that_the_other_node_told_is_remembered_and_not_told_again() -> None:
    changes = news(group(entry(1, ends=300), entry(2)), {1: told(60), 2: told(60)}, {1: told(30, ended=True)})
    assert (numbers(changes.ended_untold), changes.worth_telling) == ([1], False)
    before = told(30, ended=True, starts=-SAME_OCCURRENCE_SECONDS - 1)  # of another occurrence
    assert numbers(news(group(entry(1, ends=300)), {1: told(60)}, {1: before}).ended) == [1]


def test_what_the_other_node_told_is_not_told_again() -> None:
    changes = news(group(entry(1, starts=5), entry(2)), {}, {1: told(30)})
    assert (numbers(changes.new), numbers(changes.still)) == ([2], [1])
    assert not news(group(entry(1)), {}, {1: told(30)}).worth_telling
    assert news(group(entry(1)), {}, {1: told(REPEAT_SECONDS)}).repeat


def test_what_the_other_node_told_long_before_is_another_occurrence() -> None:
    assert numbers(news(group(entry(1, starts=SAME_OCCURRENCE_SECONDS + 1)), {}, {1: told(30)}).new) == [1]
    assert numbers(news(group(entry(1, starts=90)), {}, {1: told(30, ended=True)}).new) == [1]


def test_what_began_again_within_two_minutes_is_news_before_the_other_hears_the_end() -> None:
    assert numbers(news(group(entry(1, starts=90)), {1: told(30, ended=True)}, {1: told(60)}).new) == [1]


def test_what_began_again_within_two_minutes_is_news_after_the_other_told_the_end() -> None:
    assert numbers(news(group(entry(1, starts=90)), {1: told(60)}, {1: told(30, ended=True)}).new) == [1]
    assert numbers(news(group(entry(1)), {1: told(60)}, {1: told(30, ended=True)}).still) == [1]


def test_the_other_node_is_asked_about_what_is_not_known_for_sure() -> None:
    def asked(of: Group, here: Told | None) -> bool:
        return not is_known_here(of.alerts[0], here)

    assert [asked(group(entry(1)), here) for here in (None, told(30, ended=True), told(30, starts=-1), told(30))] == [
        *(True, True, True, False),
    ]
    assert [asked(group(entry(1, ends=60)), here) for here in (None, told(30, ended=True), told(30))] == [
        *(True, False, True),
    ]


def test_an_alert_that_comes_back_is_new() -> None:
    assert numbers(news(group(entry(1, starts=400)), {1: told(30, ended=True)}).new) == [1]


def test_a_start_that_differs_by_two_clocks_is_the_same_alert() -> None:
    for starts in (-500.0, SAME_OCCURRENCE_SECONDS):
        assert numbers(news(group(entry(1, starts=starts)), {1: told(30)}).still) == [1]


def test_a_much_later_start_is_a_new_one_whose_end_in_between_was_missed() -> None:
    assert numbers(news(group(entry(1, starts=SAME_OCCURRENCE_SECONDS + 1)), {1: told(30)}).new) == [1]


def test_every_repeat_of_alertmanager_counts_as_one() -> None:
    seconds = {"m": 60, "h": 3600, "d": 86400}
    path = Path(alerts.__file__).parent / "alertmanager" / "alertmanager.yaml"
    route = yaml.safe_load(path.read_text(encoding="utf-8"))["route"]
    of_messages = [route, *(child for child in route["routes"] if child["receiver"] == "notifier")]
    repeats = [int(child["repeat_interval"][:-1]) * seconds[child["repeat_interval"][-1]] for child in of_messages]
    assert min(repeats) / 2 >= REPEAT_SECONDS


@pytest.mark.parametrize(
    ("starts_at", "now", "stale"),
    [
        (0.0, 70.0, True),
        (30.0, 70.0, True),  # by a clock that is ahead
        (61.0, 70.0, False),  # it began again
        (0.0, 60.0 + SAME_OCCURRENCE_SECONDS, False),  # whoever still says so means it
    ],
)
def test_an_alert_that_fires_on_after_its_end_is_stale_for_a_while(
    starts_at: float, now: float, *, stale: bool
) -> None:
    told = Told(NOON, NOON, ended_at=NOON + 60.0)
    assert is_stale(replace(alert(), starts_at=NOON + starts_at), told, NOON + now) is stale
    assert not is_stale(replace(alert(), starts_at=NOON + starts_at, firing=False), told, NOON + now)
    assert not is_stale(alert(), Told(NOON, NOON), NOON + now)
    assert not is_stale(alert(), None, NOON + now)
