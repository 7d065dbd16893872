"""One daemon on one host: started with its namespaces, log and environment, stopped in every way a daemon can end."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from . import processes
from .errors import NoAnswerError, ServiceError
from .plan import REPOSITORY
from .waiting import wait_for

if TYPE_CHECKING:
    from .host import Host

BASE_ENVIRONMENT: Mapping[str, str] = MappingProxyType(
    {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "LANG": "C.UTF-8",
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),  # where this Python found its packages
    }
)
_TAIL_LINES = 15


@dataclass(frozen=True, slots=True)
class Daemon:
    """How one kind of daemon is run on a given host.

    ``ready`` is asked until it returns true; it may raise ``OSError`` or ``NoAnswerError`` for "not yet".
    """

    name: str
    argv: tuple[str, ...]
    ready: Callable[[Host], bool]
    environment: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    directory: Path = REPOSITORY


class Service:
    """A daemon on a host. Its output is appended to one log file across restarts."""

    def __init__(self, host: Host, daemon: Daemon, log: Path) -> None:
        self.daemon = daemon
        self.log = log
        self._host = host
        self._process: subprocess.Popen[bytes] | None = None

    def __repr__(self) -> str:
        return f"{self.daemon.name} on {self._host.place.name}"

    @property
    def running(self) -> bool:
        """Whether the daemon's main process lives (a paused one does)."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The daemon's main process.

        Raises:
            ServiceError: it is not running.
        """
        if self._process is None or self._process.poll() is not None:
            message = f"{self!r} is not running"
            raise ServiceError(message)
        return self._process.pid

    def launch(self) -> None:
        """Start the daemon without waiting until it is ready; nothing happens when it runs already."""
        if self.running:
            return
        # Not nsenter's own --wd: its directory would belong to the mounts outside.
        argv = ["env", f"--chdir={self.daemon.directory}", *self._host.clock_environment, *self.daemon.argv]
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._host.command(argv),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**BASE_ENVIRONMENT, **self.daemon.environment},
                start_new_session=True,
            )

    def wait_ready(self, timeout: float = 10.0) -> None:
        """Wait until the daemon says it is ready.

        Raises:
            ServiceError: it ended, or was not ready in ``timeout`` seconds; with the end of its log.
        """
        deadline = time.monotonic() + timeout
        while True:
            if not self.running:
                status = self._process.returncode if self._process else None
                raise ServiceError(self._with_log(f"{self!r} ended by itself (status {status})"))
            try:
                if self.daemon.ready(self._host):
                    return
            except (OSError, NoAnswerError):
                pass
            if time.monotonic() > deadline:
                raise ServiceError(self._with_log(f"{self!r} was not ready in {timeout:g} s"))
            time.sleep(0.02)

    def start(self, timeout: float = 10.0) -> None:
        """Start the daemon and wait until it is ready; raises as :meth:`wait_ready` does."""
        self.launch()
        self.wait_ready(timeout)

    def terminate(self) -> None:
        """Ask the daemon to end (SIGTERM), without waiting."""
        with contextlib.suppress(ServiceError):  # it does not run, or no more
            self.send(signal.SIGTERM)

    def stop(self, timeout: float = 10.0) -> None:
        """End the daemon gracefully: SIGTERM, then wait.

        Raises:
            ServiceError: it was still there after ``timeout`` seconds; it has then been killed.
        """
        self.terminate()
        if self._process is None:
            return
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise ServiceError(self._with_log(f"{self!r} did not stop on SIGTERM in {timeout:g} s")) from None

    def kill(self) -> None:
        """SIGKILL the daemon and all its descendants at once, as the end of a container does."""
        if self._process is None or self._process.poll() is not None:
            return
        pids = processes.tree(self._process.pid)
        processes.kill_tree(self._process.pid)
        self._process.wait()
        wait_for(f"the end of {self!r}", lambda: not any(map(processes.alive, pids)))

    def pause(self) -> None:
        """Freeze the daemon and its descendants (SIGSTOP)."""
        for pid in processes.tree(self.pid):
            processes.send(pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let a frozen daemon run on (SIGCONT)."""
        for pid in reversed(processes.tree(self.pid)):
            processes.send(pid, signal.SIGCONT)

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the daemon's main process alone."""
        processes.send(self.pid, number)

    def log_tail(self, lines: int = _TAIL_LINES) -> str:
        """The last lines that the daemon wrote."""
        try:
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        except FileNotFoundError:
            return "(no log)"

    def _with_log(self, message: str) -> str:
        return f"{message}; the end of {self.log.relative_to(REPOSITORY)}:\n{self.log_tail()}"
