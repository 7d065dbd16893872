"""Quiet hours: when nobody is told of what is not critical. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Final

_HOURS: Final = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-3]):([0-5][0-9])")
_DAY: Final = 86400.0


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From one time of day to another, in seconds after midnight of a time zone; the same twice is never."""

    begin: float
    end: float
    timezone: tzinfo

    def left(self, now: float) -> float:
        """For how many seconds it will still be quiet; 0 when it is not."""
        local = datetime.fromtimestamp(now, self.timezone)
        today = local.hour * 3600 + local.minute * 60 + local.second
        since, length = (today - self.begin) % _DAY, (self.end - self.begin) % _DAY
        return max(length - since, 0.0)


def parse(text: str, timezone: tzinfo) -> QuietHours:
    """Read ``22:00-07:00``; nothing is never.

    Raises:
        ValueError: it is something else.
    """
    if not text:
        return QuietHours(0, 0, timezone)
    found = _HOURS.fullmatch(text)
    if found is None:
        msg = f"{text!r} is no time of day and another one, such as 22:00-07:00"
        raise ValueError(msg)
    begin_hour, begin_minute, end_hour, end_minute = map(int, found.groups())
    return QuietHours(begin_hour * 3600 + begin_minute * 60, end_hour * 3600 + end_minute * 60, timezone)
