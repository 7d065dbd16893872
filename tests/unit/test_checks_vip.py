"""Does exactly one node own each virtual IP, and can clients use it?"""

from __future__ import annotations

import pytest

from exporter.model.observations import Observation, PeerObservation, PeerVip, Status
from tests.unit import samples
from tests.unit.evaluating import evaluate, the, verdicts
from tests.unit.samples import NOW, VIP, VIP_6, absent_vip, beta, probe, vip

OK, WARNING, CRITICAL, UNKNOWN = Status.OK, Status.WARNING, Status.CRITICAL, Status.UNKNOWN


def owned_by_beta(owned: bool = True, stable_seconds: float | None = 3600.0) -> PeerObservation:
    return samples.peer(beta(vips={VIP: PeerVip(owned, stable_seconds), VIP_6: PeerVip(owned, stable_seconds)}))


def test_an_owner_here_is_well_and_each_address_is_evaluated_by_itself() -> None:
    found = evaluate(samples.vips(), samples.peer())
    assert verdicts(found, "vip.owner") == {VIP: OK, VIP_6: OK}
    assert verdicts(found, "vip.split_brain") == {VIP: OK, VIP_6: OK}
    assert the(found, "vip.owner", VIP).seen == "owned by alpha"


def test_two_owners_are_a_split_brain_and_the_advice_says_where_to_look() -> None:
    one = the(evaluate(samples.vips(vip()), owned_by_beta()), "vip.split_brain")
    assert (one.status, one.subject, one.seen) == (CRITICAL, VIP, "alpha and beta both own 192.0.2.53")
    assert "link, firewall, VRID" in one.advice


def test_a_move_that_is_going_on_is_no_split_brain() -> None:
    found = evaluate(samples.vips(vip(stable_seconds=0.05, last_transition=NOW - 0.05)), owned_by_beta())
    assert verdicts(found, "vip.split_brain") == {}
    assert the(found, "vip.owner").seen == "192.0.2.53 is on eth0 for 0 s"


def test_an_owner_there_is_as_good() -> None:
    found = evaluate(samples.vips(absent_vip()), owned_by_beta())
    assert the(found, "vip.owner").seen == "owned by beta"
    assert verdicts(found, "vip.usable") == {}


def test_no_owner_at_all_is_critical() -> None:
    one = the(evaluate(samples.vips(absent_vip()), owned_by_beta(owned=False)), "vip.owner")
    assert (one.status, one.seen) == (CRITICAL, "nobody owns 192.0.2.53")


def test_a_standalone_node_that_does_not_own_it_means_nobody_does() -> None:
    found = evaluate(samples.vips(absent_vip()), node_role="standalone", peer_ip=None)
    assert the(found, "vip.owner").status is CRITICAL


def test_while_the_peer_is_silent_an_address_that_is_here_has_an_owner() -> None:
    found = evaluate(samples.vips(vip()), samples.silent_peer())
    assert the(found, "vip.owner").seen == "192.0.2.53 is on eth0 for 60 min"
    assert verdicts(found, "vip.split_brain") == {}


def test_while_the_peer_is_silent_an_answer_from_the_address_proves_an_owner() -> None:
    answered = samples.resolve(probe(answered_by="beta"))
    one = the(evaluate(samples.vips(absent_vip()), samples.silent_peer(), answered), "vip.owner")
    assert (one.status, one.seen) == (OK, "beta answers for it")


def test_an_address_that_nobody_answers_from_while_the_peer_is_silent_is_critical() -> None:
    unanswered = samples.resolve(probe(last_ok=False, last_error="no answer", answered_by=None))
    one = the(evaluate(samples.vips(absent_vip()), samples.silent_peer(), unanswered), "vip.owner")
    assert (one.status, one.seen) == (
        CRITICAL,
        "not owned here, nobody answers from 192.0.2.53, and the peer is silent",
    )


@pytest.mark.parametrize("others", [(), (samples.silent_peer(),), (samples.resolve(),)], ids=len)
def test_when_nobody_was_asked_it_is_unknown(others: tuple[Observation, ...]) -> None:
    found = evaluate(samples.vips(absent_vip("192.0.2.54")), *others)
    assert the(found, "vip.owner", "192.0.2.54").status is UNKNOWN


def test_an_address_that_duplicate_address_detection_holds_back_is_critical() -> None:
    one = the(evaluate(samples.vips(vip(VIP_6, usable=False))), "vip.usable")
    assert (one.status, one.subject) == (CRITICAL, VIP_6)
    assert "duplicate address detection" in one.seen


def test_an_address_on_another_interface_is_a_warning() -> None:
    one = the(evaluate(samples.vips(vip(device="lo"))), "vip.device")
    assert (one.status, one.seen, one.expected) == (WARNING, "192.0.2.53 is on lo", "it is on eth0")


def test_an_address_that_a_dead_keepalived_left_behind_is_critical() -> None:
    found = evaluate(samples.vips(vip()), samples.vrrp(keepalived_up=False, keepalived_version=None))
    one = the(found, "vip.abandoned")
    assert (one.status, one.seen) == (CRITICAL, "192.0.2.53 is on this node, but keepalived is dead")


def test_a_dead_keepalived_without_the_address_has_left_nothing_behind() -> None:
    found = evaluate(samples.vips(absent_vip()), samples.vrrp(keepalived_up=False, keepalived_version=None))
    assert verdicts(found, "vip.abandoned") == {}
