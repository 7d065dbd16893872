"""The health check, and what runs beside keepalived."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class HealthVerdict(Enum):
    """The health check's answer to one of its questions (stack/health)."""

    OK = "ok"
    SOFT = "soft"  # it gives no good answers: keepalived lowers this node's priority
    HARD = "hard"  # it cannot serve at all: keepalived goes to FAULT
    UNPROVED = "unproved"  # not known yet


@dataclass(frozen=True, slots=True)
class HealthQuestion:
    """One question of the health check; ``problem`` is a sentence, empty when all is well."""

    name: str
    verdict: HealthVerdict
    problem: str
    since: float


@dataclass(frozen=True, slots=True)
class HelperProcess:
    """A process beside keepalived; ``last_end`` continues "it": ``was killed by SIGKILL``."""

    name: str
    running: bool
    starts: int  # since keepalived was started
    last_start: float | None
    last_end: str | None


@dataclass(frozen=True, slots=True)
class HealthObservation:
    """What the health check found, and what runs beside keepalived.

    ``questions`` and ``processes`` are empty when what was said last, at ``report_time`` and ``processes_time``, is too
    old to be repeated. ``problems`` says what could not be read.
    """

    keepalived_up: bool
    report_time: float | None = None
    questions: tuple[HealthQuestion, ...] = ()
    processes_time: float | None = None
    processes: tuple[HelperProcess, ...] = ()
    problems: tuple[str, ...] = ()
