"""Alerts that begin in the future: the clock of the Prometheus that found them is ahead of this node's.

Alertmanager takes an alert's times as they are. What such a Prometheus has ended fires here until that time has come,
also when its cause, which hid it, has long ended. The notifier of that Prometheus' own node, whose clock is the same,
tells it in time; here it is left alone for as long as such an echo can last.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import Final

from alerts.notifier.changes import SAME_OCCURRENCE_SECONDS
from alerts.notifier.payload import Alert

# Two clocks in order differ by less.
TOLERANCE_SECONDS: Final = 1.0
MAXIMUM_STARTS: Final = 5000


class FutureStarts:
    """The starts that were seen before they had come. Thread-safe."""

    def __init__(self, now: Callable[[], float] = time.time, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._now, self._monotonic = now, monotonic
        self._seen: dict[tuple[str, float], float] = {}
        self._lock = threading.Lock()

    def look(self, alerts: Iterable[Alert]) -> None:
        """Remember the starts of a post that have not come yet."""
        now, monotonic = self._now(), self._monotonic()
        with self._lock:
            for alert in alerts:
                if alert.firing and alert.starts_at > now + TOLERANCE_SECONDS:
                    self._seen.setdefault((alert.fingerprint, alert.starts_at), monotonic)
            # Until it has come, or it would be seen for the first time again and again.
            kept = [
                (start, since) for start, since in self._seen.items() if start[1] > now or _matters(since, monotonic)
            ]
            self._seen = dict(kept[-MAXIMUM_STARTS:])

    def __contains__(self, alert: Alert) -> bool:
        """Whether this start of an alert was first seen before it had come, and not long ago."""
        with self._lock:
            since = self._seen.get((alert.fingerprint, alert.starts_at))
        return since is not None and _matters(since, self._monotonic())

    def __len__(self) -> int:
        return len(self._seen)


def _matters(since: float, now: float) -> bool:
    return now - since < SAME_OCCURRENCE_SECONDS
