"""The VIP counters survive a restart in a file that anybody may have spoilt."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.model.errors import ParseError
from exporter.parsers.vip_state import SavedVip, format_vip_state, parse_vip_state
from tests.unit.hostile import NOT_QUITE_JSON, documents_like, json_values

ONE = {"owned": True, "acquisitions": 3, "releases": 2, "last_transition": 1700000000.5, "created": [4604.48]}
DOCUMENT = {"format": 1, "vips": {"192.0.2.53": ONE}}

saved = st.builds(
    SavedVip,
    owned=st.booleans(),
    acquisitions=st.integers(0, 2**53 - 1),
    releases=st.integers(0, 2**53 - 1),
    last_transition=st.none() | st.floats(0, 1e12),
    created=st.lists(st.floats(0, 1e8), max_size=3).map(tuple),
)


def test_the_file_is_json_that_an_older_exporter_wrote() -> None:
    saved_vip = SavedVip(True, 3, 2, 1700000000.5, (4604.48,))
    assert parse_vip_state(json.dumps(DOCUMENT).encode()) == {"192.0.2.53": saved_vip}
    assert json.loads(format_vip_state({"192.0.2.53": saved_vip})) == DOCUMENT


@given(st.dictionaries(st.sampled_from(["192.0.2.53", "192.0.2.54", "2001:db8::53"]), saved))
def test_what_is_written_is_read_back(vips: dict[str, SavedVip]) -> None:
    assert parse_vip_state(format_vip_state(vips)) == vips


@pytest.mark.parametrize("end", range(0, len(json.dumps(DOCUMENT)), 5))
def test_a_half_written_file_is_refused(end: int) -> None:
    with pytest.raises(ParseError):
        parse_vip_state(json.dumps(DOCUMENT).encode()[:end])


@pytest.mark.parametrize(
    "wrong",
    [
        {"owned": 1},
        {"owned": None},
        {"acquisitions": -1},
        {"acquisitions": 2**53},
        {"acquisitions": True},
        {"acquisitions": 3.0},
        {"releases": "2"},
        {"last_transition": -1},
        {"last_transition": True},
        {"last_transition": "never"},
        {"created": None},
        {"created": [True]},
        {"created": ["1"]},
        {"created": [10**400]},
    ],
)
def test_a_counter_that_cannot_be_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ParseError, match=f"{next(iter(wrong))} in the file of VIP counters is not"):
        parse_vip_state(json.dumps({"format": 1, "vips": {"192.0.2.53": {**ONE, **wrong}}}).encode())


@pytest.mark.parametrize(
    "content",
    [*NOT_QUITE_JSON, b"[]", b"{}", b'{"format": 2, "vips": {}}', b'{"format": 1, "vips": []}'],
    ids=lambda content: repr(content[:20]),
)
def test_another_file_is_refused(content: bytes) -> None:
    with pytest.raises(ParseError):
        parse_vip_state(content)


@given(st.binary(max_size=100) | json_values.map(lambda v: json.dumps(v).encode()) | documents_like(DOCUMENT))
def test_anything_at_all_is_read_or_refused(content: bytes) -> None:
    try:
        vips = parse_vip_state(content)
    except ParseError:
        return
    assert all(vip.acquisitions >= 0 and vip.releases >= 0 for vip in vips.values())
