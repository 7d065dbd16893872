"""What does the health check beside keepalived say of this node, and do it and the recorder live?

The pair is evaluated elsewhere: a node that fails its health check gives the virtual IP away, which is a warning.
"""

from __future__ import annotations

from collections.abc import Iterator

from exporter.checks import world
from exporter.checks.build import Evaluation, age
from exporter.model import pair
from exporter.model.observations import (
    Check,
    HealthObservation,
    HealthQuestion,
    HealthVerdict,
    HelperProcess,
    NodeStatus,
)
from exporter.settings.values import Settings

LATELY_SECONDS = 600.0
# The check's first report comes some moments after it was started.
STARTING_SECONDS = 5.0

CHECK = "check"
VIP = "vip"  # the question about the other node, which never holds this one back
EXPECTED_PROCESSES = (CHECK, "recorder")
# What people call a process, where its name is not enough.
_NOUNS = {CHECK: "health check", "wire": "wire watch"}
_EXPECTED = {
    "health.chain": "this node's Pi-hole and Unbound answer",
    "health.address": "{interface} has {address}",
    "health.vip": "the virtual IP answers where VRRP has it",
}
_ADVICE = {
    "health.chain": "look at the Pi-hole and Unbound containers and their logs; "
    "dig @127.0.0.1 check-0.{zone} TXT asks what the health check asks",
    "health.address": "see what it has (ip -br address show {interface}); mend its cable, its DHCP client or its "
    "static address, or correct NODE_IP and NETWORK_INTERFACE in .env",
    "health.vip": "mend what keeps the other node from receiving, or this one from reaching it: cable, switch port, "
    "firewall (nft list ruleset); the VIP goes back by itself once that node answers, and sooner if you drain this one",
}


def evaluate(status: NodeStatus, settings: Settings) -> Iterator[Check]:
    """Evaluate every question and every process; a dead keepalived has neither, and its own check."""
    seen = pair.find(status, HealthObservation)
    if seen is None or not seen.keepalived_up:
        return
    evaluation = Evaluation(status, "health")
    for question in seen.questions:
        about_world = question.name == world.QUESTION
        yield (world.evaluate_world if about_world else _question)(evaluation, question, settings)
    known = {process.name: process for process in seen.processes}
    for name in dict.fromkeys([*EXPECTED_PROCESSES, *known]):
        yield _process(evaluation, seen, name, known.get(name))


def cause(status: NodeStatus) -> str:
    """Say why keepalived holds this node back, by the health check's word; empty when that is not known."""
    seen = pair.find(status, HealthObservation)
    if seen is None or not seen.questions:
        return ""
    wrong = [one for one in seen.questions if one.verdict is not HealthVerdict.OK and one.name != VIP]
    return "; ".join(map(_problem, wrong)) or "the health check finds nothing wrong now"


def check_of_question(name: str) -> str:
    """Return the id of the check about a question."""
    return world.NAME if name == world.QUESTION else f"health.{name}"


def check_of_process(name: str) -> str:
    """Return the id of the check about a process."""
    return "health.running" if name == CHECK else f"{name}.running"


def works(seen: HealthObservation, process: HelperProcess) -> bool:
    """Whether a process runs and, where that is its work, reports."""
    return process.running and (process.name != CHECK or bool(seen.questions))


def _problem(question: HealthQuestion) -> str:
    return question.problem or f"the health check finds {question.name} {question.verdict.value}"


def _question(evaluation: Evaluation, question: HealthQuestion, settings: Settings) -> Check:
    name = check_of_question(question.name)
    node = {
        "interface": settings.network_interface,
        "address": settings.node_ip.address,
        "zone": settings.canary_zone,
    }
    expected = _EXPECTED.get(name, f"the health check finds {question.name} well").format(**node)
    advice = _ADVICE.get(name, "see what the other checks say, and docker compose logs keepalived").format(**node)
    lasts = f" (since {age(max(0.0, evaluation.status.time - question.since))})"
    if question.verdict is HealthVerdict.UNPROVED:
        return evaluation.unknown(name, f"not proved yet: {_problem(question)}{lasts}", expected, advice)
    if question.verdict is not HealthVerdict.OK:
        return evaluation.warning(name, f"{_problem(question)}{lasts}", expected, advice)
    if question.problem:  # the check could not ask or tell: what it said last still holds, for nobody knows how long
        return evaluation.warning(
            name, question.problem, expected, "make room or mend what it names; then restart keepalived if this stays"
        )
    return evaluation.ok(name, "well", expected)


def _process(evaluation: Evaluation, seen: HealthObservation, name: str, process: HelperProcess | None) -> Check:
    """Evaluate one process by the supervisor's word, and the check by its own report as well."""
    check, noun = check_of_process(name), _NOUNS.get(name, name)
    expected = f"the {noun} runs beside keepalived"
    reports = name == CHECK and bool(seen.questions)
    logs = "docker compose logs keepalived says why; "
    if process is None:
        if reports:
            return evaluation.ok(check, "the health check reports", expected)
        silence = _silence(evaluation, "supervisor", seen.processes_time)
        if name == CHECK:
            silence = f"{_silence(evaluation, noun, seen.report_time)}; {silence}"
        return evaluation.warning(
            check,
            f"nothing is known of the {noun}: {silence}",
            expected,
            "look whether /run/dnsha is full (df /run/dnsha) and keepalived's image as new as the exporter's; "
            "then restart keepalived, which hands the VIP over first",
        )
    if not process.running:
        end = f"it {process.last_end}" if process.last_end else "it was not started"
        return evaluation.warning(
            check, f"the {noun} does not run: {end}", expected, f"{logs}it is started again within a second"
        )
    now = evaluation.status.time
    ago = None if process.last_start is None else max(0.0, now - process.last_start)
    starting = ago is not None and ago < STARTING_SECONDS
    if name == CHECK and not reports and not starting:
        return evaluation.warning(
            check,
            f"the health check does not report: {_silence(evaluation, noun, seen.report_time)}",
            expected,
            "look whether /run/dnsha is full (df /run/dnsha); docker compose logs keepalived says more",
        )
    if process.starts > 1 and ago is not None and ago < LATELY_SECONDS:
        return evaluation.ended(
            check,
            f"the {noun} was started again {age(ago)} ago, {_times(process.starts - 1)} since keepalived was started: "
            f"it {process.last_end or 'ended'}",
            f"{expected} without an end",
            f"{logs}nothing else is to be done unless it comes back; this is said for {age(LATELY_SECONDS)}",
        )
    return evaluation.ok(check, f"the {noun} runs", expected)


def _silence(evaluation: Evaluation, who: str, said: float | None) -> str:
    if said is None:
        return f"no word of the {who} can be read"
    ahead = said - evaluation.status.time
    if ahead > 0:
        return f"the {who}'s last sign of life is {age(ahead)} in the future (did the clock step?)"
    return f"the {who}'s last sign of life is {age(-ahead)} ago"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
