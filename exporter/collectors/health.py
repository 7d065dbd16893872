"""Health: what the health check beside keepalived found, and whether what runs there lives."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from exporter.collectors.reports import is_fresh, is_keepalived_alive, require_directory
from exporter.engine.files import read_bounded
from exporter.engine.runtime import RuntimeFiles
from exporter.model.errors import ParseError
from exporter.model.observations import HealthObservation
from exporter.parsers.health_report import (
    MAXIMUM_BYTES,
    HealthReport,
    ProcessesReport,
    parse_health_report,
    parse_processes,
)

# The check writes its report each second, the supervisor every five: three missed ones, and two of a busy machine.
OLD_REPORT_SECONDS = 5.0
OLD_PROCESSES_SECONDS = 15.0

_Report = TypeVar("_Report", HealthReport, ProcessesReport)


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
        require_directory(self._files)
        if not is_keepalived_alive(self._files):
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
