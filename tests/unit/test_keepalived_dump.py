"""Keepalived's JSON dump, as 2.2.7 and 2.3.3 really wrote it (tests/fixtures/keepalived), and as nobody should."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.model.errors import ParseError
from exporter.model.observations import VrrpState
from exporter.parsers.keepalived_dump import DumpedInstance, parse_keepalived_dump
from tests.unit.hostile import NOT_QUITE_JSON, documents_like, json_values

FIXTURES = Path(__file__).parents[1] / "fixtures" / "keepalived"
VERSIONS = ("2.2.7", "2.3.3")
EXAMPLE: Any = json.loads((FIXTURES / "2.3.3" / "vrrp.json").read_bytes())

# As the neighbour sent them (README.md beside the fixtures), under the names that metrics have.
REFUSED = {
    "packet_length": 1,
    "advertisement_interval": 0,  # keepalived refuses it and does not count
    "ttl": 3,
    "invalid_type": 4,
    "address_list": 5,
    "invalid_authentication_type": 6,
    "authentication_type_mismatch": 7,
    "authentication_failure": 8,
}


def recorded(version: str) -> dict[str, DumpedInstance]:
    instances = parse_keepalived_dump((FIXTURES / version / "vrrp.json").read_bytes())
    return {instance.name: instance for instance in instances}


@pytest.mark.parametrize("version", VERSIONS)
def test_every_instance_is_read_with_its_state_and_settings(version: str) -> None:
    seen = {
        name: (i.state, i.virtual_router_id, i.version, i.base_priority, i.advertisement_interval, i.interface)
        for name, i in recorded(version).items()
    }
    assert seen == {
        "VI_1": (VrrpState.MASTER, 53, 3, 250, 0.05, "eth0"),
        "VI_6": (VrrpState.BACKUP, 54, 3, 240, 0.05, "eth0"),
        "VI_PASS": (VrrpState.MASTER, 55, 2, 240, 1.0, "eth0"),
        "VI_LINK": (VrrpState.FAULT, 56, 3, 100, 1.0, "eth1"),
    }


@pytest.mark.parametrize("version", VERSIONS)
def test_every_refused_advertisement_is_counted_under_its_own_reason(version: str) -> None:
    instances = recorded(version)
    assert instances["VI_PASS"].counters.errors == REFUSED
    assert set(instances["VI_1"].counters.errors.values()) == {0}


@pytest.mark.parametrize(
    ("version", "received", "sent", "sent_by_the_one_without_link"), [("2.2.7", 26, 236, 7), ("2.3.3", 26, 275, 9)]
)
def test_advertisements_are_counted_those_of_a_leaving_master_apart(
    version: str, received: int, sent: int, sent_by_the_one_without_link: int
) -> None:
    instances = recorded(version)
    counters = instances["VI_1"].counters  # 25 with a higher priority and one with priority 0 came from the neighbour
    assert (counters.advertisements_received, counters.advertisements_sent) == (received, sent)
    assert (counters.priority_zero_received, counters.priority_zero_sent) == (1, 0)
    counters = instances["VI_LINK"].counters  # it said farewell when its link went
    assert (counters.advertisements_sent, counters.priority_zero_sent) == (sent_by_the_one_without_link, 1)


@pytest.mark.parametrize(("version", "time"), [("2.2.7", 1795387519.063718), ("2.3.3", 1795387538.009692)])
def test_the_last_transition_is_a_unix_time(version: str, time: float) -> None:
    assert recorded(version)["VI_1"].last_transition == time


def test_the_effective_priority_is_told_apart_from_the_configured_one() -> None:
    document = json.loads((FIXTURES / "2.2.7" / "vrrp.json").read_bytes())
    document[0]["data"]["effective_priority"] = 190
    instance = parse_keepalived_dump(json.dumps(document).encode())[0]
    assert (instance.base_priority, instance.effective_priority) == (250, 190)


def test_a_state_that_no_version_has_yet_is_one_that_holds_no_address() -> None:
    document = json.loads((FIXTURES / "2.2.7" / "vrrp.json").read_bytes())
    document[0]["data"]["state"] = 98  # vrrp.h: VRRP_STATE_DELETED and the like
    assert parse_keepalived_dump(json.dumps(document).encode())[0].state is VrrpState.STOPPED


def test_the_frame_of_json_version_2_holds_the_same_list() -> None:
    """keepalived.conf(5): ``json_version 2`` puts it under a key."""
    framed = json.dumps({"vrrp": EXAMPLE, "track_process": []}).encode()
    assert {instance.name: instance for instance in parse_keepalived_dump(framed)} == recorded("2.3.3")


def test_a_keepalived_without_instances_dumps_an_empty_list() -> None:
    assert parse_keepalived_dump(b"[]") == parse_keepalived_dump(b'{"vrrp": []}') == ()


@pytest.mark.parametrize("version", VERSIONS)
def test_a_dump_that_is_still_being_written_is_refused_wherever_it_ends(version: str) -> None:
    whole = (FIXTURES / version / "vrrp.json").read_bytes().rstrip()
    for end in range(0, len(whole), 37):
        with pytest.raises(ParseError):
            parse_keepalived_dump(whole[:end])


@pytest.mark.parametrize("content", NOT_QUITE_JSON, ids=lambda content: content[:20].decode("latin-1"))
def test_what_is_not_quite_json_is_refused(content: bytes) -> None:
    with pytest.raises(ParseError):
        parse_keepalived_dump(content)


@pytest.mark.parametrize(
    ("part", "key", "value"),
    [
        ("data", "iname", "x" * 257),
        ("data", "iname", None),
        ("data", "state", True),
        ("data", "state", -1),
        ("data", "vrid", 53.0),
        ("data", "last_transition", "yesterday"),
        ("data", "last_transition", 10**400),
        ("data", "last_transition", -1),
        ("stats", "advert_sent", None),
        ("stats", "auth_failure", 2**64),
    ],
)
def test_a_value_that_cannot_be_is_refused_by_its_name(part: str, key: str, value: object) -> None:
    document = json.loads((FIXTURES / "2.2.7" / "vrrp.json").read_bytes())
    document[2][part][key] = value
    with pytest.raises(ParseError, match=f"^{part}.{key} in an instance in keepalived's dump is not"):
        parse_keepalived_dump(json.dumps(document).encode())


@given(documents_like(EXAMPLE) | documents_like({"vrrp": EXAMPLE[:1]}))
def test_a_dump_with_anything_in_it_is_read_or_refused(content: bytes) -> None:
    read_or_refuse(content)


@given(st.binary(max_size=100) | json_values.map(lambda value: json.dumps(value).encode()))
def test_anything_at_all_is_read_or_refused(content: bytes) -> None:
    read_or_refuse(content)


def read_or_refuse(content: bytes) -> None:
    try:
        instances = parse_keepalived_dump(content)
    except ParseError:
        return
    for instance in instances:
        assert isinstance(instance.name, str)
        assert instance.counters.advertisements_sent >= 0
        assert 0 <= instance.last_transition < 2**53
