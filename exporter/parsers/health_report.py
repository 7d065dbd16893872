"""What is said beside keepalived: the health check's report, and the supervisor's word about its processes.

Both are written by another user than the exporter's (stack/health/report.py, stack/keepalived/supervisor.py), so they
are read as something that a stranger wrote.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from exporter.model.observations import HealthQuestion, HealthVerdict, HelperProcess
from exporter.parsers.fields import Fields, parse_object

MAXIMUM_BYTES = 64 << 10
MAXIMUM_ENTRIES = 8  # each is some series
MAXIMUM_TEXT = 600  # a cause and its remedy (stack/health/diagnosis.py)
_NAME = re.compile(r"[a-z][a-z_]{0,31}")
_VERDICTS = {verdict.value: verdict for verdict in HealthVerdict}


@dataclass(frozen=True, slots=True)
class HealthReport:
    """The health check's answers to its questions; ``time`` is Unix seconds."""

    time: float
    questions: tuple[HealthQuestion, ...]


@dataclass(frozen=True, slots=True)
class ProcessesReport:
    """The processes beside keepalived; ``time`` is Unix seconds."""

    time: float
    processes: tuple[HelperProcess, ...]


def parse_health_report(content: bytes) -> HealthReport:
    """Read ``{"time", "questions": {NAME: {"verdict", "problem", "since"}}}``.

    Raises:
        ParseError: it is cut off, of other types, or has more questions than there can be.
    """
    report = parse_object(content, "the health check's report")
    questions = report.object("questions", MAXIMUM_ENTRIES, _NAME)
    return HealthReport(
        report.seconds("time"), tuple(_question(name, questions.object(name)) for name in questions.values)
    )


def parse_processes(content: bytes) -> ProcessesReport:
    """Read ``{"time", "processes": {NAME: {"running", "starts", "last_start", "last_end"}}}``.

    Raises:
        ParseError: it is cut off, of other types, or has more processes than there can be.
    """
    report = parse_object(content, "what the supervisor says")
    processes = report.object("processes", MAXIMUM_ENTRIES, _NAME)
    return ProcessesReport(
        report.seconds("time"), tuple(_process(name, processes.object(name)) for name in processes.values)
    )


def _question(name: str, fields: Fields) -> HealthQuestion:
    return HealthQuestion(
        name, fields.one_of("verdict", _VERDICTS), fields.excerpt("problem", MAXIMUM_TEXT), fields.seconds("since")
    )


def _process(name: str, fields: Fields) -> HelperProcess:
    return HelperProcess(
        name,
        running=fields.flag("running"),
        starts=fields.count("starts"),
        last_start=fields.seconds("last_start") or None,
        last_end=fields.excerpt("last_end", MAXIMUM_TEXT) if fields.has("last_end") else None,
    )
