"""Adverts: what the filter beside keepalived keeps from it."""

from __future__ import annotations

import time
from collections.abc import Callable

from exporter.collectors.reports import is_fresh, is_keepalived_alive, read_report
from exporter.engine.runtime import RuntimeFiles
from exporter.model.observations import AdvertFilterObservation
from exporter.parsers.advert_filter import parse_advert_filter

# The table is looked at every fifteen seconds: three missed looks, and five seconds of a busy machine.
OLD_REPORT_SECONDS = 50.0
_REPORT_BYTES = 16 << 10


class AdvertFilterCollector:
    """Reads one small file of the runtime directory anew each time; there is nothing in it that could block."""

    name = "adverts"

    def __init__(self, files: RuntimeFiles, clock: Callable[[], float] = time.time) -> None:
        self._files = files
        self._clock = clock

    def start(self) -> None:
        """Nothing runs in the background."""

    def stop(self) -> None:
        """Nothing runs in the background."""

    def collect(self) -> AdvertFilterObservation:
        """Read what is said of the filter; a dead keepalived has none, and what is old is not repeated.

        Raises:
            CollectorError: there is no such file, or it is of no use.
        """
        if not is_keepalived_alive(self._files):
            return AdvertFilterObservation(keepalived_up=False)
        report = read_report(self._files.advert_filter, parse_advert_filter, _REPORT_BYTES)
        fresh = is_fresh(report.time, self._clock(), OLD_REPORT_SECONDS)
        return AdvertFilterObservation(
            keepalived_up=True,
            report_time=report.time,
            problem=report.problem if fresh else None,
            dropped=report.dropped if fresh else {},
            last_dropped=report.last_dropped if fresh else {},
        )
