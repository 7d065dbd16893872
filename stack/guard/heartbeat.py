"""Take the virtual IPs off this node while everything beside keepalived is frozen, and keepalived with it.

A frozen container (cgroup freezer, SIGSTOP of all its processes) keeps its lock and its addresses, while the other node
takes over for want of adverts: two owners, which nothing inside the container can end. Its processes touch one file
several times a second (stack/keepalived/supervisor.py), each of them, so that a single one that is stopped means
nothing. Only that the file's time changes counts, by this process's own monotonic clock: nobody's time of day matters,
and touching a file needs no space where the directory is full.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

from exporter.engine.runtime import RuntimeFiles
from exporter.sources.keepalived import keepalived_lives
from stack.guard.log import say

# The other node takes over after a quarter of a second; a pause of a busy machine is shorter than this.
SILENT_SECONDS = 2.5
POLL_SECONDS = 0.25


class GuardHeartbeat:
    """Follows the signs of life; ``remove`` is called once for each silence. Times are seconds of a monotonic clock."""

    def __init__(
        self,
        files: RuntimeFiles,
        remove: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._files = files
        self._remove = remove
        self._clock = clock
        self._touched: int | None = None
        self._changed = self._looked = clock()
        self._removed = False

    def start(self) -> None:
        """Begin, in a thread of its own."""
        threading.Thread(target=self._run, name="heartbeat", daemon=True).start()

    def poll(self) -> None:
        """Look once: at the file, and only after a silence at keepalived's lock."""
        now = self._clock()
        paused = now - self._looked > 4 * POLL_SECONDS  # this process was not run either: silence means nothing
        self._looked = now
        touched = _touched(self._files.heartbeat)
        if touched != self._touched or touched is None or paused:
            if self._removed and touched != self._touched:
                say("keepalived's container gives signs of life again")
            self._touched, self._changed, self._removed = touched, now, False
        elif not self._removed and now - self._changed >= SILENT_SECONDS and _is_held(self._files.lock):
            self._removed = True
            self._remove(f"keepalived's container has given no sign of life for {SILENT_SECONDS:g} s (is it frozen?)")

    def _run(self) -> None:
        while True:
            self.poll()
            time.sleep(POLL_SECONDS)


def _touched(file: Path) -> int | None:
    """When it was touched last, by whatever clock; None for a keepalived that gives no signs (an older version)."""
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return None


def _is_held(lock: Path) -> bool:
    """Whether a keepalived process exists; a dead one is seen elsewhere (guard.py)."""
    try:
        return keepalived_lives(lock)
    except OSError:
        return False
