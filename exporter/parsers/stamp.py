"""Stamp files: what a sync, a backup or a drill says of its last run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from exporter.engine.files import parse_json
from exporter.model.errors import ParseError

MAXIMUM_ERROR_TEXT = 300
# A clock that was corrected may leave a stamp slightly ahead; further ahead it is wrong.
FUTURE_TOLERANCE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Stamp:
    """One task's last run; times in Unix seconds, the duration in seconds."""

    last_attempt: float
    last_success: float | None
    duration: float | None
    exit_status: int
    error: str | None


def parse_stamp(content: bytes, now: float) -> Stamp:
    """Read a stamp: ``last_attempt``, ``last_success``, ``duration``, ``exit_status``, ``last_error``.

    Raises:
        ParseError: it is cut off, of other types, or from the future.
    """
    document = parse_json(content, "the stamp")
    if not isinstance(document, dict):
        msg = "the stamp is not an object"
        raise ParseError(msg)
    attempt = _time(document, "last_attempt", now)
    if attempt is None:
        msg = "the stamp has no last_attempt"
        raise ParseError(msg)
    status = document.get("exit_status")
    if type(status) is not int or not 0 <= status <= 255:
        msg = "exit_status in the stamp is not a number from 0 to 255"
        raise ParseError(msg)
    error = document.get("last_error")
    if error is not None and not isinstance(error, str):
        msg = "last_error in the stamp is not a text"
        raise ParseError(msg)
    return Stamp(
        last_attempt=attempt,
        last_success=_time(document, "last_success", now),
        duration=_seconds(document, "duration"),
        exit_status=status,
        error=" ".join(error.split())[:MAXIMUM_ERROR_TEXT] if error else None,
    )


def _seconds(document: Mapping[str, Any], key: str) -> float | None:
    value = document.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 2**53:
        msg = f"{key} in the stamp is not a number of seconds"
        raise ParseError(msg)
    return float(value)


def _time(document: Mapping[str, Any], key: str, now: float) -> float | None:
    value = _seconds(document, key)
    if value is not None and value > now + FUTURE_TOLERANCE_SECONDS:
        msg = f"{key} in the stamp is {value - now:.0f} s in the future; check the clocks"
        raise ParseError(msg)
    return value
