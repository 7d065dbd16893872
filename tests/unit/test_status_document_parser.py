"""The other node's status, taken as something that a stranger wrote."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.model.errors import ParseError
from exporter.model.observations import NodeIdentity, PeerStatus, PeerVip, Status
from exporter.parsers.status_document import (
    MAXIMUM_ITEMS,
    MAXIMUM_NAME,
    MAXIMUM_TEXT,
    parse_checks,
    parse_document,
    parse_identity,
    parse_peer,
)
from exporter.views import status_document
from tests.unit import samples
from tests.unit.hostile import NOT_QUITE_JSON, documents_like, json_values

CHECK = {
    "id": "vrrp.state",
    "node": "beta",
    "subject": "VI_1",
    "collector": "vrrp",
    "status": "warning",
    "seen": "VI_1 is in state fault",
    "expected": "master or backup",
    "advice": "look at the link",
}
# Only what is read of it: another version may say more.
BETA: dict[str, Any] = {
    "format": 1,
    "node": {"name": "beta", "role": "secondary", "address": "192.0.2.12", "version": "0.2.0"},
    "time": 1_700_000_002.5,
    "checks": [CHECK],
    "vips": [
        {"address": "192.0.2.53", "owned": True, "steady": 12.5},
        {"address": "2001:db8::53", "owned": False, "steady": None},
    ],
    "vrrp": {
        "keepalived_up": True,
        "drained": False,
        "instances": [{"name": "VI_1", "virtual_router_id": 53}, {"name": "VI_2", "virtual_router_id": None}],
    },
    "sync": {"digests": [{"name": "unbound", "digest": "ab" * 32}]},
}


def changed(**changes: Any) -> bytes:
    return json.dumps({key: value for key, value in {**BETA, **changes}.items() if value != "absent"}).encode()


def read(**changes: Any) -> PeerStatus:
    return parse_peer(changed(**changes), received_at=1_700_000_000.0)


def test_everything_that_the_pair_needs_to_know_is_read() -> None:
    peer = read()
    assert (peer.name, peer.role, peer.version) == ("beta", "secondary", "0.2.0")
    assert peer.vips == {
        "192.0.2.53": PeerVip(owned=True, stable_seconds=12.5),
        "2001:db8::53": PeerVip(owned=False, stable_seconds=None),
    }
    assert (peer.keepalived_up, peer.drained) == (True, False)
    assert peer.virtual_router_ids == {"VI_1": 53}
    assert peer.digests == {"unbound": "ab" * 32}
    assert peer.clock_offset == 2.5
    assert [(check.id, check.status, check.advice) for check in peer.checks] == [
        ("vrrp.state", Status.WARNING, "look at the link")
    ]


def test_a_real_document_is_understood() -> None:
    whole = status_document.build(samples.healthy(), (samples.check(),), Status.OK)
    peer = parse_peer(whole, received_at=samples.NOW)
    assert (peer.name, peer.clock_offset, peer.keepalived_up) == ("alpha", 0.0, True)
    assert {address: vip.owned for address, vip in peer.vips.items()} == {samples.VIP: True, samples.VIP_6: True}
    assert peer.virtual_router_ids == {"VI_1": 53}
    assert peer.checks == (samples.check(),)
    assert parse_identity(parse_document(whole)) == samples.IDENTITY
    assert parse_checks(parse_document(whole)) == (samples.check(),)


def test_an_older_peer_that_knows_nothing_of_a_health_check_is_understood() -> None:
    """And a newer one's state that nobody records is no reason to refuse what else it says."""
    whole = json.loads(status_document.build(samples.healthy(), (samples.check(),), Status.OK))
    older = {key: value for key, value in whole.items() if key != "health"}
    assert parse_peer(json.dumps(older).encode(), samples.NOW) == parse_peer(json.dumps(whole).encode(), samples.NOW)
    whole["vrrp"]["instances"][0]["state"] = None
    assert parse_peer(json.dumps(whole).encode(), samples.NOW).virtual_router_ids == {"VI_1": 53}


def test_what_the_other_node_does_not_know_is_unknown_and_not_false() -> None:
    peer = read(vips=None, vrrp=None, sync=None)
    assert (dict(peer.vips), peer.keepalived_up, peer.drained, dict(peer.digests)) == ({}, None, None, {})
    assert dict(read(vips="absent", vrrp="absent", sync="absent").vips) == {}


def test_only_what_the_other_node_says_of_itself_is_kept() -> None:
    others = [{**CHECK, "node": "alpha"}, {**CHECK, "node": "gamma"}, CHECK]
    assert [check.node for check in read(checks=others).checks] == ["beta"]


def test_a_text_that_would_play_with_a_terminal_is_made_harmless() -> None:
    seen = read(checks=[{**CHECK, "seen": "\x1b[2J\x07all\nis\twell\u202e"}]).checks[0].seen
    assert seen == " [2J all is well "


@pytest.mark.parametrize("format_", [2, 0, "1", None, [1]])
def test_another_format_is_refused_with_what_to_do(format_: object) -> None:
    with pytest.raises(ParseError, match="format 1; run the same version on both nodes"):
        read(format=format_)


@pytest.mark.parametrize(
    "name", ["", "-beta", "b eta", "beta\n", "<b>", "β", "x" * 64, "../etc", 'b"', None, 5, ["beta"]]
)
def test_a_name_that_no_node_can_have_is_refused(name: object) -> None:
    with pytest.raises(ParseError):
        read(node={**BETA["node"], "name": name})


@pytest.mark.parametrize(
    "changes",
    [
        {"node": None},
        {"node": {"name": "beta"}},
        {"node": {**BETA["node"], "role": "master"}},
        {"node": {**BETA["node"], "role": "Primary"}},
        {"node": {**BETA["node"], "version": "x" * (MAXIMUM_NAME + 1)}},
        {"node": {**BETA["node"], "address": "x" * (MAXIMUM_NAME + 1)}},
        {"checks": [{**CHECK, "id": "x" * (MAXIMUM_NAME + 1)}]},
        {"vips": [{"address": "x" * (MAXIMUM_NAME + 1), "owned": True, "steady": None}]},
        {"sync": {"digests": [{"name": "x" * (MAXIMUM_NAME + 1), "digest": "ab"}]}},
        {"time": "absent"},
        {"time": None},
        {"time": True},
        {"time": "now"},
        {"time": 10**400},
        {"checks": "absent"},
        {"checks": None},
        {"checks": [None]},
        {"checks": [{**CHECK, "status": "fine"}]},
        {"checks": [{**CHECK, "status": 0}]},
        {"checks": [{**CHECK, "seen": "x" * (MAXIMUM_TEXT + 1)}]},
        {"checks": [{**CHECK, "advice": None}]},
        {"checks": [CHECK] * (MAXIMUM_ITEMS + 1)},
        {"vips": {}},
        {"vips": [{"address": "192.0.2.53"}]},
        {"vips": [{"address": "192.0.2.53", "owned": 1, "steady": None}]},
        {"vips": [{"address": "192.0.2.53", "owned": True, "steady": "long"}]},
        {"vips": [{"address": 5, "owned": True, "steady": None}]},
        {"vrrp": {"keepalived_up": True, "drained": False}},
        {"vrrp": {"keepalived_up": None, "drained": False, "instances": []}},
        {"vrrp": {"keepalived_up": True, "drained": 0, "instances": []}},
        {"vrrp": {**BETA["vrrp"], "instances": [{"name": "VI_1", "virtual_router_id": "53"}]}},
        {"sync": {"digests": [{"name": "unbound"}]}},
        {"sync": {"digests": "none"}},
    ],
    ids=lambda changes: json.dumps(changes)[:50],
)
def test_of_an_answer_that_is_wrong_somewhere_nothing_is_used(changes: dict[str, Any]) -> None:
    with pytest.raises(ParseError):
        read(**changes)


@pytest.mark.parametrize("content", [*NOT_QUITE_JSON, b"[]", b"null", b"<html>"], ids=lambda c: repr(c[:20]))
def test_what_is_no_status_is_refused(content: bytes) -> None:
    with pytest.raises(ParseError):
        parse_peer(content, 0.0)


def test_a_running_exporter_of_this_node_is_recognised_by_its_name() -> None:
    assert parse_identity(parse_document(changed())) == NodeIdentity("beta", "secondary", "192.0.2.12", "0.2.0")


@given(documents_like(BETA) | json_values.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=100))
def test_anything_at_all_is_read_or_refused(content: bytes) -> None:
    try:
        peer = parse_peer(content, received_at=1_700_000_000.0)
    except ParseError:
        return
    assert peer.name.isascii()
    assert all(check.seen.isprintable() for check in peer.checks)
    assert all(isinstance(number, int) for number in peer.virtual_router_ids.values())
