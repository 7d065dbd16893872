"""What Pi-hole's API answers: FTL v6.4.1's own words, and whatever else comes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given

from exporter.model.errors import ParseError
from exporter.model.observations import TopEntry
from exporter.parsers.pihole import (
    TOP_COUNT,
    TOP_NAME_LENGTH,
    Blocking,
    parse_blocking,
    parse_session,
    parse_summary,
    parse_top,
)
from tests.unit.hostile import json_values

# As the real one (FTL v6.4.1) answered, with other numbers where two could be mixed up.
SUMMARY: dict[str, Any] = {
    "queries": {
        "total": 10, "blocked": 1, "percent_blocked": 10, "unique_domains": 3, "forwarded": 7, "cached": 2,
        "frequency": 0.33333333333333331, "types": {"A": 8, "AAAA": 0, "PTR": 2, "OTHER": 0},
        "status": {"UNKNOWN": 0, "FORWARDED": 6}, "replies": {"UNKNOWN": 8, "NXDOMAIN": 2},
    },
    "clients": {"active": 4, "total": 5},
    "gravity": {"domains_being_blocked": 123456, "last_update": 1795939007},
    "took": 3.4809112548828125e-05,
}  # fmt: skip


def summary(**gravity: int) -> bytes:
    return json.dumps({**SUMMARY, "gravity": {**SUMMARY["gravity"], **gravity}}).encode()


def test_the_summary_is_read() -> None:
    seen = parse_summary(summary())
    assert (seen.queries, seen.blocked, seen.forwarded, seen.cached, seen.domains) == (10, 1, 7, 2, 3)
    assert seen.queries_by_type == {"A": 8, "AAAA": 0, "PTR": 2, "OTHER": 0}
    assert seen.replies == {"UNKNOWN": 8, "NXDOMAIN": 2}
    assert (seen.active_clients, seen.known_clients) == (4, 5)
    assert (seen.gravity_domains, seen.gravity_time) == (123456, 1795939007.0)
    assert seen.queries_per_second == pytest.approx(1 / 3)


def test_lists_that_were_never_loaded_have_no_number_and_no_time() -> None:
    """FTL without gravity.db says -2 and 0 (measured); -1 where it cannot be read."""
    for number in (-1, -2):
        seen = parse_summary(summary(domains_being_blocked=number, last_update=0))
        assert (seen.gravity_domains, seen.gravity_time) == (None, None)


def test_lists_that_are_empty_are_zero_domains() -> None:
    assert parse_summary(summary(domains_being_blocked=0)).gravity_domains == 0


@pytest.mark.parametrize(
    ("said", "blocking"),
    [
        ({"blocking": "enabled", "timer": None}, Blocking(enabled=True, timer=None)),
        ({"blocking": "disabled", "timer": 59.9}, Blocking(enabled=False, timer=59.9)),
        ({"blocking": "failed", "timer": None}, Blocking(enabled=None, timer=None)),
        ({"blocking": "unknown"}, Blocking(enabled=None, timer=None)),
    ],
)
def test_whether_it_blocks_is_read(said: dict[str, Any], blocking: Blocking) -> None:
    assert parse_blocking(json.dumps(said).encode()) == blocking


def test_a_session_is_its_id_and_empty_where_pihole_has_no_password() -> None:
    assert parse_session(b'{"session":{"valid":true,"sid":"WCQm6QRG262I1o1JPNTbJA="}}') == "WCQm6QRG262I1o1JPNTbJA="
    assert parse_session(b'{"session":{"valid":true,"sid":null}}') == ""
    with pytest.raises(ParseError, match="gave no session"):
        parse_session(b'{"session":{"valid":false,"sid":null}}')


def test_an_id_that_would_break_a_request_is_none() -> None:
    with pytest.raises(ParseError, match="is not a session's ID"):
        parse_session(b'{"session":{"valid":true,"sid":"a\\r\\nX-Evil: 1"}}')


def test_a_client_goes_by_its_name_or_else_by_its_address() -> None:
    said = {"clients": [{"name": "tv", "ip": "192.0.2.7", "count": 9}, {"name": "", "ip": "192.0.2.8", "count": 3}]}
    found = parse_top(json.dumps(said).encode(), "client")
    assert found == (TopEntry("client", "tv", 9), TopEntry("client", "192.0.2.8", 3))


def test_a_list_is_bounded_in_number_and_length() -> None:
    entries = [{"domain": f"{number:03}." + "x" * 300, "count": 1} for number in range(500)]
    found = parse_top(json.dumps({"domains": entries}).encode(), "blocked")
    assert len(found) == TOP_COUNT
    assert {len(entry.name) for entry in found} == {TOP_NAME_LENGTH}


def test_names_that_are_the_same_once_cut_are_one_series() -> None:
    entries = [{"domain": "x" * 100 + end, "count": 5} for end in "ab"]
    assert parse_top(json.dumps({"domains": entries}).encode(), "domain") == (TopEntry("domain", "x" * 64, 10),)


@given(json_values)
def test_nothing_else_than_a_parse_error_comes_of_anything(value: object) -> None:
    content = json.dumps(value).encode()
    for parse in (parse_summary, parse_blocking, parse_session, lambda given: parse_top(given, "client")):
        try:
            parse(content)
        except ParseError as error:
            assert str(error).isprintable()  # noqa: PT017
