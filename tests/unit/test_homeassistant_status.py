"""What Home Assistant is told follows from the exporter's JSON, and says "unknown" where that does not know."""

from __future__ import annotations

import json
from typing import Any

import pytest

from exporter.model.errors import ParseError
from exporter.model.observations import PeerVip, Status, Vip
from stack.homeassistant import discovery
from stack.homeassistant.status import MAXIMUM_PROBLEM_LENGTH, MAXIMUM_PROBLEMS, Look, Outage, parse
from tests.unit import samples
from tests.unit.homeassistant_looks import document, look
from tests.unit.samples import NOW, VIP, VIP_6, absent_vip, beta, probe, vip


def test_of_a_healthy_pair_all_is_known() -> None:
    seen = look()
    assert (seen.node.name, seen.owns, seen.moving) == ("alpha", True, False)
    assert seen.owners == {VIP: ["alpha"], VIP_6: ["alpha"]}
    for state in (seen.node_state, seen.pair_state):
        assert (state.status, state.dns, state.outage, state.problems) == (Status.OK, True, None, ())


def owners(*here: Vip, **peer: Any) -> Look:
    return look(samples.vips(*here), samples.peer(**peer))


def word(owned: bool, stable_seconds: float = 3600.0) -> dict[str, Any]:
    return {"seen": beta(vips={VIP: PeerVip(owned, stable_seconds)})}


@pytest.mark.parametrize(
    ("here", "there", "told"),
    [
        (vip(), False, "alpha"),
        (absent_vip(), True, "beta"),
        (vip(), True, "alpha, beta"),
        (absent_vip(), False, "none"),
    ],
)
def test_the_owner_is_named_and_both_of_a_split_brain(here: Vip, there: bool, told: str) -> None:
    seen = owners(here, **word(there))
    assert discovery.pair_state(seen)["owner"] == told
    assert discovery.pair_state(seen)["virtual_ips"] == {VIP: told}
    assert not seen.moving


def test_while_the_virtual_ip_moves_that_is_said_and_no_split_brain() -> None:
    assert owners(vip(stable_seconds=0.1), **word(owned=True)).moving
    assert owners(absent_vip(), **word(owned=False, stable_seconds=0.1)).moving
    # The peer was asked 1.9 s before this node took it, 0.5 s ago: its word is older than that.
    stale = owners(vip(stable_seconds=0.5), **word(owned=True), age=2.4)
    assert stale.moving


def test_two_addresses_on_two_nodes_have_two_owners() -> None:
    there = beta(vips={VIP: PeerVip(False, 9.0), VIP_6: PeerVip(True, 9.0)})
    told = discovery.pair_state(look(samples.vips(vip(), absent_vip(VIP_6)), samples.peer(there)))
    assert told["owner"] == "alpha, beta"
    assert told["virtual_ips"] == {VIP: "alpha", VIP_6: "beta"}


def test_without_the_peers_word_an_answer_tells_the_owner_or_nobody_does() -> None:
    silent = samples.silent_peer()
    answers = probe(answered_by="beta")
    assert look(samples.vips(vip()), silent).owners == {VIP: ["alpha"]}
    assert look(samples.vips(absent_vip()), silent, samples.resolve(answers)).owners == {VIP: ["beta"]}
    lost = probe(last_ok=False, last_error="no answer")
    unknown = look(samples.vips(absent_vip()), silent, samples.resolve(lost))
    assert unknown.owners == {VIP: None}
    assert discovery.pair_state(unknown)["owner"] is None
    assert not unknown.moving


def test_a_standalone_node_that_has_no_virtual_ip_says_that_nobody_has() -> None:
    seen = look(samples.vips(absent_vip()), role="standalone")
    assert discovery.pair_state(seen)["owner"] == "none"


def test_what_no_collector_knows_is_unknown() -> None:
    seen = look(samples.peer())
    assert discovery.node_state(seen) | {"problems": []} == {
        "status": "ok",
        "dns": None,
        "last_outage": None,
        "last_outage_seconds": None,
        "problems": [],
        "virtual_ip": None,
    }
    assert discovery.pair_state(seen)["owner"] is None


def test_dns_of_the_pair_is_what_answers_at_the_virtual_ip_and_of_a_node_its_pihole() -> None:
    lost: dict[str, Any] = {"last_ok": False, "last_error": "it did not answer"}
    seen = look(samples.vips(), samples.resolve(probe(**lost), probe("pihole")))
    assert (seen.pair_state.dns, seen.node_state.dns) == (False, True)
    assert seen.pair_state.status is Status.CRITICAL
    seen = look(samples.vips(), samples.resolve(probe(), probe("pihole", **lost)))
    assert (seen.pair_state.dns, seen.node_state.dns) == (True, False)


def test_dns_of_the_pair_is_up_while_every_virtual_ip_answers() -> None:
    both = probe(), probe(server=VIP_6, family="ipv6", last_ok=False, last_error="it did not answer")
    assert look(samples.resolve(*both)).pair_state.dns is False
    assert look(samples.resolve(probe(last_ok=None))).pair_state.dns is None
    assert look(samples.resolve(probe(protocol="tcp", last_ok=False, last_error="x"))).pair_state.dns is None


def test_the_last_outage_is_the_latest_of_all_virtual_ips() -> None:
    first = probe(last_outage=12.5, last_outage_start=NOW - 900)
    second = probe(server=VIP_6, family="ipv6", last_outage=0.1234, last_outage_start=NOW - 90.5)
    seen = look(samples.resolve(first, second))
    assert seen.pair_state.outage == Outage(NOW - 90.5, 0.1234)
    told = discovery.pair_state(seen)
    assert (told["last_outage"], told["last_outage_seconds"]) == ("2023-11-14T22:11:49.500+00:00", 0.123)
    assert seen.node_state.outage is None


def test_problems_are_named_the_worst_first_and_a_nodes_are_its_own() -> None:
    theirs = beta(checks=(samples.check(node="beta", status=Status.WARNING, seen="the disk is full", advice="x"),))
    seen = look(samples.vips(), samples.peer(theirs), samples.resolve(probe(last_ok=False, last_error="no answer")))
    worst, other = seen.pair_state.problems
    assert worst.text.startswith("critical: alpha resolve.vip [192.0.2.53 udp]: no answer")
    assert other.text == "warning: beta vrrp.state [VI_1]: the disk is full"
    assert [problem.text for problem in seen.node_state.problems] == [worst.text]


def test_problems_are_few_and_short() -> None:
    many = tuple(
        samples.check(node="beta", id=f"node.n{n}", status=Status.WARNING, seen="x" * 900, advice="x")
        for n in range(50)
    )
    problems = look(samples.peer(beta(checks=many))).pair_state.problems
    assert len(problems) == MAXIMUM_PROBLEMS
    assert all(len(problem.text) == MAXIMUM_PROBLEM_LENGTH for problem in problems)


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"vips": [{"address": VIP}]},
        {"resolve": [{"target": "vip", "server": VIP, "protocol": "udp", "last_outage": 1, "last_outage_start": 1e14}]},
        {"peer": {"age": "old"}},
        {"checks": None},
    ],
)
def test_what_makes_no_sense_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ParseError):
        parse(json.dumps({**json.loads(document()), **change}).encode())
