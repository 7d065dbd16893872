"""Health: what the health check beside keepalived found, and whether what runs there lives."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from exporter.engine.files import read_bounded
from exporter.engine.runtime import RuntimeFiles
from exporter.model.errors import CollectorError, ParseError
from exporter.model.observations import HealthObservation
from exporter.parsers.health_report import (
    MAXIMUM_BYTES,
    HealthReport,
    ProcessesReport,
    parse_health_report,
    parse_processes,
)
from exporter.sources.keepalived import keepalived_lives

# The check writes its report each second, the supervisor every five: three missed ones, and two of a busy machine.
OLD_REPORT_SECONDS = 5.0
OLD_PROCESSES_SECONDS = 15.0

_Report = TypeVar("_Report", HealthReport, ProcessesReport)


def is_fresh(said: float, now: float, limit: float) -> bool:
    """Whether something was said lately; what is from the future was said before the clock stepped back."""
    return abs(now - said) <= limit


class HealthCollector:
    """Reads two small files of the runtime directory anew each time; there is nothing in it that could block."""

    name = "health"

    def __init__(self, files: RuntimeFiles, clock: Callable[[], float] = time.time) -> None:
        self._files = files
        self._clock = clock

    def start(self) -> None:
        """Nothing runs in the background."""

    def stop(self) -> None:
        """Nothing runs in the background."""

    def collect(self) -> HealthObservation:
        """Read both files; nothing lives beside a dead keepalived, so what they say of then is left out."""
        if not self._files.directory.is_dir():
            msg = f"{self._files.directory} does not exist; start keepalived and share that directory with the exporter"
            raise CollectorError(msg)
        try:
            alive = keepalived_lives(self._files.lock)
        except OSError as error:
            msg = f"{self._files.lock} cannot be looked at: {error.strerror}; make it readable for the exporter"
            raise CollectorError(msg) from error
        if not alive:
            return HealthObservation(keepalived_up=False)
        problems: list[str] = []
        report = _read(self._files.health_report, parse_health_report, problems)
        said = _read(self._files.processes, parse_processes, problems)
        now = self._clock()
        return HealthObservation(
            keepalived_up=True,
            report_time=report.time if report else None,
            questions=report.questions if report and is_fresh(report.time, now, OLD_REPORT_SECONDS) else (),
            processes_time=said.time if said else None,
            processes=said.processes if said and is_fresh(said.time, now, OLD_PROCESSES_SECONDS) else (),
            problems=tuple(problems),
        )


def _read(path: Path, parse: Callable[[bytes], _Report], problems: list[str]) -> _Report | None:
    """Read one file; None when it is not there, or is of no use."""
    try:
        return parse(read_bounded(path, MAXIMUM_BYTES))
    except FileNotFoundError:
        return None
    except OSError as error:
        problems.append(f"{path} cannot be read: {error.strerror}")
    except ParseError as error:
        problems.append(f"{path} is of no use: {error}")
    return None
