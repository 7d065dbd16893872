"""Cron's five fields (crontab(5)): when a task is due next.

Numbers, names, ranges, lists and steps, ``@hourly`` to ``@monthly``. Where both the day of the month
and the weekday are restricted, either will do. In the hour that daylight saving time skips, a run is
moved, not lost; in the one that it repeats, it happens once.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_NICKNAMES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
}
# The longest time between two 29ths of February is eight years.
_SEARCH_DAYS = 366 * 8 + 1


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    low: int
    high: int
    words: tuple[str, ...] = ()

    def parse(self, text: str) -> frozenset[int]:
        """Read one field.

        Raises:
            ValueError: it is not one; the message says why.
        """
        return frozenset(number for part in text.split(",") for number in self._part(part))

    def _part(self, part: str) -> range:
        span, slash, step = part.partition("/")
        if slash and (not re.fullmatch(r"[0-9]{1,2}", step) or int(step) == 0):
            raise self._wrong(part)
        first, dash, last = span.partition("-")
        if span == "*":
            low, high = self.low, self.high
        else:
            low = self._number(first, part)
            high = self._number(last, part) if dash else (self.high if slash else low)
        if low > high:
            raise self._wrong(part)
        return range(low, high + 1, int(step) if slash else 1)

    def _number(self, text: str, part: str) -> int:
        if text.lower() in self.words:
            return self.words.index(text.lower()) + self.low
        if not re.fullmatch(r"[0-9]{1,2}", text) or not self.low <= int(text) <= self.high:
            raise self._wrong(part)
        return int(text)

    def _wrong(self, part: str) -> ValueError:
        return ValueError(f"{part!r} is no {self.name}: it goes from {self.low} to {self.high}")


_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of the month", 1, 31),
    _Field("month", 1, 12, _MONTHS),
    _Field("weekday", 0, 7, _WEEKDAYS),
)


@dataclass(frozen=True, slots=True)
class Cron:
    """A schedule; weekdays count from Sunday, 0."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either_day: bool  # both kinds of day are restricted

    def _runs_on(self, day: date) -> bool:
        of_month = day.day in self.days
        of_week = day.isoweekday() % 7 in self.weekdays
        return day.month in self.months and (of_month or of_week if self.either_day else of_month and of_week)

    def _days(self, first: date) -> Iterator[date]:
        for offset in range(_SEARCH_DAYS):
            day = first + timedelta(days=offset)
            if self._runs_on(day):
                yield day

    def next_after(self, now: float) -> float:
        """Return the first time after ``now`` at which it is due, both in Unix seconds; by the local clock (TZ)."""
        today = date(*time.localtime(now)[:3])
        for day in self._days(today):
            for hour in sorted(self.hours):
                for minute in sorted(self.minutes):
                    due = time.mktime((day.year, day.month, day.day, hour, minute, 0, 0, 0, -1))
                    if due > now:
                        return due
        msg = "parse_cron accepts no schedule that is never due"
        raise AssertionError(msg)


def parse_cron(text: str) -> Cron:
    """Read a schedule.

    Raises:
        ValueError: it is none, or never due; the message says why.
    """
    words = _NICKNAMES.get(text.strip().lower(), text).split()
    if len(words) != len(_FIELDS):
        raise ValueError(f"{text!r} must have five fields: minute hour day month weekday, such as '30 3 * * *'")
    minutes, hours, days, months, weekdays = (field.parse(word) for field, word in zip(_FIELDS, words, strict=True))
    either = not words[2].startswith("*") and not words[4].startswith("*")
    cron = Cron(minutes, hours, days, months, frozenset(day % 7 for day in weekdays), either)
    if next(cron._days(date(2024, 1, 1)), None) is None:  # noqa: SLF001 (its own)
        raise ValueError(f"{text!r} is never due: no such day exists")
    return cron


def optional_cron(text: str) -> Cron | None:
    """Read a schedule, or None: ``off``, or nothing."""
    return None if text in ("", "off") else parse_cron(text)
