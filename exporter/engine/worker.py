"""A thread that does one thing periodically and ends when told."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

log = logging.getLogger(__name__)


class Worker:
    """Call ``work`` at once and then every interval, in a thread of its own, until stopped.

    ``work`` returns the seconds until its next call; whatever it raises is logged and does not end the thread.
    It should bound its own waiting. Where a library does not, ``replace`` goes on without the thread that hangs.
    """

    def __init__(self, name: str, work: Callable[[], float]) -> None:
        self._work = work
        self._wake = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._abandoned: threading.Thread | None = None

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
        """Whether the thread that asks has been told to end or was replaced; long work should look at it."""
        return self._stopping or threading.current_thread() is self._abandoned

    def replace(self) -> bool:
        """Leave a thread that hangs in ``work`` to itself, and call ``work`` in a new one.

        False, and nothing is done, while an earlier one still hangs: what hangs for ever costs one thread, not many.
        """
        if self._stopping or (self._abandoned is not None and self._abandoned.is_alive()):
            return False
        self._abandoned = self._thread
        self._thread = threading.Thread(target=self._run, name=self._thread.name, daemon=True)
        self._thread.start()
        return True

    def stop(self, timeout: float = 2.0) -> None:
        """End the thread, waiting for the work under way for ``timeout`` seconds at most."""
        self.stop_soon()
        if self._thread.is_alive():
            self._thread.join(timeout)

    def _run(self) -> None:
        while not self.stopping:
            began = time.monotonic()
            try:
                interval = self._work()
            except Exception:
                log.exception("%s failed unexpectedly; it goes on", self._thread.name)
                interval = 5.0
            if self.stopping:
                return
            self._wake.wait(max(0.0, interval - (time.monotonic() - began)))
            self._wake.clear()
