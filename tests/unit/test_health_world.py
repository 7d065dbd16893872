"""Given what names of the internet came to, the verdict is; and when the node yields to the other one."""

from __future__ import annotations

from exporter.model.observations import HealthVerdict
from stack.health.world import WorldSettings, WorldVerdict

OK, HARD, UNPROVED = HealthVerdict.OK, HealthVerdict.HARD, HealthVerdict.UNPROVED


def world(verdict: HealthVerdict = OK) -> WorldVerdict:
    return WorldVerdict(30.0, verdict, "")


def fail(one: WorldVerdict, *times: float) -> None:
    """A question asked at each of these times has no answer three seconds later."""
    for asked in times:
        one.bad(asked, asked + 3, "it does not answer in time")


def test_one_name_that_resolves_proves_it() -> None:
    one = WorldVerdict(30.0)
    assert one.verdict is UNPROVED
    one.good()
    assert (one.verdict, one.problem) == (OK, "")


def test_it_fails_when_no_name_has_resolved_for_the_patience_and_not_before() -> None:
    one = world()
    fail(one, 10, 20, 30)
    assert one.verdict is OK
    fail(one, 40)
    assert one.verdict is HARD
    assert one.problem == "Unbound resolves no name of the internet: it does not answer in time"


def test_one_name_among_those_that_fail_is_enough() -> None:
    one = world()
    fail(one, 10, 20, 30)
    one.good()
    fail(one, 50, 60, 70)
    assert one.verdict is OK


def test_a_few_questions_far_apart_prove_nothing() -> None:
    one = world()
    fail(one, 10, 100)
    assert one.verdict is OK


def test_a_boot_with_a_wrong_clock_fails_as_soon() -> None:
    one = WorldVerdict(30.0)
    fail(one, 0, 10, 20)
    assert one.verdict is UNPROVED
    assert "it does not answer in time" in one.problem
    fail(one, 30)
    assert one.verdict is HARD


def test_two_good_answers_in_a_row_end_a_failure() -> None:
    one = world()
    fail(one, 10, 20, 30, 40)
    one.good()
    fail(one, 60)
    one.good()
    assert one.verdict is HARD
    one.good()
    assert (one.verdict, one.problem) == (OK, "")


def test_it_yields_only_to_a_node_that_resolves_and_until_it_does_itself() -> None:
    one = world()
    one.peer_resolved()
    assert not one.yields
    fail(one, 10, 20, 30, 40)
    assert not one.yields
    one.peer_resolved()
    assert one.yields
    fail(one, 50)
    one.good()
    assert one.yields
    one.good()
    assert not one.yields


def test_while_its_own_dns_is_silent_nothing_new_is_known() -> None:
    one = world()
    one.not_asked()
    assert (one.verdict, one.problem) == (UNPROVED, "not asked while this node's own DNS does not answer")
    failed = world(HARD)
    failed.not_asked()
    assert failed.verdict is HARD


def test_a_check_that_was_killed_goes_on_yielding() -> None:
    one = WorldVerdict(30.0)
    one.resume_yielding()
    one.good()
    assert (one.verdict, one.yields) == (HARD, True)
    one.good()
    assert (one.verdict, one.yields) == (OK, False)


def test_a_round_of_questions_ends_before_the_next_and_thrice_within_the_patience() -> None:
    settings = WorldSettings(("com",), None, 30.0)
    assert (settings.patience, settings.interval, settings.timeout) == (30.0, 10.0, 3.0)
