"""Adverts: what the filter beside keepalived keeps from it."""

from __future__ import annotations

import time
from collections.abc import Callable

from exporter.engine.files import read_bounded
from exporter.engine.runtime import RuntimeFiles
from exporter.model.errors import CollectorError, ParseError
from exporter.model.observations import AdvertFilterObservation
from exporter.parsers.advert_filter import parse_advert_filter
from exporter.sources.keepalived import keepalived_lives

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
        path = self._files.advert_filter
        try:
            if not keepalived_lives(self._files.lock):
                return AdvertFilterObservation(keepalived_up=False)
            report = parse_advert_filter(read_bounded(path, _REPORT_BYTES))
        except FileNotFoundError:
            msg = f"{path} does not exist; run a keepalived image as new as the exporter's"
            raise CollectorError(msg) from None
        except OSError as error:
            msg = f"{error.filename} cannot be read: {error.strerror}"
            raise CollectorError(msg) from error
        except ParseError as error:
            msg = f"{path} is of no use: {error}"
            raise CollectorError(msg) from error
        fresh = abs(self._clock() - report.time) <= OLD_REPORT_SECONDS
        return AdvertFilterObservation(
            keepalived_up=True,
            report_time=report.time,
            problem=report.problem if fresh else None,
            dropped=report.dropped if fresh else {},
            last_dropped=report.last_dropped if fresh else {},
        )
