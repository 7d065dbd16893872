"""Pass the heartbeat of Alertmanager on to a service outside, which tells when it stops."""

from __future__ import annotations

import logging
import threading
import time
import urllib.error
import urllib.request
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Final, Literal

from alerts.notifier.metrics import Metrics

log = logging.getLogger(__name__)

Beat = Literal["passed", "failed", "too_soon", "not_configured"]
# Alertmanager comes once a minute; more often than this nobody needs it.
PAUSE_SECONDS: Final = 20.0
ANSWER_SECONDS: Final = 5.0
# The name of the service may take longer to resolve than any time-out of the connection says.
OVERALL_SECONDS: Final = 8.0


class Heartbeat:
    """Calls one URL, at most once at a time."""

    def __init__(self, url: str, metrics: Metrics) -> None:
        self._url = url
        self._metrics = metrics
        self._lock = threading.Lock()
        self._last: float | None = None
        self._under_way: Future[bool] | None = None
        for result in ("passed", "failed", "too_soon", "not_configured"):
            metrics.heartbeats.labels(result)

    def beat(self) -> Beat:
        """Pass one on."""
        result = self._beat()
        self._metrics.heartbeats.labels(result).inc()
        return result

    def _beat(self) -> Beat:
        if not self._url:
            return "not_configured"
        with self._lock:
            if self._last is not None and time.monotonic() - self._last < PAUSE_SECONDS:
                return "too_soon"
            call = self._under_way
            if call is None or call.done():
                call = self._under_way = Future()
                try:
                    threading.Thread(target=self._call, args=(call,), name="heartbeat", daemon=True).start()
                except RuntimeError:  # no thread to be had; the next beat tries again
                    call.set_result(False)
        try:
            well = call.result(OVERALL_SECONDS)
        except FutureTimeoutError:
            log.warning("the heartbeat has been under way for %.0f s; can names be resolved?", OVERALL_SECONDS)
            well = False
        return "passed" if well else "failed"

    def _call(self, call: Future[bool]) -> None:
        well = False
        try:
            request = urllib.request.Request(self._url, headers={"User-Agent": "dns-ha"})  # noqa: S310 (settings allow http only)
            with urllib.request.urlopen(request, timeout=ANSWER_SECONDS):  # noqa: S310
                well = True
        except urllib.error.HTTPError as error:
            log.warning("HEARTBEAT_URL answered with status %d", error.code)
            error.close()
        except Exception as error:  # noqa: BLE001 (its text may hold the URL)
            reason = getattr(error, "reason", error)
            log.warning("HEARTBEAT_URL was not reached (%s)", type(reason).__name__)
        finally:
            if well:
                self._last = time.monotonic()
                self._metrics.last_heartbeat.set_to_current_time()
            call.set_result(well)
