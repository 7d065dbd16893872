"""A thread that does one thing periodically and ends when told."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

log = logging.getLogger(__name__)


class Worker:
    """Call ``work`` at once and then every interval, in a thread of its own, until stopped.

    ``work`` returns the seconds until its next call. It must bound its own waiting; whatever it
    raises is logged and does not end the thread.
    """

    def __init__(self, name: str, work: Callable[[], float]) -> None:
        self._work = work
        self._wake = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """Call ``work`` now instead of at the end of the interval."""
        self._wake.set()

    def stop_soon(self) -> None:
        """Tell the thread to end without waiting for it."""
        self._stopping = True
        self._wake.set()

    @property
    def stopping(self) -> bool:
        """Whether the worker has been told to end; long work should look at it."""
        return self._stopping

    def stop(self, timeout: float = 2.0) -> None:
        """End the thread, waiting for the work under way for ``timeout`` seconds at most."""
        self.stop_soon()
        if self._thread.is_alive():
            self._thread.join(timeout)

    def _run(self) -> None:
        while not self._stopping:
            began = time.monotonic()
            try:
                interval = self._work()
            except Exception:
                log.exception("%s failed unexpectedly; it goes on", self._thread.name)
                interval = 5.0
            self._wake.wait(max(0.0, interval - (time.monotonic() - began)))
            self._wake.clear()
