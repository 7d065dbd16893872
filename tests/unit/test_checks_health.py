"""What the health check says of this node, and whether it and the recorder live."""

from __future__ import annotations

import pytest

from exporter.checks.health import LATELY_SECONDS, STARTING_SECONDS
from exporter.model.observations import HealthVerdict, HelperProcess, Status
from tests.unit import samples
from tests.unit.evaluating import evaluate, the, verdicts
from tests.unit.samples import NOW, process, question

OK, WARNING, UNKNOWN = Status.OK, Status.WARNING, Status.UNKNOWN
SOFT, HARD, UNPROVED = HealthVerdict.SOFT, HealthVerdict.HARD, HealthVerdict.UNPROVED
MISSING = "eth0 does not have this node's own address 192.0.2.11"


def test_good_answers_and_living_processes_are_well() -> None:
    found = evaluate(samples.health())
    assert {check.id: check.status for check in found} == {
        "health.chain": OK,
        "health.address": OK,
        "health.running": OK,
        "recorder.running": OK,
    }
    assert {check.collector for check in found} == {"health"}


@pytest.mark.parametrize("verdict", [SOFT, HARD])
def test_dns_that_fails_is_a_warning_here_since_the_pair_is_evaluated_by_its_vip(verdict: HealthVerdict) -> None:
    failing = question(verdict=verdict, problem="Unbound did not answer within 0.25 s", since=NOW - 30)
    one = the(evaluate(samples.health(failing, question("address"))), "health.chain")
    assert (one.status, one.seen) == (WARNING, "Unbound did not answer within 0.25 s (since 30 s)")
    assert one.expected == "this node's Pi-hole and Unbound answer"
    assert "dig @127.0.0.1 check-0.canary.dnsha.example TXT" in one.advice


def test_a_missing_address_is_named_with_what_to_do() -> None:
    missing = question("address", verdict=HARD, problem=MISSING, since=NOW - 180)
    one = the(evaluate(samples.health(question(), missing)), "health.address")
    assert (one.status, one.seen, one.expected) == (WARNING, f"{MISSING} (since 3 min)", "eth0 has 192.0.2.11")
    assert "ip -br address show eth0" in one.advice


def test_a_vip_that_was_taken_from_a_silent_owner_is_a_warning_with_its_reason() -> None:
    took = "beta took the VIP because 192.0.2.53 did not answer for 3 s at the other node"
    found = evaluate(samples.health(question(), question("vip", verdict=SOFT, problem=took, since=NOW - 30)))
    one = the(found, "health.vip")
    assert (one.status, one.seen) == (WARNING, f"{took} (since 30 s)")
    assert one.expected == "the virtual IP answers where VRRP has it"
    assert "drain this one" in one.advice


def test_what_is_not_proved_yet_is_unknown() -> None:
    one = the(
        evaluate(samples.health(question(verdict=UNPROVED, problem="Pi-hole has not answered yet"))), "health.chain"
    )
    assert (one.status, one.seen) == (UNKNOWN, "not proved yet: Pi-hole has not answered yet (since 60 min)")


def test_a_good_answer_with_a_problem_is_a_check_that_cannot_do_its_work() -> None:
    full = "/run/dnsha/health/chain-soft cannot be written: No space left on device; keepalived is not told"
    one = the(evaluate(samples.health(question(problem=full))), "health.chain")
    assert (one.status, one.seen) == (WARNING, full)


def test_a_question_that_this_version_does_not_know_is_evaluated_by_its_verdict() -> None:
    found = evaluate(samples.health(question("sun", verdict=HARD, problem="it does not shine"), question("moon")))
    assert the(found, "health.sun").status is WARNING
    assert the(found, "health.moon").status is OK


def test_without_keepalived_there_is_nothing_beside_it_to_judge() -> None:
    assert evaluate(samples.health(keepalived_up=False, questions=(), processes=())) == ()


def test_a_check_that_reports_no_more_says_since_when_and_repeats_nothing() -> None:
    found = evaluate(samples.health(report_time=NOW - 12, questions=()))
    one = the(found, "health.running")
    assert (one.status, one.seen) == (
        WARNING,
        "the health check does not report: the health check's last sign of life is 12 s ago",
    )
    assert verdicts(found, "health.chain") == verdicts(found, "health.address") == {}


def test_a_check_that_was_started_just_now_is_given_time_for_its_first_report() -> None:
    just = process(last_start=NOW - STARTING_SECONDS / 2)
    found = evaluate(samples.health(report_time=NOW - 3600, questions=(), processes=(just, process("recorder"))))
    assert the(found, "health.running").status is OK


@pytest.mark.parametrize(
    ("name", "check", "noun"),
    [("check", "health.running", "health check"), ("recorder", "recorder.running", "recorder")],
)
@pytest.mark.parametrize(
    ("end", "words"),
    [
        ("was killed by SIGKILL", "it was killed by SIGKILL"),
        ("gave no sign of life for 2 s", "it gave no sign of life for 2 s"),
        (None, "it was not started"),
    ],
)
def test_a_process_that_does_not_run_is_named_with_its_end(
    name: str, check: str, noun: str, end: str | None, words: str
) -> None:
    dead = process(name, running=False, last_end=end)
    others = tuple(process(other) for other in ("check", "recorder") if other != name)
    found = evaluate(samples.health(processes=(dead, *others)))
    one = the(found, check)
    assert (one.status, one.seen) == (WARNING, f"the {noun} does not run: {words}")
    assert [check.id for check in found if check.status is not OK] == [check]


@pytest.mark.parametrize(
    ("starts", "ago", "status", "seen"),
    [
        (1, 1.0, OK, "the recorder runs"),
        (
            2,
            12.0,
            WARNING,
            "the recorder was started again 12 s ago, once since keepalived was started: it was killed by SIGKILL",
        ),
        (
            4,
            LATELY_SECONDS - 1,
            WARNING,
            "the recorder was started again 10 min ago, 3 times since keepalived was started: it was killed by SIGKILL",
        ),
        (4, LATELY_SECONDS + 1, OK, "the recorder runs"),
    ],
)
def test_a_process_that_was_started_again_is_a_warning_for_ten_minutes(
    starts: int, ago: float, status: Status, seen: str
) -> None:
    again = process("recorder", starts=starts, last_start=NOW - ago, last_end="was killed by SIGKILL")
    one = the(evaluate(samples.health(processes=(process(), again))), "recorder.running")
    assert (one.status, one.seen) == (status, seen)
    assert one.over == (status is WARNING)


def test_a_silent_supervisor_leaves_the_recorder_unknown_and_the_report_valid() -> None:
    found = evaluate(samples.health(processes_time=NOW - 40, processes=()))
    assert the(found, "health.running").status is OK
    one = the(found, "recorder.running")
    assert (one.status, one.seen) == (
        WARNING,
        "nothing is known of the recorder: the supervisor's last sign of life is 40 s ago",
    )


def test_when_nobody_speaks_both_silences_are_told() -> None:
    found = evaluate(samples.health(report_time=None, questions=(), processes_time=NOW + 300, processes=()))
    assert the(found, "health.running").seen == (
        "nothing is known of the health check: no word of the health check can be read; "
        "the supervisor's last sign of life is 5 min in the future (did the clock step?)"
    )


def test_a_process_that_this_version_does_not_know_is_evaluated_by_its_name() -> None:
    eyes = HelperProcess("eyes", running=False, starts=1, last_start=NOW - 60, last_end="ended with 1")
    found = evaluate(samples.health(processes=(process(), process("recorder"), eyes)))
    assert the(found, "eyes.running").seen == "the eyes does not run: it ended with 1"
