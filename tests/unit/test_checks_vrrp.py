"""Is this node ready to own the virtual IP?"""

from __future__ import annotations

import pytest

from alerts import thresholds
from exporter import checks
from exporter.checks import vrrp
from exporter.checks.vrrp import AGREEMENT_SECONDS
from exporter.model.observations import (
    HealthObservation,
    HealthQuestion,
    HealthVerdict,
    Status,
    VipObservation,
    VrrpEvent,
    VrrpState,
)
from tests.unit import samples
from tests.unit.evaluating import evaluate, the, verdicts
from tests.unit.samples import NOW, VIP, VIP_6, absent_vip, instance, process, question, vip

OK, WARNING, CRITICAL, UNKNOWN = Status.OK, Status.WARNING, Status.CRITICAL, Status.UNKNOWN
SOFT, HARD = HealthVerdict.SOFT, HealthVerdict.HARD


def test_keepalived_that_does_not_run_is_a_warning_and_all_there_is_to_say() -> None:
    found = evaluate(samples.vrrp(instance(state=VrrpState.STOPPED), keepalived_up=False, keepalived_version=None))
    assert [(check.id, check.status) for check in found] == [("keepalived.running", WARNING)]


def test_keepalived_that_runs_is_well_whether_its_version_is_known_or_not() -> None:
    assert the(evaluate(samples.vrrp()), "keepalived.running").seen == "keepalived 2.3.3 runs"
    found = evaluate(samples.vrrp(keepalived_version=None))
    assert the(found, "keepalived.running").seen == "keepalived runs"


@pytest.mark.parametrize("state", list(VrrpState))
def test_master_and_backup_are_well_and_every_other_state_is_a_warning(state: VrrpState) -> None:
    one = the(evaluate(samples.vrrp(instance(state=state))), "vrrp.state")
    assert one.subject == "VI_1"
    assert one.status is (OK if state in (VrrpState.MASTER, VrrpState.BACKUP) else WARNING)


def test_a_drained_node_is_a_warning_and_its_low_priority_is_none() -> None:
    found = evaluate(samples.vrrp(instance(effective_priority=150), drained=True))
    assert the(found, "node.drained").status is WARNING
    assert verdicts(found, "vrrp.priority") == {}


def test_a_lowered_priority_is_a_warning_with_both_numbers() -> None:
    one = the(evaluate(samples.vrrp(instance(effective_priority=190))), "vrrp.priority")
    assert (one.status, one.subject, one.expected) == (WARNING, "VI_1", "priority 250")
    assert one.seen == "VI_1 has priority 190 instead of 250"


UNBOUND_SILENT = "Pi-hole did not answer within 0.25 s; Unbound did not answer within 0.25 s"
ADDRESS_MISSING = "eth0 does not have this node's own address 192.0.2.11"


@pytest.mark.parametrize(
    ("health", "cause"),
    [
        (samples.health(question(verdict=SOFT, problem=UNBOUND_SILENT), question("address")), f": {UNBOUND_SILENT}"),
        (
            samples.health(question(verdict=SOFT, problem="a"), question("world", verdict=HARD, problem="b")),
            ": a; b",
        ),
        (samples.health(question("world", verdict=HARD)), ": the health check finds world hard"),
        (samples.health(), ": the health check finds nothing wrong now"),
        (samples.health(questions=()), ""),  # it is silent, so nobody knows
    ],
)
def test_a_lowered_priority_has_its_cause_from_the_health_check(health: HealthObservation, cause: str) -> None:
    one = the(evaluate(samples.vrrp(instance(effective_priority=190)), health), "vrrp.priority")
    assert one.seen == f"VI_1 has priority 190 instead of 250{cause}"


@pytest.mark.parametrize(
    ("seen", "cause"),
    [
        (question("address", verdict=HARD, problem=ADDRESS_MISSING), ADDRESS_MISSING),
        (
            question(verdict=HARD, problem="Pi-hole refuses questions: nothing listens there"),
            "Pi-hole refuses questions: nothing listens there",
        ),
        (question(), "the health check finds nothing wrong now"),
    ],
)
def test_a_fault_has_its_cause_from_the_health_check(seen: HealthQuestion, cause: str) -> None:
    one = the(evaluate(samples.vrrp(instance(state=VrrpState.FAULT)), samples.health(seen)), "vrrp.state")
    assert (one.status, one.seen) == (WARNING, f"VI_1 is in state fault: {cause}")


def test_a_fault_that_nobody_explains_is_told_all_the_same() -> None:
    one = the(evaluate(samples.vrrp(instance(state=VrrpState.FAULT))), "vrrp.state")
    assert one.seen == "VI_1 is in state fault"


def test_a_state_that_is_not_fault_is_not_explained_by_the_health_check() -> None:
    missing = samples.health(question("address", verdict=HARD, problem=ADDRESS_MISSING))
    one = the(evaluate(samples.vrrp(instance(state=VrrpState.INIT)), missing), "vrrp.state")
    assert one.seen == "VI_1 is in state init"


@pytest.mark.parametrize("seen", [samples.vips(), samples.vips(absent_vip(), absent_vip(VIP_6))])
def test_a_state_that_nobody_records_is_unknown_and_compared_with_nothing(seen: VipObservation) -> None:
    """Whatever the kernel has: the last state that was known says nothing against its owner."""
    found = evaluate(seen, samples.vrrp(instance(state=None, effective_priority=None)))
    one = the(found, "vrrp.state")
    assert (one.status, one.subject) == (UNKNOWN, "VI_1")
    assert one.seen == "the state of VI_1 is not known: keepalived's recorder does not tell it now"
    assert verdicts(found, "vrrp.agreement") == verdicts(found, "vrrp.priority") == {}


def test_a_dead_recorder_on_a_healthy_pair_is_named_as_such_and_no_fault_of_vrrp() -> None:
    dead = process("recorder", running=False, last_end="was killed by SIGKILL")
    found = evaluate(
        samples.vips(),
        samples.vrrp(instance(state=None, effective_priority=None)),
        samples.health(processes=(process(), dead)),
        samples.resolve(),
        samples.peer(),
    )
    assert checks.worst(found) is WARNING
    assert next(one.seen for one in checks.wrong(found)) == "the recorder does not run: it was killed by SIGKILL"
    assert {one.id for one in checks.wrong(found)} == {"recorder.running", "vrrp.state"}


@pytest.mark.parametrize("owned", [True, False])
def test_no_advice_takes_the_address_off_its_owner(owned: bool) -> None:
    seen = samples.vips() if owned else samples.vips(absent_vip())
    state = VrrpState.BACKUP if owned else VrrpState.MASTER
    one = the(evaluate(seen, samples.vrrp(instance(state=state))), "vrrp.agreement")
    assert one.status is CRITICAL
    assert "address del" not in one.advice
    assert one.advice.startswith("look ")


@pytest.mark.parametrize("effective", [250, 251])
def test_a_priority_that_is_not_lowered_is_well(effective: int) -> None:
    assert the(evaluate(samples.vrrp(instance(effective_priority=effective))), "vrrp.priority").status is OK


@pytest.mark.parametrize("unknown", ["effective_priority", "base_priority"])
def test_a_priority_that_is_not_known_is_no_check(unknown: str) -> None:
    assert verdicts(evaluate(samples.vrrp(instance(**{unknown: None}))), "vrrp.priority") == {}


def test_a_master_without_the_address_is_critical_and_names_what_is_missing() -> None:
    one = the(evaluate(samples.vips(vip(), absent_vip(VIP_6)), samples.vrrp()), "vrrp.agreement")
    assert (one.status, one.seen) == (CRITICAL, f"keepalived is master, but the kernel does not have {VIP_6}")


def test_a_backup_with_the_address_is_critical() -> None:
    found = evaluate(samples.vips(vip(), absent_vip(VIP_6)), samples.vrrp(instance(state=VrrpState.BACKUP)))
    one = the(found, "vrrp.agreement")
    assert (one.status, one.seen) == (CRITICAL, f"keepalived is backup, but the kernel has {VIP}")


def test_keepalived_and_kernel_that_agree_are_well() -> None:
    assert the(evaluate(samples.vips(), samples.vrrp()), "vrrp.agreement").status is OK
    standby = evaluate(samples.vips(absent_vip()), samples.vrrp(instance(state=VrrpState.BACKUP)))
    assert the(standby, "vrrp.agreement").status is OK


@pytest.mark.parametrize("ago", [0.0, AGREEMENT_SECONDS * 0.9])
def test_a_change_of_just_now_arrives_by_two_ways_and_is_given_time(ago: float) -> None:
    late_kernel = evaluate(samples.vips(absent_vip()), samples.vrrp(instance(last_transition=NOW - ago)))
    late_log = evaluate(samples.vips(absent_vip(last_transition=NOW - ago)), samples.vrrp())
    assert verdicts(late_kernel, "vrrp.agreement") == verdicts(late_log, "vrrp.agreement") == {}


def test_a_change_in_the_future_by_a_clock_that_stepped_back_hides_nothing() -> None:
    found = evaluate(samples.vips(absent_vip(last_transition=NOW + 3600)), samples.vrrp())
    assert the(found, "vrrp.agreement").status is CRITICAL


def test_with_several_instances_nobody_knows_which_address_is_whose() -> None:
    found = evaluate(samples.vips(absent_vip()), samples.vrrp(instance(), instance(name="VI_2")))
    assert verdicts(found, "vrrp.agreement") == {}
    assert verdicts(found, "vrrp.state") == {"VI_1": OK, "VI_2": OK}


def test_without_the_kernel_s_word_there_is_nothing_to_compare() -> None:
    assert verdicts(evaluate(samples.vrrp()), "vrrp.agreement") == {}


def moves(*ages: float, name: str = "VI_1", word: str = "MASTER") -> tuple[VrrpEvent, ...]:
    """What the event log tells of moves so many seconds ago, the oldest first."""
    return tuple(VrrpEvent(NOW - seconds, f'INSTANCE "{name}" {word} 250') for seconds in ages)


def test_moves_that_each_healed_are_told_when_there_were_many() -> None:
    """The other node's keepalived stood still for 0.3 s, again and again."""
    one = the(evaluate(samples.vrrp(recent_events=moves(290, 200, 90, 60, 2))), "vrrp.flapping")
    assert (one.status, one.subject) == (WARNING, "VI_1")
    assert one.seen == "VI_1 became master here 5 times in 5 min"


@pytest.mark.parametrize(
    "events",
    [
        moves(290, 200, 90, 60),
        moves(310, 200, 90, 60, 2),
        moves(290, 200, 90, 60, 2, word="BACKUP"),
        moves(290, 200, 90, 60, 2, word="MASTER_PRIORITY"),
        moves(290, 200, 90, 60, 2, name="VI_10"),
    ],
)
def test_a_few_moves_or_other_events_are_no_flapping(events: tuple[VrrpEvent, ...]) -> None:
    assert verdicts(evaluate(samples.vrrp(recent_events=events)), "vrrp.flapping") == {}


def test_moves_of_before_keepalived_was_started_are_no_flapping() -> None:
    flapped = samples.vrrp(recent_events=moves(290, 200, 90, 60, 2), last_start=NOW - 100)
    assert verdicts(evaluate(flapped), "vrrp.flapping") == {}


def test_flapping_means_what_the_alert_means_by_it() -> None:
    assert vrrp.FLAPPING_MOVES == thresholds.FLAPPING_MOVES
    assert f"{vrrp.FLAPPING_SECONDS / 60:g}m" == thresholds.FLAPPING_WINDOW
