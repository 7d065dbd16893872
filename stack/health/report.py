"""What the health check found, for the exporter: one small file, written when something changes and once a second."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass

from exporter.engine.runtime import RuntimeFiles

EVERY_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Finding:
    """The answer to one of the check's questions: ``ok``, ``soft``, ``hard`` or ``unproved``, and why."""

    verdict: str
    problem: str


class HealthReporter:
    """Writes ``{"time": …, "questions": {NAME: {"verdict", "problem", "since"}}}``, times in Unix seconds."""

    def __init__(
        self,
        files: RuntimeFiles,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path = files.health_report
        self._clock = clock
        self._monotonic = monotonic
        self._last: dict[str, Finding] = {}
        self._since: dict[str, float] = {}
        self._written = float("-inf")

    def tell(self, **findings: Finding) -> None:
        """Write the report if it says something new, or the last one is a second old."""
        if findings == self._last and self._monotonic() - self._written < EVERY_SECONDS:
            return
        now = self._clock()
        for name, finding in findings.items():
            known = self._last.get(name)
            if known is None or known.verdict != finding.verdict:
                self._since[name] = now
                print(
                    f"health: {name} is {finding.verdict}{f': {finding.problem}' if finding.problem else ''}",
                    flush=True,
                )
        self._last = dict(findings)
        self._written = self._monotonic()
        questions = {
            name: {"verdict": one.verdict, "problem": one.problem, "since": self._since[name]}
            for name, one in findings.items()
        }
        document = json.dumps({"time": now, "questions": questions}).encode()
        with contextlib.suppress(OSError):  # a full tmpfs: the report grows old, which the exporter says
            unfinished = self._path.with_suffix(".new")
            unfinished.write_bytes(document)
            unfinished.replace(self._path)
