"""What is said beside keepalived, as it is written there, and as something that a stranger wrote."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.engine.runtime import RuntimeFiles
from exporter.model.errors import ParseError
from exporter.model.observations import HealthQuestion, HealthVerdict, HelperProcess
from exporter.parsers.health_report import (
    MAXIMUM_ENTRIES,
    MAXIMUM_TEXT,
    HealthReport,
    ProcessesReport,
    parse_health_report,
    parse_processes,
)
from stack.health.report import Finding, HealthReporter
from stack.keepalived.supervisor import Helper, publish
from tests.unit.hostile import NOT_QUITE_JSON, documents_like, json_values

NOW = 1_700_000_000.0
MISSING = "eth0 does not have this node's own address 192.0.2.11"
REPORT: dict[str, Any] = {
    "time": NOW,
    "questions": {
        "chain": {"verdict": "ok", "problem": "", "since": NOW - 60},
        "address": {"verdict": "hard", "problem": MISSING, "since": NOW - 3},
    },
}
PROCESSES: dict[str, Any] = {
    "time": NOW,
    "processes": {
        "check": {"running": True, "starts": 3, "last_start": NOW - 5, "last_end": "gave no sign of life for 2 s"},
        "recorder": {"running": False, "starts": 0, "last_start": 0.0, "last_end": None},
    },
}


def with_question(**changes: Any) -> bytes:
    question = {**REPORT["questions"]["chain"], **changes}
    return json.dumps({**REPORT, "questions": {"chain": question}}).encode()


def with_process(**changes: Any) -> bytes:
    process = {**PROCESSES["processes"]["check"], **changes}
    return json.dumps({**PROCESSES, "processes": {"check": process}}).encode()


def test_a_report_is_read() -> None:
    assert parse_health_report(json.dumps(REPORT).encode()) == HealthReport(
        NOW,
        (
            HealthQuestion("chain", HealthVerdict.OK, "", NOW - 60),
            HealthQuestion("address", HealthVerdict.HARD, MISSING, NOW - 3),
        ),
    )


def test_a_process_that_the_supervisor_never_started_has_no_start() -> None:
    assert parse_processes(json.dumps(PROCESSES).encode()) == ProcessesReport(
        NOW,
        (
            HelperProcess("check", True, 3, NOW - 5, "gave no sign of life for 2 s"),
            HelperProcess("recorder", False, 0, None, None),
        ),
    )


def test_a_question_of_a_later_version_is_read_by_its_name() -> None:
    later = {**REPORT, "questions": {"world": {"verdict": "unproved", "problem": "x", "since": NOW, "more": 1}}}
    assert parse_health_report(json.dumps(later).encode()).questions == (
        HealthQuestion("world", HealthVerdict.UNPROVED, "x", NOW),
    )


def test_the_health_check_s_own_report_is_understood(tmp_path: Path) -> None:
    files = RuntimeFiles(tmp_path)
    files.health.mkdir()
    HealthReporter(files, clock=lambda: NOW).tell(chain=Finding("soft", "Pi-hole is late"), address=Finding("ok", ""))
    assert parse_health_report(files.health_report.read_bytes()) == HealthReport(
        NOW,
        (
            HealthQuestion("chain", HealthVerdict.SOFT, "Pi-hole is late", NOW),
            HealthQuestion("address", HealthVerdict.OK, "", NOW),
        ),
    )


def test_the_supervisor_s_own_word_is_understood(tmp_path: Path) -> None:
    def never(beat: Callable[[], None], first: bool) -> None:
        raise AssertionError(beat, first)

    files = RuntimeFiles(tmp_path)
    publish([Helper("check", never, starts=2, last_start=NOW, last_end="was killed by SIGKILL")], files)
    assert parse_processes(files.processes.read_bytes()).processes == (
        HelperProcess("check", False, 2, NOW, "was killed by SIGKILL"),
    )


def test_a_text_is_cut_and_made_harmless() -> None:
    (seen,) = parse_health_report(with_question(problem="\x1b[2J\n" + "x " * 10_000)).questions
    assert seen.problem.startswith("[2J x x")
    assert len(seen.problem) <= MAXIMUM_TEXT
    (process,) = parse_processes(with_process(last_end="\x07ended\u202e with 1")).processes
    assert process.last_end == "ended with 1"


@pytest.mark.parametrize(
    "change",
    [
        {"verdict": "fine"},
        {"verdict": None},
        {"verdict": ["ok"]},
        {"problem": None},
        {"problem": 5},
        {"since": None},
        {"since": True},
        {"since": -1},
        {"since": "now"},
        {"since": 10**400},
    ],
    ids=str,
)
def test_a_question_of_other_types_is_refused_by_the_name_of_its_field(change: dict[str, Any]) -> None:
    with pytest.raises(ParseError, match=next(iter(change))):
        parse_health_report(with_question(**change))


@pytest.mark.parametrize(
    "change",
    [
        {"running": 1},
        {"running": None},
        {"starts": True},
        {"starts": -1},
        {"starts": 2.0},
        {"starts": 2**53},
        {"last_start": None},
        {"last_start": "x"},
        {"last_end": 9},
        {"last_end": ["was killed"]},
    ],
    ids=str,
)
def test_a_process_of_other_types_is_refused_by_the_name_of_its_field(change: dict[str, Any]) -> None:
    with pytest.raises(ParseError, match=next(iter(change))):
        parse_processes(with_process(**change))


@pytest.mark.parametrize("name", ["", "Chain", "a b", 'a"', "a\n", "β", "x" * 33, "../x", "1"])
def test_a_name_that_would_be_no_good_label_is_refused(name: str) -> None:
    entry = REPORT["questions"]["chain"]
    with pytest.raises(ParseError, match="questions"):
        parse_health_report(json.dumps({**REPORT, "questions": {name: entry}}).encode())


def test_more_entries_than_there_can_be_would_be_as_many_series() -> None:
    entry = REPORT["questions"]["chain"]
    many = {f"q{'x' * index}": entry for index in range(MAXIMUM_ENTRIES + 1)}
    with pytest.raises(ParseError, match=f"at most {MAXIMUM_ENTRIES}"):
        parse_health_report(json.dumps({**REPORT, "questions": many}).encode())


@pytest.mark.parametrize("parse", [parse_health_report, parse_processes])
@pytest.mark.parametrize("content", [*NOT_QUITE_JSON, b"[]", b'"ok"', b"null", b"0", b"{}"], ids=lambda c: repr(c[:20]))
def test_what_is_no_report_is_refused(parse: Callable[[bytes], object], content: bytes) -> None:
    with pytest.raises(ParseError):
        parse(content)


@pytest.mark.parametrize("end", range(0, len(json.dumps(REPORT)), 7))
def test_a_half_written_report_is_refused(end: int) -> None:
    with pytest.raises(ParseError):
        parse_health_report(json.dumps(REPORT).encode()[:end])


@given(st.binary(max_size=100) | json_values.map(lambda v: json.dumps(v).encode()) | documents_like(REPORT))
def test_any_report_at_all_is_read_or_refused(content: bytes) -> None:
    try:
        seen = parse_health_report(content)
    except ParseError:
        return
    assert 0 <= seen.time < 2**53
    assert len(seen.questions) <= MAXIMUM_ENTRIES
    assert all(one.problem.isprintable() and len(one.problem) <= MAXIMUM_TEXT for one in seen.questions)


@given(st.binary(max_size=100) | json_values.map(lambda v: json.dumps(v).encode()) | documents_like(PROCESSES))
def test_any_word_of_the_supervisor_at_all_is_read_or_refused(content: bytes) -> None:
    try:
        seen = parse_processes(content)
    except ParseError:
        return
    assert 0 <= seen.time < 2**53
    assert len(seen.processes) <= MAXIMUM_ENTRIES
    assert all(one.starts >= 0 for one in seen.processes)
