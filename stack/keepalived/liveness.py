"""Does keepalived's VRRP process still run? One that hangs keeps its addresses while the other node takes over.

A VRRP process wakes several times a second, as a master to send adverts and as a backup to receive them, and the kernel
counts that (proc_pid_status(5), ``voluntary_ctxt_switches``). One that has been quiet, as in FAULT, is asked for a
dump: a signal that it must wake for.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from stack.keepalived.dumps import accepts_signal

QUIET_SECONDS = 0.5
# One that has just been started may have no handler for the signal yet (dumps.py).
STARTING_SECONDS = 3.0
PATIENCE_SECONDS = 1.5


class Liveness:
    """Follows one process at a time. Times are seconds of a monotonic clock."""

    def __init__(self, json_signal: int) -> None:
        self._json_signal = json_signal
        self._pid = 0
        self._wakes = -1
        self._woke = 0.0
        self._asked: float | None = None

    def hangs(self, pid: int, now: float, *, paused: bool) -> bool:
        """Whether the process has not woken for two seconds although it was asked to."""
        wakes = _wakes(pid)
        if wakes is None or pid != self._pid or wakes != self._wakes or paused:
            self._woke = max(now, self._woke) if pid == self._pid else now + STARTING_SECONDS
            self._pid, self._wakes, self._asked = pid, -1 if wakes is None else wakes, None
            return False
        if self._asked is not None:
            return now - self._asked > PATIENCE_SECONDS
        if now - self._woke > QUIET_SECONDS and accepts_signal(pid, self._json_signal):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, self._json_signal)
                self._asked = now
        return False


def _wakes(pid: int) -> int | None:
    """How often it has gone to sleep of itself, so has been awake; None: there is no such process."""
    try:
        status = Path(f"/proc/{pid}/status").read_text("ascii", "replace")
    except OSError:
        return None
    return int(status.partition("\nvoluntary_ctxt_switches:")[2].split()[0])
