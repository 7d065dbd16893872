"""Given the record of a round, then the oracle sees what was wrong in it, and nothing where all was well."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.chaos import counters
from tests.chaos.minimise import minimise
from tests.chaos.oracle import Violation, broken, judge, of_once
from tests.chaos.outages import Outages, longest
from tests.chaos.plan import Draw, Step, draw, read, write
from tests.chaos.process_table import ProcessTable
from tests.chaos.rules import GRACE, HEALED, all_rules
from tests.chaos.timeline import NODE_IPS, VIPS, Entry, moments

END = 100.0
PROGRAMS = ("unbound", "dnsmasq", "supervisor", "keepalived", "vrrp", "guard", "exporter")
OK: dict[str, Any] = {"status": "ok", "state": None, "troubles": []}


def programs(*dead: str, stopped: tuple[str, ...] = ()) -> dict[str, tuple[int, bool]]:
    return {name: (number, name not in stopped) for number, name in enumerate(PROGRAMS, 10) if name not in dead}


def said(status: str, *troubles: list[str], state: str | None = None) -> dict[str, Any]:
    return {"status": status, "state": state, "troubles": list(troubles)}


def advertising(node: str, begin: float, end: float) -> list[Entry]:
    mac, priority = {"alpha": ("02:00:00:00:00:0b", 250), "beta": ("02:00:00:00:00:0c", 240)}[node]
    return [
        (tenth / 10, "advert", "", [mac, NODE_IPS[node], priority]) for tenth in range(int(begin * 10), int(end * 10))
    ]


def healthy(advertise_until: float = END) -> list[Entry]:
    """A pair that is well all the time, alpha its owner."""
    record = advertising("alpha", 0.0, advertise_until)
    for node, address in NODE_IPS.items():
        record += [
            (0.0, "on", node, True),
            (0.0, "address", node, [address, True]),
            (0.0, "carrier", node, ["eth0", True]),
            (0.0, "programs", node, programs()),
            (0.0, "said", node, said("ok", state="master" if node == "alpha" else "backup")),
        ]
    record += [(0.0, "address", "alpha", [vip, True]) for vip in VIPS]
    record += [(float(second), "answered", vip, True) for vip in VIPS for second in range(100)]
    return record


def with_(*entries: Entry) -> list[Entry]:
    return [*healthy(), *entries]


def unanswered(begin: float, end: float, *vips: str) -> list[Entry]:
    """Nobody answers the client in that time."""
    answers = [(float(second), "answered", vip, not begin <= second < end) for vip in vips for second in range(100)]
    return [entry for entry in healthy() if not (entry[1] == "answered" and entry[2] in vips)] + answers


def evaluated(record: list[Entry]) -> set[tuple[str, str]]:
    return {(violation.rule, violation.subject) for violation in judge(record, begin=0.0, quiet=END, end=END)}


def rules_of(record: list[Entry]) -> set[str]:
    return {rule for rule, _ in evaluated(record)}


def test_a_pair_that_is_well_breaks_nothing() -> None:
    assert judge(healthy(), begin=0.0, quiet=0.0, end=END) == []


def test_two_owners_that_hear_each_other_are_seen() -> None:
    record = with_((10.0, "address", "beta", [VIPS[0], True]), (30.0, "address", "beta", [VIPS[0], False]))
    assert ("one owner", VIPS[0]) in evaluated(record)
    assert ("one owner", VIPS[1]) not in evaluated(record)


def test_two_owners_for_the_moment_of_a_move_are_none() -> None:
    record = with_((10.0, "address", "beta", [VIPS[0], True]), (10.4, "address", "beta", [VIPS[0], False]))
    assert judge(record, begin=0.0, quiet=END, end=END) == []


def test_two_owners_that_cannot_hear_each_other_must_only_be_told() -> None:
    split = [
        (9.0, "drops", "", ["vrrp alpha>beta", "vrrp beta>alpha"]),
        (10.0, "address", "beta", [VIPS[0], True]),
        (30.0, "address", "beta", [VIPS[0], False]),
        (31.0, "drops", "", []),
    ]
    assert rules_of(with_(*split)) == {"tells of two owners"}
    sentence = f"alpha and beta both own {VIPS[0]}"
    told = [
        entry
        for node in NODE_IPS
        for entry in (
            (11.0, "said", node, said("critical", ["vip.split_brain", node, "critical", sentence])),
            (31.0, "said", node, OK),
        )
    ]
    assert rules_of(with_(*split, *told)) == set()


def test_nobody_who_owns_the_vip_is_seen_though_the_client_is_answered() -> None:
    record = with_((10.0, "address", "alpha", [VIPS[1], False]), (30.0, "address", "alpha", [VIPS[1], True]))
    assert ("an owner", VIPS[1]) in evaluated(record)


def test_a_vip_held_by_a_dead_keepalived_is_seen_unless_the_guard_ended_too() -> None:
    dead = programs("supervisor", "keepalived", "vrrp")
    back = (30.0, "programs", "alpha", programs())
    assert ("no VIP without keepalived", "alpha") in evaluated(with_((10.0, "programs", "alpha", dead), back))
    both = [(10.0, "programs", "alpha", programs("supervisor", "keepalived", "vrrp", "guard")), back]
    assert ("no VIP without keepalived", "alpha") in evaluated(with_(*both))
    ended = [(9.0, "faults", "", [["kill-guard", "alpha"]]), (30.0, "faults", "", [])]
    assert ("no VIP without keepalived", "alpha") not in evaluated(with_(*both, *ended))


def test_clients_without_answers_are_seen_and_an_ok_meanwhile_too() -> None:
    assert evaluated(unanswered(10.0, 30.0, VIPS[0])) == {
        ("clients are served", VIPS[0]),
        ("never ok while clients get nothing", f"alpha about {VIPS[0]}"),
        ("never ok while clients get nothing", f"beta about {VIPS[0]}"),
    }


def test_clients_without_answers_are_nobodys_fault_when_no_node_could_serve() -> None:
    record = [
        *unanswered(10.0, 30.0, *VIPS),
        *((10.0, "programs", node, programs("dnsmasq")) for node in NODE_IPS),
        *((10.5, "said", node, said("critical", ["resolve.pihole", node, "warning", "refused"])) for node in NODE_IPS),
        *((30.0, "programs", node, programs()) for node in NODE_IPS),
        *((31.0, "said", node, OK) for node in NODE_IPS),
    ]
    assert evaluated(record) == set()


def test_a_critical_verdict_on_a_healthy_pair_is_seen() -> None:
    critical = said("critical", ["vip.owner", "beta", "critical", "nobody owns it"])
    record = with_((10.0, "said", "beta", critical), (30.0, "said", "beta", OK))
    assert evaluated(record) == {("never critical on a healthy pair", "beta")}


def test_a_state_that_is_not_the_wires_is_seen() -> None:
    rule = "the state told is that on the wire"
    assert (rule, "alpha") in evaluated([*healthy(advertise_until=50.0)])
    assert (rule, "alpha") not in evaluated([*healthy(advertise_until=98.0)])
    assert (rule, "beta") in evaluated(with_(*advertising("beta", 20.0, 40.0)))
    unknown = (20.0, "said", "beta", said("unknown", state=None))
    assert (rule, "beta") not in evaluated(with_(*advertising("beta", 20.0, 40.0), unknown))


def test_an_exporter_that_runs_and_is_silent_is_seen() -> None:
    record = with_((10.0, "said", "alpha", None), (30.0, "said", "alpha", OK))
    assert ("an exporter that runs answers", "alpha") in evaluated(record)


@pytest.mark.parametrize(
    ("record", "rule"),
    [
        ([(10.0, "programs", "beta", programs("supervisor", "keepalived", "vrrp"))], "tells of a dead keepalived"),
        ([(10.0, "programs", "beta", programs("dnsmasq"))], "tells of a dead Pi-hole"),
        ([(10.0, "programs", "beta", programs(stopped=("unbound",)))], "tells of a dead Unbound"),
        ([(10.0, "address", "beta", [NODE_IPS["beta"], False])], "tells of a lost address"),
        ([(10.0, "faults", "", [["drain", "beta"]])], "tells of a drained node"),
        ([(10.0, "programs", "beta", programs("exporter"))], "tells of a silent peer"),
        ([(10.0, "faults", "", [["clock-step", "beta"]])], "tells of a wrong clock"),
        ([(10.0, "faults", "", [["forged-adverts", "beta"]])], "tells of dropped adverts"),
        ([(10.0, "faults", "", [["foreign-vip", "beta"]])], "tells of a foreign owner"),
        ([(10.0, "faults", "", [["full-runtime", "beta"]])], "tells of a full runtime directory"),
        ([(10.0, "faults", "", [["kill-recorder", "beta"]])], "tells of a helper that died"),
        ([(10.0, "address", "alpha", [vip, False]) for vip in VIPS], "tells that nobody owns"),
    ],
)
def test_what_is_not_told_is_seen(record: list[Entry], rule: str) -> None:
    assert rule in rules_of(with_(*record))


def test_every_rule_has_a_grace_and_every_grace_a_rule_and_a_reason() -> None:
    assert {rule.name for rule in all_rules()} == set(GRACE)
    assert all(grace.why and grace.seconds > 0 for grace in (*GRACE.values(), HEALED))


def test_a_machine_that_stood_still_makes_patience_longer() -> None:
    (rule,) = (one for one in all_rules() if (one.name, one.subject) == ("one owner", VIPS[0]))
    record = with_((10.0, "address", "beta", [VIPS[0], True]), (13.0, "address", "beta", [VIPS[0], False]))
    assert broken(rule, moments(record), [], begin=0.0, end=END)
    assert not broken(rule, moments(record), [(10.5, 11.5)], begin=0.0, end=END)
    assert broken(rule, moments(record), [(20.0, 30.0)], begin=0.0, end=END)


def test_a_move_on_a_healed_pair_is_seen_unless_the_machine_stood_still() -> None:
    moves: list[Entry] = [(60.0, "address", "alpha", [VIPS[0], False]), (60.1, "address", "alpha", [VIPS[0], True])]

    def rules(*more: Entry, quiet: float) -> set[str]:
        return {violation.rule for violation in judge(with_(*moves, *more), begin=0.0, quiet=quiet, end=END)}

    assert rules(quiet=59.0) == {"nothing moves on a healed pair"}
    assert rules(quiet=61.0) == set()
    assert rules((59.5, "stall", "", 0.3), quiet=59.0) == set()


def test_what_is_still_wrong_after_all_is_healed_is_seen() -> None:
    warning = said("warning", ["resolve.answered_by", "alpha", "warning", "beta answered"])
    assert rules_of(with_((99.0, "said", "alpha", warning))) == {"a healed pair is well"}
    lately = said("warning", ["recorder.running", "alpha", "warning", "the recorder was started again 5 s ago"])
    assert rules_of(with_((99.0, "said", "alpha", lately))) == set()
    assert rules_of(with_(*((99.0, "address", "alpha", [vip, False]) for vip in VIPS))) == {"a healed pair is well"}


@pytest.mark.parametrize(("code", "status", "agrees"), [(0, "ok", True), (1, "warning", True), (0, "warning", False)])
def test_the_exit_code_of_once_is_its_verdict(code: int, status: str, agrees: bool) -> None:
    assert (not of_once("alpha", code, status, END)) == agrees


def counted(**values: float) -> dict[str, float]:
    names = {
        "fault": 'dnsha_vrrp_transitions_total{vrrp_instance="VI_1",state="fault"}',
        "master": 'dnsha_vrrp_transitions_total{vrrp_instance="VI_1",state="master"}',
        "backup": 'dnsha_vrrp_transitions_total{vrrp_instance="VI_1",state="backup"}',
        "released": f'dnsha_vip_releases_total{{vip="{VIPS[0]}",family="ipv4"}}',
        "acquired": f'dnsha_vip_acquisitions_total{{vip="{VIPS[0]}",family="ipv4"}}',
        "queries": 'dnsha_resolve_queries_total{target="vip"}',
    }
    return {names[name]: value for name, value in values.items()}


def test_a_counter_that_goes_back_is_seen_and_a_restart_excuses_only_its_own() -> None:
    def back(*between: Entry) -> list[Violation]:
        before = (10.0, "counters", "alpha", counted(master=3, queries=50))
        return counters.going_back(with_(before, *between, (20.0, "counters", "alpha", counted(master=2, queries=4))))

    assert len(back()) == 2
    restarted = {**programs(), "exporter": (99, True)}
    assert [v.seen for v in back((15.0, "programs", "alpha", restarted))] == [
        'dnsha_vrrp_transitions_total{vrrp_instance="VI_1",state="master"} went from 3 to 2'
    ]
    assert back((15.0, "on", "alpha", False), (16.0, "on", "alpha", True)) == []


def differences(values: Mapping[str, float], log: str, *more: Entry, lost: int = 0) -> list[str]:
    """What is found when alpha, counting from nothing, at last counts this, and keepalived has logged that."""
    first = (2.0, "counters", "alpha", counted(master=0, backup=0, acquired=0))
    record = with_(first, *more, (90.0, "counters", "alpha", counted(**values)))
    return [v.rule for v in counters.differing(record, {"alpha": log}, lost={"alpha": lost}, end=END)]


def test_uncounted_transitions_are_seen_unless_the_recorder_could_not_keep_them() -> None:
    log = "(VI_1) Entering BACKUP STATE (init)\n(VI_1) Entering MASTER STATE\n"
    assert differences({"backup": 1, "master": 1}, log) == []
    assert differences({"backup": 1, "master": 2}, log) == ["transitions are those of keepalived's log"]
    begun = "(VI_1): entering FAULT state (tracked file chain_hard has status -254)\n(VI_1) entering FAULT state\n"
    assert differences({"backup": 1, "master": 1, "fault": 1}, begun + log) == []
    assert differences({"backup": 1, "master": 0}, log) == ["transitions are those of keepalived's log"]
    assert differences({"backup": 1, "master": 0}, log, lost=1) == []
    assert differences({"backup": 1, "master": 2}, log, lost=1) == ["transitions are those of keepalived's log"]


def test_moves_that_were_not_counted_are_seen_and_fewer_excused_after_a_restart() -> None:
    there, gone = [VIPS[0], True], [VIPS[0], False]
    moves: list[Entry] = [(20.0, "address", "alpha", gone), (30.0, "address", "alpha", there)]
    assert differences({"acquired": 1, "released": 1}, "", *moves) == []
    assert differences({"acquired": 2, "released": 1}, "", *moves) == ["moves are those of the kernel"]
    assert differences({"acquired": 0, "released": 0}, "", *moves) == ["moves are those of the kernel"] * 2
    restarts: list[Entry] = [
        (15.0, "programs", "alpha", programs("exporter")),
        (25.0, "programs", "alpha", {**programs(), "exporter": (99, True)}),
    ]
    assert differences({"acquired": 0, "released": 0}, "", *moves, *restarts) == []
    assert differences({"acquired": 2, "released": 1}, "", *moves, *restarts) == ["moves are those of the kernel"]


def test_a_sequence_is_shortened_to_what_makes_it_fail() -> None:
    asked: list[tuple[int, ...]] = []

    def fails(items: tuple[int, ...]) -> bool:
        asked.append(items)
        return {3, 11} <= set(items)

    assert minimise(range(12), fails, runs=100)[0] == (3, 11)
    shortest, used = minimise(range(12), fails, runs=3)
    assert used == 3
    assert fails(shortest)


def test_the_same_seed_draws_the_same_steps_and_they_can_be_written_and_read() -> None:
    faults = {"a": Draw((1.0, 2.0)), "b": Draw((0.5, 9.0), (1.0, -1.0))}
    drawn = [draw(f"seed/{number}", faults) for number in range(20)]
    assert drawn == [draw(f"seed/{number}", faults) for number in range(20)]
    assert len(set(drawn)) == 20
    assert all(read(write(steps)) == steps for steps in drawn)
    assert {step.fault for steps in drawn for step in steps} == {"a", "b"}


def test_an_outage_is_blamed_on_a_fault_that_was_alone() -> None:
    alone, one, other = (Step(at, "kill-dnsmasq", "alpha", 1.0) for at in (1.0, 20.0, 22.0))
    answers = [(n / 10, not 1.05 <= n / 10 <= 1.35) for n in range(400)]
    outages = Outages()
    outages.add([alone, one, other], {alone: True, one: True, other: False}, answers)
    assert outages.rows() == [{"fault": "kill-dnsmasq on the owner", "median": 0.4, "max": 0.4, "n": 1}]
    assert longest([(0.0, True), (0.1, True)]) == 0.0
    assert longest([(0.0, True), (0.5, False), (2.0, False)]) == 2.0


def test_the_process_table_tells_stopped_running_and_dead_programs_apart() -> None:
    namespaces = {str(Path("/proc/self/ns/net").readlink()): "alpha"}
    table = ProcessTable()
    with subprocess.Popen(["stack.guard.guard", "60"], executable="/bin/sleep") as standin_guard:
        assert table.look(namespaces)["alpha"]["guard"] == (standin_guard.pid, True)
        standin_guard.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, standin_guard.pid, os.WSTOPPED)
        assert table.look(namespaces)["alpha"]["guard"] == (standin_guard.pid, False)
        standin_guard.kill()
    assert "guard" not in table.look(namespaces)["alpha"]


def test_the_oracle_shares_no_code_with_what_it_judges() -> None:
    modules = (
        "oracle counters rules timeline outages minimise plan observer process_table rtnetlink capture exporter_watch"
    )
    imports = ", ".join(f"tests.chaos.{name}" for name in modules.split())
    program = (
        f"import sys, {imports}\n"
        "print([name for name in sys.modules if name.partition('.')[0] in ('exporter', 'stack', 'pyroute2')])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout.strip() == "[]"
