"""DHCP: which node serves, what it knows of, and who else serves, by the service that follows the virtual IP."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from exporter.collectors.reports import is_fresh, read_report
from exporter.model.errors import CollectorError
from exporter.model.observations import DhcpObservation
from exporter.parsers.dhcp import parse_dhcp

# It is written every five seconds: room for a busy machine.
OLD_REPORT_SECONDS = 50.0
_REPORT_BYTES = 16 << 10
_ADVICE = "docker compose up -d dhcp starts it, docker compose logs dhcp says more"


class DhcpCollector:
    """Reads one small file of the runtime directory anew each time; there is nothing in it that could block."""

    name = "dhcp"

    def __init__(self, report: Path, clock: Callable[[], float] = time.time) -> None:
        self._path = report
        self._clock = clock

    def start(self) -> None:
        """Nothing runs in the background."""

    def stop(self) -> None:
        """Nothing runs in the background."""

    def collect(self) -> DhcpObservation:
        """Read what is said; what is old is not repeated.

        Raises:
            CollectorError: nobody has said anything lately, or what is said is of no use.
        """
        report = read_report(
            self._path, parse_dhcp, _REPORT_BYTES, f": the DHCP service has not run since the boot; {_ADVICE}"
        )
        now = self._clock()
        if not is_fresh(report.report_time, now, OLD_REPORT_SECONDS):
            msg = f"nothing has been said of DHCP for {abs(now - report.report_time):.0f} s; {_ADVICE}"
            raise CollectorError(msg)
        return report
