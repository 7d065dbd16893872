"""What keepalived's side says of the advert filter, read as something that may be garbage.

``{"time", "loaded", "problem", "dropped": {REASON: count}, "last_dropped": {REASON: time}}``, times in Unix seconds.
Used by ``stack/keepalived`` too, so it uses the standard library alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from exporter.parsers.fields import parse_object

_REASONS_AT_MOST = 16
_TEXT_AT_MOST = 500
_REASON = re.compile(r"[a-z_]{1,32}")


@dataclass(frozen=True, slots=True)
class FilterReport:
    """The filter's state. ``problem`` is empty while it is loaded."""

    time: float
    problem: str
    dropped: Mapping[str, int]
    last_dropped: Mapping[str, float]


def parse_advert_filter(content: bytes) -> FilterReport:
    """Parse the report.

    Raises:
        ParseError: any of it makes no sense; nothing of it is used.
    """
    report = parse_object(content, "the advert filter's report")
    loaded, problem = report.flag("loaded"), report.excerpt("problem", _TEXT_AT_MOST)
    if loaded is bool(problem):
        report.refuse("problem", "a text that is empty while the filter is loaded, and only then")
    dropped, last = (report.object(key, _REASONS_AT_MOST, _REASON) for key in ("dropped", "last_dropped"))
    return FilterReport(
        time=report.seconds("time"),
        problem=problem,
        dropped={reason: dropped.count(reason) for reason in dropped.values},
        last_dropped={reason: last.seconds(reason) for reason in last.values},
    )
