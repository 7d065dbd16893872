"""What the answers and silences of this node's DNS come to: given these, the check says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.model.observations import HealthVerdict
from stack.health.verdict import Service, of_chain

OK, SOFT, HARD, UNPROVED = HealthVerdict.OK, HealthVerdict.SOFT, HealthVerdict.HARD, HealthVerdict.UNPROVED
PATIENCE = 0.4


def service(verdict: HealthVerdict = OK) -> Service:
    return Service("Pi-hole", PATIENCE, verdict, "")


def silent(one: Service, *, since: float, until: float, every: float = 0.1) -> None:
    """It answers nothing that is asked in this time; each question counts 0.1 s after it was asked."""
    asked = since
    while asked + 0.1 <= until:
        one.bad(asked, asked + 0.1, "does not answer")
        asked += every


def test_five_good_answers_prove_a_service() -> None:
    one = service(UNPROVED)
    for _ in range(4):
        one.good()
    assert one.verdict is UNPROVED
    one.good()
    assert (one.verdict, one.problem) == (OK, "")


def test_one_refusal_is_not_believed_and_a_second_one_is() -> None:
    one = service()
    one.refused()
    assert one.verdict is OK
    assert one.in_doubt
    one.refused()
    assert (one.verdict, one.problem) == (HARD, "refuses questions: nothing listens there")


def test_a_refusal_before_a_good_answer_is_forgotten() -> None:
    one = service()
    one.refused()
    one.good()
    one.refused()
    assert one.verdict is OK


@pytest.mark.parametrize("pause", [0.1, 0.3, 0.35])
def test_a_pause_of_a_busy_machine_is_no_failure(pause: float) -> None:
    one = service()
    silent(one, since=10.0, until=10.0 + pause)
    one.good()
    silent(one, since=10.1 + pause, until=10.1 + 2 * pause)
    assert one.verdict is OK


def test_a_service_that_answers_no_more_has_failed_when_patience_ends() -> None:
    one = service()
    silent(one, since=10.0, until=10.31)
    assert one.verdict is OK
    silent(one, since=10.3, until=10.41)
    assert (one.verdict, one.problem) == (SOFT, "does not answer")


def test_few_questions_over_a_long_time_prove_nothing() -> None:
    """The check itself was stopped for a minute, and what it asked before has had no answer since."""
    one = service()
    one.bad(10.0, 70.0, "does not answer")
    assert one.verdict is OK


def test_an_error_is_soft_however_soon_it_comes() -> None:
    one = service()
    for asked in (10.0, 10.1, 10.2, 10.3, 10.4, 10.5):
        one.bad(asked, asked + 0.001, "answered SERVFAIL")
    assert (one.verdict, one.problem) == (SOFT, "answered SERVFAIL")


def test_who_listens_again_but_does_not_answer_is_no_longer_hard() -> None:
    one = service(HARD)
    one.bad(10.0, 10.1, "does not answer")
    assert (one.verdict, one.problem) == (SOFT, "does not answer")


@pytest.mark.parametrize("verdict", [SOFT, HARD, UNPROVED])
def test_recovery_takes_five_good_answers_in_a_row(verdict: HealthVerdict) -> None:
    one = service(verdict)
    for _ in range(4):
        one.good()
    one.bad(10.0, 10.001, "answered SERVFAIL")
    for _ in range(4):
        one.good()
    assert one.verdict is not OK
    one.good()
    assert one.verdict is OK


@pytest.mark.parametrize(
    ("front", "recursors", "chain"),
    [
        (OK, [OK], OK),
        (OK, [HARD], OK),  # of a moment ago: the front answers
        (SOFT, [OK], SOFT),
        (SOFT, [HARD], HARD),
        (SOFT, [HARD, OK], SOFT),  # two of them: one is enough for a node that still answers
        (SOFT, [HARD, HARD], HARD),
        (SOFT, [SOFT], SOFT),
        (HARD, [OK], HARD),
        (UNPROVED, [UNPROVED], UNPROVED),
        (UNPROVED, [HARD], HARD),
        (SOFT, [], SOFT),
    ],
)
def test_the_chain_is_what_a_client_meets(
    front: HealthVerdict, recursors: list[HealthVerdict], chain: HealthVerdict
) -> None:
    before = service(front)
    if front is not OK:
        before.problem = "does not answer"
    behind = [Service("Unbound", PATIENCE, verdict, "refuses questions") for verdict in recursors]
    verdict, problem = of_chain(before, behind)
    assert verdict is chain
    assert bool(problem) is (chain is not OK)


def test_a_dead_recursor_is_named_and_not_the_front_that_waits_for_it() -> None:
    front = service(SOFT)
    front.problem = "does not answer"
    behind = Service("Unbound", PATIENCE, HARD, "refuses questions: nothing listens there")
    assert of_chain(front, [behind]) == (HARD, "Unbound refuses questions: nothing listens there")


def test_a_front_that_just_missed_one_answer_is_given_up_with_its_dead_recursor() -> None:
    front = service()
    front.bad(10.0, 10.1, "does not answer")
    assert of_chain(front, [Service("Unbound", PATIENCE, HARD, "refuses questions")])[0] is HARD


@given(st.lists(st.sampled_from(["good", "bad", "refused"])))
def test_a_verdict_changes_for_a_reason_alone(events: list[str]) -> None:
    one = service()
    now, refusals, failures, successes = 10.0, 0, 0, 0
    for event in events:
        before, now = one.verdict, now + 0.1
        if event == "good":
            one.good()
            refusals, failures, successes = 0, 0, successes + 1
        elif event == "refused":
            one.refused()
            refusals, successes = refusals + 1, 0
        else:
            one.bad(now - 0.1, now, "answered SERVFAIL")
            refusals, failures, successes = 0, failures + 1, 0
        if one.verdict is before:
            continue
        if one.verdict is HARD:
            assert refusals >= 2
        elif one.verdict is SOFT:
            assert failures >= 4 or before is HARD
        else:
            assert successes >= 5
