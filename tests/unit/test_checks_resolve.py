"""Does DNS answer, fast, over every way, and from the node that should?"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from exporter.model.observations import PeerVip, Status, Vip
from tests.unit import samples
from tests.unit.evaluating import evaluate, the, verdicts
from tests.unit.samples import NOW, VIP, VIP_6, absent_vip, beta, probe, vip

OK, WARNING, CRITICAL, UNKNOWN = Status.OK, Status.WARNING, Status.CRITICAL, Status.UNKNOWN
FAILED: dict[str, Any] = {
    "last_ok": False,
    "last_error": "192.0.2.53 did not answer within 1 s",
    "outage_start": NOW - 90,
}


def test_a_good_answer_is_well_and_says_who_gave_it_how_fast() -> None:
    one = the(evaluate(samples.resolve(probe("pihole"))), "resolve.pihole")
    assert (one.status, one.subject, one.seen) == (OK, "127.0.0.1 udp", "answered by alpha in 1.2 ms")


@pytest.mark.parametrize(
    ("target", "status"), [("vip", CRITICAL), ("pihole", WARNING), ("unbound", WARNING), ("peer", WARNING)]
)
def test_no_answer_from_the_virtual_ip_is_critical_and_from_anything_else_a_warning(
    target: str, status: Status
) -> None:
    one = the(evaluate(samples.resolve(probe(target, **FAILED))), f"resolve.{target}")
    assert (one.status, one.seen) == (status, "192.0.2.53 did not answer within 1 s (since 90 s)")


@pytest.mark.parametrize(
    ("resolvers", "who"),
    [
        ((VIP,), "192.0.2.53 (the virtual IP)"),
        (("192.0.2.12", "192.0.2.11"), "192.0.2.12 (the other node), 192.0.2.11 (this node)"),
        (("127.0.0.1",), "127.0.0.1 (this host itself)"),
    ],
)
def test_a_host_that_asks_the_pair_alone_for_names_cannot_heal(resolvers: tuple[str, ...], who: str) -> None:
    one = the(evaluate(replace(samples.resolve(), resolvers=resolvers)), "resolve.resolvers")
    assert one.status is WARNING
    assert one.seen.startswith(f"this host asks nobody but {who} for names")
    assert "9.9.9.9" in one.advice


@pytest.mark.parametrize("resolvers", [None, ("192.0.2.1",), (VIP, "192.0.2.1"), ("127.0.0.11",)])
def test_a_host_that_asks_others_too_is_not_mentioned(resolvers: tuple[str, ...] | None) -> None:
    assert verdicts(evaluate(replace(samples.resolve(), resolvers=resolvers)), "resolve.resolvers") == {}


def test_each_protocol_is_evaluated_by_itself() -> None:
    found = evaluate(samples.resolve(probe(), probe(protocol="tcp", **FAILED)))
    assert verdicts(found, "resolve.vip") == {f"{VIP} udp": OK, f"{VIP} tcp": CRITICAL}


def test_a_failure_without_words_is_told_in_ours() -> None:
    one = the(evaluate(samples.resolve(probe(last_ok=False, last_error=None))), "resolve.vip")
    assert one.seen == "no good answer"


def test_a_server_that_was_not_asked_yet_is_unknown() -> None:
    assert the(evaluate(samples.resolve(probe(last_ok=None))), "resolve.vip").status is UNKNOWN


def test_a_slow_answer_is_a_warning() -> None:
    one = the(evaluate(samples.resolve(probe(last_latency=0.251))), "resolve.vip")
    assert (one.status, one.seen, one.expected) == (WARNING, "answered by alpha in 251.0 ms", "within 250 ms")
    assert the(evaluate(samples.resolve(probe(last_latency=0.249))), "resolve.vip").status is OK


@pytest.mark.parametrize("target", ["pihole", "unbound"])
def test_the_other_node_s_answer_from_a_local_server_is_a_warning(target: str) -> None:
    one = the(evaluate(samples.resolve(probe(target, answered_by="beta"))), "resolve.answered_by")
    assert (one.status, one.seen, one.expected) == (WARNING, "beta answered for 127.0.0.1", "alpha answers")


def test_an_answer_of_this_node_from_the_peer_s_address_is_a_warning() -> None:
    wrong = probe("peer", answered_by="alpha")
    assert the(evaluate(samples.resolve(wrong), samples.peer()), "resolve.answered_by").expected == "beta answers"
    assert verdicts(evaluate(samples.resolve(wrong), samples.silent_peer()), "resolve.answered_by") == {}


def test_an_answer_through_the_virtual_ip_from_a_node_without_it_is_a_warning() -> None:
    found = evaluate(samples.vips(), samples.peer(), samples.resolve(probe(answered_by="beta")))
    assert the(found, "resolve.answered_by").expected == "alpha answers"


def test_the_owner_s_answer_through_the_virtual_ip_is_well_wherever_it_is() -> None:
    there = samples.peer(beta(vips={VIP: PeerVip(True, 60.0), VIP_6: PeerVip(True, 60.0)}))
    found = evaluate(samples.vips(absent_vip(), absent_vip(VIP_6)), there, samples.resolve(probe(answered_by="beta")))
    assert verdicts(found, "resolve.answered_by") == {}


@pytest.mark.parametrize(
    ("here", "theirs"),
    [
        (vip(stable_seconds=0.1), PeerVip(False, 60.0)),  # it has just come
        (vip(), PeerVip(True, 60.0)),  # two owners: that is another check's matter
        (vip(last_transition=NOW - 0.2), PeerVip(False, 60.0)),  # the answer is older than the move
        # it came while the old owner went on answering, for itself too
        (vip(last_transition=NOW - 0.8), PeerVip(False, 60.0)),
    ],
)
def test_while_nobody_can_tell_who_should_answer_any_answer_will_do(here: Vip, theirs: PeerVip) -> None:
    there = samples.peer(beta(vips={VIP: theirs}))
    found = evaluate(samples.vips(here), there, samples.resolve(probe(answered_by="beta")))
    assert verdicts(found, "resolve.answered_by") == {}


def test_the_first_answer_after_the_old_owner_has_ended_counts() -> None:
    found = evaluate(
        samples.vips(vip(last_transition=NOW - 1.1)), samples.peer(), samples.resolve(probe(answered_by="beta"))
    )
    assert the(found, "resolve.answered_by").expected == "alpha answers"


@pytest.mark.parametrize(
    ("seconds", "moved", "words"),
    [
        (1.9, 60.0, "answered by alpha in 1.2 ms"),
        (19.0, 60.0, "answered by alpha in 1.2 ms, 19 s ago"),
        (19.0, 5.0, "answered by alpha in 1.2 ms, 19 s ago, before the address moved"),
        (0.9, 0.8, "answered by alpha in 1.2 ms, before the address moved"),
    ],
)
def test_an_old_answer_says_how_old_it_is(seconds: float, moved: float, words: str) -> None:
    old = probe(last_success=NOW - seconds, protocol="tcp")
    found = evaluate(samples.vips(vip(last_transition=NOW - moved)), samples.peer(), samples.resolve(old))
    assert the(found, "resolve.vip").seen == words


def test_a_failed_query_says_nothing_about_who_answers() -> None:
    found = evaluate(samples.resolve(probe("pihole", answered_by="beta", **FAILED)))
    assert verdicts(found, "resolve.answered_by") == {}


def test_an_answer_that_does_not_tell_the_node_is_well_and_says_so() -> None:
    found = evaluate(samples.resolve(probe(answered_by=None), probe("pihole", answered_by=None)))
    assert the(found, "resolve.pihole").status is OK
    assert the(found, "resolve.vip").seen == ("answered in 1.2 ms (by whom is not known)")
    assert verdicts(found, "resolve.answered_by") == {}
