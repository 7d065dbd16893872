"""Keepalived's JSON dumps: asked for by a signal, published whole and without passwords.

On the signal keepalived writes ``$TMPDIR/keepalived.json``, up to 2.4.3 not atomically.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path

from exporter.engine.files import write_atomically

INTERVAL_SECONDS = 5.0
RETRY_SECONDS = 0.5
TIMEOUT_SECONDS = 1.0
POLL_SECONDS = 0.005
SETTLE_SECONDS = 0.05  # after a change, before the dump that shows it


class Dumps:
    """Asks one keepalived for a dump every few seconds, and soon after a change.

    It never waits for one: the times of the recorder's events are those at which they are read. One that has just been
    started is asked once it has announced something: its VRRP process has the parent's handler for a moment, then none
    until it has its own, and the signal would end it meanwhile (exit status 128 + 36, seen on a busy machine).
    """

    def __init__(self, keepalived: int, json_signal: int, source: Path, target: Path, *, started_now: bool) -> None:
        self._keepalived = keepalived
        self._json_signal = json_signal
        self._source = source
        self._target = target
        self._next = time.monotonic() + (INTERVAL_SECONDS if started_now else SETTLE_SECONDS)
        self._deadline: float | None = None  # set while a dump has been asked for

    @property
    def wait(self) -> float:
        """The seconds until ``look`` has something to do."""
        return max(0.0, self._next - time.monotonic()) if self._deadline is None else POLL_SECONDS

    def ask_soon(self) -> None:
        """Something has changed."""
        self._next = min(self._next, time.monotonic() + SETTLE_SECONDS)

    def poll(self) -> None:
        """Publish the dump that was asked for, or ask for the next one, when it is time."""
        now = time.monotonic()
        if self._deadline is not None:
            if self._published():
                self._deadline = None
            elif now >= self._deadline:
                self._deadline, self._next = None, now + RETRY_SECONDS
        elif now >= self._next:
            asked = request_dump(self._keepalived, self._json_signal, self._source)
            self._deadline = now + TIMEOUT_SECONDS if asked else None
            self._next = now + (INTERVAL_SECONDS if asked else RETRY_SECONDS)

    def _published(self) -> bool:
        try:
            return publish_dump(self._source, self._target)
        except OSError:  # a full tmpfs: the dump that is there grows old, which the exporter says
            return False


def accepts_signal(process: int, signal_number: int) -> bool:
    """Whether a process blocks or catches a signal (proc(5)): before it does, the signal would end it."""
    try:
        status = Path(f"/proc/{process}/status").read_text("ascii", "replace")
    except OSError:
        return False
    masks = [line.split()[1] for line in status.splitlines() if line.startswith(("SigBlk:", "SigCgt:"))]
    return any(int(mask, 16) >> (signal_number - 1) & 1 for mask in masks)


def request_dump(keepalived: int, signal_number: int, source: Path) -> bool:
    """Ask keepalived for a JSON dump; say whether it could be asked."""
    if not accepts_signal(keepalived, signal_number):
        return False
    source.unlink(missing_ok=True)
    try:
        os.kill(keepalived, signal_number)
    except ProcessLookupError:
        return False
    return True


def publish_dump(source: Path, target: Path) -> bool:
    """Publish the dump that was asked for if it is complete by now, without passwords; say whether it was."""
    try:
        document = json.loads(source.read_bytes())
    except (FileNotFoundError, ValueError):
        return False
    instances = document.get("vrrp") if isinstance(document, dict) else document
    for instance in instances if isinstance(instances, list) else ():
        if isinstance(instance, dict) and isinstance(instance.get("data"), dict):
            instance["data"].pop("auth_data", None)
    write_atomically(target, json.dumps(document).encode())
    return True


def json_signal() -> int:
    """The signal by which keepalived is asked for a dump; it differs from build to build.

    Raises:
        OSError, subprocess.SubprocessError: keepalived does not say.
    """
    asked = subprocess.run(["keepalived", "--signum=JSON"], capture_output=True, text=True, timeout=10, check=True)
    return int(asked.stdout)
