"""Conflict: what the wire watch beside keepalived found on the LAN (stack/keepalived/wire).

It looks there and not here, because listening to the LAN needs a capability that keepalived has anyway.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from exporter.collectors.reports import is_fresh, is_keepalived_alive, read_report
from exporter.engine.runtime import RuntimeFiles
from exporter.model.errors import CollectorError
from exporter.model.observations import ConflictObservation
from exporter.parsers.wire_report import MAXIMUM_BYTES, parse_wire_report

# The watch writes every second: three missed ones, and two of a busy machine.
OLD_REPORT_SECONDS = 5.0


class ConflictCollector:
    """Reads one small file of the runtime directory anew each time; there is nothing in it that could block."""

    name = "conflict"

    def __init__(self, files: RuntimeFiles, clock: Callable[[], float] = time.time) -> None:
        self._files = files
        self._clock = clock

    def start(self) -> None:
        """Nothing runs in the background."""

    def stop(self) -> None:
        """Nothing runs in the background."""

    def collect(self) -> ConflictObservation:
        """Read what was found; nobody looks beside a dead keepalived.

        Raises:
            CollectorError: there is no report, it is old or of no use, or the wire cannot be watched.
        """
        if not is_keepalived_alive(self._files):
            return ConflictObservation(keepalived_up=False)
        report = read_report(self._files.wire, parse_wire_report, MAXIMUM_BYTES)
        now = self._clock()
        if not is_fresh(report.time, now, OLD_REPORT_SECONDS):
            msg = (
                f"the wire watch beside keepalived said something last {abs(now - report.time):.0f} s ago; "
                "look whether /run/dnsha is full (df /run/dnsha), and at docker compose logs keepalived"
            )
            raise CollectorError(msg)
        if report.problem:
            raise CollectorError(report.problem)
        return ConflictObservation(
            keepalived_up=True,
            conflicts=report.conflicts,
            advertisements=report.advertisements,
            advertisers=report.advertisers,
            announcements=report.announcements,
            dropped_frames=report.dropped,
        )
