"""Schedules are due when crontab(5) says; the expected times were written down by hand or by another algorithm."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.settings.cron import parse_cron


@pytest.fixture(autouse=True)
def zone() -> Iterator[None]:
    yield from use_zone("UTC")


def use_zone(name: str) -> Iterator[None]:
    before = os.environ.get("TZ")
    os.environ["TZ"] = name
    time.tzset()
    yield
    if before is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = before
    time.tzset()


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("schedule", "now", "due"),
    [
        ("30 3 * * *", "2026-03-01 03:29:59", "2026-03-01 03:30"),
        ("30 3 * * *", "2026-03-01 03:30:00", "2026-03-02 03:30"),
        ("*/15 * * * *", "2026-03-01 10:15:01", "2026-03-01 10:30"),
        ("0 0 29 2 *", "2026-03-01 00:00", "2028-02-29 00:00"),
        ("0 0 * * 0", "2026-03-02 00:00", "2026-03-08 00:00"),  # a Sunday
        ("0 0 * * 7", "2026-03-02 00:00", "2026-03-08 00:00"),
        ("0 0 * * sun", "2026-03-02 00:00", "2026-03-08 00:00"),
        ("0 12 13 * fri", "2026-03-01 00:00", "2026-03-06 12:00"),  # either: the Friday before the 13th
        ("0 12 */2 * fri", "2026-03-01 00:00", "2026-03-13 12:00"),  # both: a star with a step restricts nothing
        ("5 4 1 jan-mar,Dec *", "2026-03-02 00:00", "2026-12-01 04:05"),
        ("10-30/10 22 * * 1-5", "2026-03-06 22:20:00", "2026-03-06 22:30"),
        ("10-30/10 22 * * 1-5", "2026-03-06 22:30:00", "2026-03-09 22:10"),
        ("50/5 * * * *", "2026-03-01 10:00", "2026-03-01 10:50"),
        ("50/5 * * * *", "2026-03-01 10:50", "2026-03-01 10:55"),  # a number with a step begins there and goes on
        ("@daily", "2026-12-31 00:00", "2027-01-01 00:00"),
        ("@monthly", "2026-12-31 00:00", "2027-01-01 00:00"),
    ],
)
def test_the_next_run_is_the_first_minute_that_fits(schedule: str, now: str, due: str) -> None:
    assert parse_cron(schedule).next_after(at(now)) == at(due)


@pytest.mark.parametrize(
    ("schedule", "said"),
    [
        ("", "five fields"),
        ("* * * *", "five fields"),
        ("* * * * * *", "five fields"),
        ("@reboot", "five fields"),
        ("60 * * * *", "'60' is no minute: it goes from 0 to 59"),
        ("* 24 * * *", "'24' is no hour"),
        ("* * 0 * *", "'0' is no day of the month"),
        ("* * * 13 *", "'13' is no month"),
        ("* * * * 8", "'8' is no weekday"),
        ("5-1 * * * *", "'5-1' is no minute"),
        ("*/0 * * * *", "'*/0' is no minute"),
        ("1,,2 * * * *", "'' is no minute"),
        ("-1 * * * *", "'-1' is no minute"),
        ("0 0 30 feb *", "never due"),
        ("0 0 31 4,6,9,11 *", "never due"),
    ],
)
def test_what_is_no_schedule_is_refused_with_the_reason(schedule: str, said: str) -> None:
    with pytest.raises(ValueError, match=said.replace("*", r"\*")):
        parse_cron(schedule)


def test_a_run_in_the_hour_that_daylight_saving_skips_is_moved_not_lost() -> None:
    for _ in use_zone("Europe/Berlin"):
        cron = parse_cron("30 2 * * *")
        before = at("2026-03-28 12:00")  # on 2026-03-29 the clock goes from 2:00 to 3:00
        first = cron.next_after(before)
        assert at("2026-03-29 00:00") <= first <= at("2026-03-29 02:00")
        assert cron.next_after(first) == at("2026-03-30 00:30")  # 2:30 in summer


def test_a_run_in_the_hour_that_comes_twice_happens_once() -> None:
    for _ in use_zone("Europe/Berlin"):
        cron = parse_cron("30 2 * * *")
        first = cron.next_after(at("2026-10-24 12:00"))
        assert first in (at("2026-10-25 00:30"), at("2026-10-25 01:30"))
        assert cron.next_after(first) == at("2026-10-26 01:30")


def field(low: int, high: int) -> st.SearchStrategy[tuple[str, set[int]]]:
    """A field's text and the numbers it stands for, made from the numbers."""
    number = st.integers(low, high)
    spans = st.tuples(number, number).map(sorted)
    return st.one_of(
        st.just(("*", set(range(low, high + 1)))),
        st.lists(number, min_size=1, max_size=4).map(lambda ns: (",".join(map(str, ns)), set(ns))),
        spans.map(lambda ab: (f"{ab[0]}-{ab[1]}", set(range(ab[0], ab[1] + 1)))),
        st.integers(2, 9).map(lambda step: (f"*/{step}", {n for n in range(low, high + 1) if (n - low) % step == 0})),
    )


@given(
    minute=field(0, 59),
    hour=field(0, 23),
    day=field(1, 31),
    month=field(1, 12),
    start=st.integers(at("2024-01-01 00:00").__int__(), at("2030-01-01 00:00").__int__()),
)
def test_it_agrees_with_a_walk_from_hour_to_hour(
    minute: tuple[str, set[int]],
    hour: tuple[str, set[int]],
    day: tuple[str, set[int]],
    month: tuple[str, set[int]],
    start: int,
) -> None:
    try:
        cron = parse_cron(f"{minute[0]} {hour[0]} {day[0]} {month[0]} *")
    except ValueError:
        assert min(day[1]) > 29  # in no month of these
        return
    moment = datetime.fromtimestamp(start, UTC).replace(minute=0, second=0)
    while True:
        if moment.month not in month[1] or moment.day not in day[1]:
            moment = moment.replace(hour=0) + timedelta(days=1)
            continue
        due = [moment.replace(minute=m) for m in sorted(minute[1]) if moment.hour in hour[1]]
        fitting = [d.timestamp() for d in due if d.timestamp() > start]
        if fitting:
            break
        moment += timedelta(hours=1)
    assert cron.next_after(start) == fitting[0]


@given(st.text(alphabet="0123456789*/,- @abcfjmnrsu", max_size=30))
def test_nothing_but_a_value_error_comes_of_garbage(text: str) -> None:
    try:
        cron = parse_cron(text)
    except ValueError:
        return
    assert cron.next_after(0.0) > 0
