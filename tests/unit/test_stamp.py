"""Stamp files: what a sync or a backup says of its last run, true or not."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.model.errors import ParseError
from exporter.parsers.stamp import MAXIMUM_ERROR_TEXT, Stamp, parse_stamp
from tests.unit.hostile import NOT_QUITE_JSON, documents_like, json_values

NOW = 1_700_000_000.0
GOOD = {
    "last_attempt": NOW - 60,
    "last_success": NOW - 60,
    "duration": 12.5,
    "exit_status": 0,
    "last_error": None,
}


def stamp(**changes: object) -> bytes:
    return json.dumps({key: value for key, value in {**GOOD, **changes}.items() if value != "absent"}).encode()


def test_a_good_run_is_read() -> None:
    assert parse_stamp(stamp(), NOW) == Stamp(NOW - 60, NOW - 60, 12.5, 0, None)


def test_a_first_run_that_failed_has_no_success() -> None:
    failed = stamp(last_success=None, exit_status=1, last_error="HTTP 401: wrong\n  password")
    assert parse_stamp(failed, NOW) == Stamp(NOW - 60, None, 12.5, 1, "HTTP 401: wrong password")


def test_a_run_that_is_not_over_has_no_duration() -> None:
    assert parse_stamp(stamp(duration="absent", last_success="absent"), NOW).duration is None


def test_a_whole_log_as_the_error_is_cut() -> None:
    error = parse_stamp(stamp(exit_status=1, last_error="x " * 100_000), NOW).error
    assert error is not None
    assert len(error) == MAXIMUM_ERROR_TEXT


def test_a_clock_that_was_corrected_by_a_little_is_forgiven() -> None:
    assert parse_stamp(stamp(last_attempt=NOW + 59, last_success=NOW + 59), NOW).last_success == NOW + 59


@pytest.mark.parametrize("key", ["last_attempt", "last_success"])
def test_a_stamp_from_the_future_is_refused_with_its_distance(key: str) -> None:
    with pytest.raises(ParseError, match=f"^{key} in the stamp is 3600 s in the future; check the clocks$"):
        parse_stamp(stamp(**{key: NOW + 3600}), NOW)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("last_attempt", "absent"),
        ("last_attempt", None),
        ("last_attempt", -1),
        ("last_attempt", True),
        ("last_attempt", str(NOW)),
        ("last_success", 10**400),
        ("last_success", [NOW]),
        ("duration", -0.1),
        ("duration", "12"),
        ("exit_status", "absent"),
        ("exit_status", None),
        ("exit_status", False),
        ("exit_status", 256),
        ("exit_status", -9),
        ("exit_status", 0.0),
        ("last_error", 5),
        ("last_error", {"text": "x"}),
    ],
)
def test_a_field_of_another_type_is_refused_by_its_name(key: str, value: object) -> None:
    with pytest.raises(ParseError, match=key):
        parse_stamp(stamp(**{key: value}), NOW)


@pytest.mark.parametrize("content", [*NOT_QUITE_JSON, b"[]", b'"ok"', b"null", b"0"], ids=lambda c: repr(c[:20]))
def test_what_is_no_object_is_refused(content: bytes) -> None:
    with pytest.raises(ParseError, match="the stamp"):
        parse_stamp(content, NOW)


@pytest.mark.parametrize("end", range(0, len(stamp()), 7))
def test_a_half_written_stamp_is_refused(end: int) -> None:
    with pytest.raises(ParseError):
        parse_stamp(stamp()[:end], NOW)


@given(st.binary(max_size=100) | json_values.map(lambda v: json.dumps(v).encode()) | documents_like(GOOD))
def test_anything_at_all_is_read_or_refused(content: bytes) -> None:
    try:
        seen = parse_stamp(content, NOW)
    except ParseError:
        return
    assert 0 <= seen.last_attempt <= NOW + 60
    assert 0 <= seen.exit_status <= 255
