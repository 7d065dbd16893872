"""Firewall: whether the stack's own table is loaded, by the service that looks after it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from exporter.collectors.reports import read_report
from exporter.model.errors import CollectorError
from exporter.model.observations import FirewallObservation
from exporter.parsers.firewall import parse_firewall

# It is written every five seconds: room for a busy machine.
OLD_REPORT_SECONDS = 50.0
_REPORT_BYTES = 16 << 10
_ADVICE = "docker compose up -d firewall starts it, docker compose logs firewall says more"


class FirewallCollector:
    """Reads one small file of the runtime directory anew each time; there is nothing in it that could block."""

    name = "firewall"

    def __init__(self, report: Path, clock: Callable[[], float] = time.time) -> None:
        self._path = report
        self._clock = clock

    def start(self) -> None:
        """Nothing runs in the background."""

    def stop(self) -> None:
        """Nothing runs in the background."""

    def collect(self) -> FirewallObservation:
        """Read what is said of the table; what is old is not repeated.

        Raises:
            CollectorError: nobody has said anything lately, or what is said is of no use.
        """
        missing = f": the firewall's service has not run since the boot; {_ADVICE}"
        report = read_report(self._path, parse_firewall, _REPORT_BYTES, missing)
        silent = abs(self._clock() - report.time)
        if silent > OLD_REPORT_SECONDS and not report.problem:
            msg = f"nothing has been said of the firewall for {silent:.0f} s; {_ADVICE}"
            raise CollectorError(msg)
        return FirewallObservation(report.time, report.state, report.problem, report.closed)
