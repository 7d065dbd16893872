"""What is said beside keepalived: the health check's report, and the supervisor's word about its processes.

Both are written by another user than the exporter's (stack/health/report.py, stack/keepalived/supervisor.py), so they
are read as something that a stranger wrote.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from exporter.engine.files import parse_json
from exporter.model.errors import ParseError
from exporter.model.observations import HealthQuestion, HealthVerdict, HelperProcess

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
    document = _document(content, "the health check's report")
    questions = tuple(
        HealthQuestion(name, _verdict(fields, "verdict"), _text(fields, "problem"), _time(fields, "since"))
        for name, fields in _entries(document, "questions")
    )
    return HealthReport(_time(document, "time"), questions)


def parse_processes(content: bytes) -> ProcessesReport:
    """Read ``{"time", "processes": {NAME: {"running", "starts", "last_start", "last_end"}}}``.

    Raises:
        ParseError: it is cut off, of other types, or has more processes than there can be.
    """
    document = _document(content, "what the supervisor says")
    return ProcessesReport(
        _time(document, "time"), tuple(_process(name, fields) for name, fields in _entries(document, "processes"))
    )


def _process(name: str, fields: Mapping[str, Any]) -> HelperProcess:
    return HelperProcess(
        name,
        running=_boolean(fields, "running"),
        starts=_count(fields, "starts"),
        last_start=_time(fields, "last_start") or None,
        last_end=None if fields.get("last_end") is None else _text(fields, "last_end"),
    )


def _document(content: bytes, what: str) -> Mapping[str, Any]:
    document = parse_json(content, what)
    if not isinstance(document, dict):
        msg = f"{what} is not an object"
        raise ParseError(msg)
    return document


def _entries(document: Mapping[str, Any], key: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    entries = document.get(key)
    if not isinstance(entries, dict) or len(entries) > MAXIMUM_ENTRIES:
        raise _wrong(key, f"an object of at most {MAXIMUM_ENTRIES} entries")
    for name, fields in entries.items():
        if not _NAME.fullmatch(name) or not isinstance(fields, dict):
            raise _wrong(key, "an object of objects, each named by small letters")
        yield name, fields


def _verdict(fields: Mapping[str, Any], key: str) -> HealthVerdict:
    word = fields.get(key)
    if not isinstance(word, str) or word not in _VERDICTS:
        raise _wrong(key, f"one of {', '.join(_VERDICTS)}")
    return _VERDICTS[word]


def _boolean(fields: Mapping[str, Any], key: str) -> bool:
    value = fields.get(key)
    if not isinstance(value, bool):
        raise _wrong(key, "true or false")
    return value


def _count(fields: Mapping[str, Any], key: str) -> int:
    value = fields.get(key)
    if type(value) is not int or not 0 <= value < 2**53:
        raise _wrong(key, "a count")
    return value


def _text(fields: Mapping[str, Any], key: str) -> str:
    value = fields.get(key)
    if not isinstance(value, str):
        raise _wrong(key, "a text")
    printable = "".join(character if character.isprintable() else " " for character in value[:MAXIMUM_TEXT])
    return " ".join(printable.split())


def _time(fields: Mapping[str, Any], key: str) -> float:
    value = fields.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 2**53:
        raise _wrong(key, "a time")
    return float(value)


def _wrong(key: str, expected: str) -> ParseError:
    return ParseError(f"{key} is not {expected}")
