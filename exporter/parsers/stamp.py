"""Stamp files: what a sync, a backup or a drill says of its last run."""

from __future__ import annotations

from dataclasses import dataclass

from exporter.model.errors import ParseError
from exporter.parsers.fields import Fields, parse_object

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
    stamp = parse_object(content, "the stamp")
    return Stamp(
        last_attempt=_time(stamp, "last_attempt", now),
        last_success=_time(stamp, "last_success", now) if stamp.has("last_success") else None,
        duration=stamp.seconds("duration") if stamp.has("duration") else None,
        exit_status=stamp.integer("exit_status", 0, 255),
        error=(stamp.excerpt("last_error", MAXIMUM_ERROR_TEXT) or None) if stamp.has("last_error") else None,
    )


def _time(stamp: Fields, key: str, now: float) -> float:
    value = stamp.seconds(key)
    if value > now + FUTURE_TOLERANCE_SECONDS:
        msg = f"{key} in the stamp is {value - now:.0f} s in the future; check the clocks"
        raise ParseError(msg)
    return value
