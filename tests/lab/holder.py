"""A holder: the process whose network, mount and UTS namespaces *are* one host of the lab."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Sequence
from pathlib import Path

from . import processes
from .errors import CommandError, LabError
from .namespaces import nsenter

_ENTER = ("net", "mount", "uts")
_COMMAND_SECONDS = 10.0


class Holder:
    """Namespaces kept alive by one sleeping process."""

    def __init__(self, name: str, prepare: Sequence[Sequence[str]] = ()) -> None:
        """Make the namespaces: own /run, own host name, loopback up; then run the ``prepare`` commands inside.

        Raises:
            LabError: one of the commands failed.
        """
        self.name = name
        steps = [
            ["hostname", name],
            ["mount", "-t", "tmpfs", "-o", "mode=755,size=128m", "tmpfs", "/run"],
            ["ip", "link", "set", "lo", "up"],
            *prepare,
            ["echo", "ready"],
            ["exec", "sleep", "infinity"],
        ]
        script = "\n".join(["set -eu", *map(shlex.join, steps)])
        self._process = subprocess.Popen(
            ["unshare", "--net", "--mount", "--uts", "--", "sh", "-c", script],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self._process.stdout is not None
        if self._process.stdout.readline().strip() != "ready":
            _, complaint = self._process.communicate()
            message = f"{name}: the namespaces could not be made: {complaint.strip()}"
            raise LabError(message)
        self.network_namespace = str(Path(f"/proc/{self.pid}/ns/net").readlink())

    @property
    def pid(self) -> int:
        """The holder's process, by which /proc shows the namespaces."""
        return self._process.pid

    def command(self, argv: Sequence[str]) -> list[str]:
        """The command line that runs ``argv`` inside."""
        return [*nsenter(self.pid, *_ENTER), *argv]

    def run(self, *argv: str, stdin: str = "") -> str:
        """Run a short command inside; return what it printed.

        Raises:
            CommandError: it failed, or took longer than 10 s.
        """
        try:
            done = subprocess.run(
                self.command(argv), input=stdin, capture_output=True, text=True, check=True, timeout=_COMMAND_SECONDS
            )
        except subprocess.CalledProcessError as error:
            message = f"{self.name}: {shlex.join(argv)} exited {error.returncode}: {error.stderr.strip()}"
            raise CommandError(message) from error
        except subprocess.TimeoutExpired as error:
            message = f"{self.name}: {shlex.join(argv)} took longer than {_COMMAND_SECONDS:g} s"
            raise CommandError(message) from error
        return done.stdout

    def path(self, inside: str | Path) -> Path:
        """The path by which a process outside reaches a file of this host, its private /run for instance."""
        return Path(f"/proc/{self.pid}/root") / str(inside).lstrip("/")

    def destroy(self) -> None:
        """SIGKILL every process inside, the holder too; the kernel then frees the namespaces."""
        processes.kill_all_in(self.network_namespace)
        self._process.wait()
        for stream in (self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()
