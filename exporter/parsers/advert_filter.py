"""What keepalived's side says of the advert filter, read as something that may be garbage.

``{"time", "loaded", "problem", "dropped": {REASON: count}, "last_dropped": {REASON: time}}``, times in Unix seconds.
Used by ``stack/keepalived`` too, so it uses the standard library alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from exporter.engine.files import parse_json
from exporter.model.errors import ParseError

_REASONS_AT_MOST = 16
_TEXT_AT_MOST = 500
_WRONG = "the advert filter's report cannot be understood: {} is not what it should be"


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
    document = parse_json(content, "the advert filter's report")
    if not isinstance(document, dict):
        raise ParseError(_WRONG.format("it"))
    loaded, problem = document.get("loaded"), document.get("problem")
    if not isinstance(loaded, bool) or not isinstance(problem, str) or loaded is bool(problem):
        raise ParseError(_WRONG.format("loaded or problem"))
    problem = "".join(character if character.isprintable() else " " for character in problem[:_TEXT_AT_MOST])
    dropped = _numbers(document, "dropped")
    if not all(isinstance(count, int) for count in dropped.values()):
        raise ParseError(_WRONG.format("dropped"))
    return FilterReport(
        time=_number(document.get("time"), "time"),
        problem=problem,
        dropped={reason: int(count) for reason, count in dropped.items()},
        last_dropped=_numbers(document, "last_dropped"),
    )


def _numbers(document: Mapping[str, Any], key: str) -> dict[str, float]:
    value = document.get(key)
    if not isinstance(value, dict) or len(value) > _REASONS_AT_MOST:
        raise ParseError(_WRONG.format(key))
    if not all(re.fullmatch(r"[a-z_]{1,32}", reason) for reason in value):
        raise ParseError(_WRONG.format(key))
    return {reason: _number(number, key) for reason, number in value.items()}


def _number(value: object, key: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 2**53:
        raise ParseError(_WRONG.format(key))
    return value
