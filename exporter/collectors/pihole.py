"""Pi-hole: what it counts itself, whether it blocks, and how old its lists are, by its API."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path

from exporter.engine.files import read_first_line
from exporter.engine.latest import Latest
from exporter.engine.worker import Worker
from exporter.model.errors import CollectorError, ExporterError, ParseError
from exporter.model.observations import PiholeObservation, TopEntry
from exporter.parsers.pihole import TOP_COUNT, parse_blocking, parse_summary, parse_top
from exporter.sources.pihole_api import LoginError, PiholeApi

log = logging.getLogger(__name__)

INTERVAL_SECONDS = 15.0
# A refused password is tried again this late: Pi-hole takes three wrong ones a second from all of its clients together.
REFUSED_SECONDS = 60.0
TIMEOUT_SECONDS = 3.0
# For the end alone, which must not take long.
LOGOUT_SECONDS = 1.0
_TOP = {
    "domain": f"/stats/top_domains?count={TOP_COUNT}",
    "blocked": f"/stats/top_domains?blocked=true&count={TOP_COUNT}",
    "client": f"/stats/top_clients?count={TOP_COUNT}",
}


def read_password(path: Path) -> str:
    """Read an application password from the first line of a file.

    Raises:
        CollectorError: there is none.
    """
    try:
        password = read_first_line(path)
    except ParseError as error:
        raise CollectorError(f"Pi-hole's password file {error}") from None
    if not password:
        raise CollectorError(f"Pi-hole's password file {path} is empty: write PIHOLE_APP_PASSWORD into .env")
    return password


class PiholeCollector:
    """Asks in a thread of its own, in one session that ends with it; tells nothing older than two intervals."""

    name = "pihole"

    def __init__(
        self,
        url: str,
        password_file: Path,
        *,
        own: str = "127.0.0.1",
        top: bool = False,
        keep_session: bool = True,
        interval: float = INTERVAL_SECONDS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Ask the Pi-hole at ``url``; ``keep_session`` is for a process that lives until ``stop``."""
        self._api = PiholeApi(url, lambda: read_password(password_file), TIMEOUT_SECONDS, own)
        self._top = top
        self._keep_session = keep_session
        self._interval = interval
        self._clock = clock
        self._latest: Latest[PiholeObservation] = Latest("Pi-hole", 2 * interval + 5 * TIMEOUT_SECONDS)
        self._worker = Worker("pihole", self._work)

    def start(self) -> None:
        """Begin to ask."""
        self._worker.start()

    def stop(self) -> None:
        """Ask no more, and give the session back."""
        self._worker.stop(LOGOUT_SECONDS)
        self._log_out()

    def collect(self) -> PiholeObservation:
        """Tell what it said last.

        Raises:
            NotReadyError: it has not been asked yet.
            CollectorError: it does not answer, or not well.
        """
        return self._latest.get()

    def _work(self) -> float:
        latest, problem, pause = None, None, self._interval
        try:
            latest = self._ask()
        except LoginError as error:
            problem, pause = str(error), max(self._interval, REFUSED_SECONDS)
        except ExporterError as error:
            problem = str(error)
        if not self._keep_session:
            self._log_out()
        self._latest.put(latest, problem)
        return pause

    def _ask(self) -> PiholeObservation:
        summary = parse_summary(self._api.get("/stats/summary"))
        blocking = parse_blocking(self._api.get("/dns/blocking"))
        top: tuple[TopEntry, ...] = ()
        if self._top:
            top = tuple(entry for kind, path in _TOP.items() for entry in parse_top(self._api.get(path), kind))
        return PiholeObservation(
            blocking=blocking.enabled,
            blocking_change=None if blocking.timer is None else self._clock() + blocking.timer,
            gravity_domains=summary.gravity_domains,
            gravity_time=summary.gravity_time,
            queries=summary.queries,
            blocked=summary.blocked,
            cached=summary.cached,
            forwarded=summary.forwarded,
            queries_by_type=summary.queries_by_type,
            replies=summary.replies,
            queries_per_second=summary.queries_per_second,
            domains=summary.domains,
            active_clients=summary.active_clients,
            known_clients=summary.known_clients,
            top=top,
        )

    def _log_out(self) -> None:
        try:
            self._api.log_out(LOGOUT_SECONDS)
        except CollectorError as error:
            log.info("%s", error)
