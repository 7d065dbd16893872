"""One Docker Engine, private to its caller: it and all its containers are gone when it is killed.

dockerd is the first process of a PID namespace, so the kernel ends containerd, shims and containers with it, as a
power cut would; its mounts live in a mount namespace of its own.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from tests.lab.errors import CommandError, LabError
from tests.lab.waiting import wait_for

from . import tools

_START_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 60.0
_OPTIONS: Final = ("--bridge=none", "--iptables=false", "--ip6tables=false", "--storage-driver=overlay2")


class Engine:
    """A dockerd that can be started, asked by the ``docker`` command, stopped and killed."""

    def __init__(
        self, data: Path, *, socket: str = "", prefix: Sequence[str] = (), cgroup: str = "", resolver: str = ""
    ) -> None:
        """Describe it.

        Args:
            data: where images, containers and volumes are kept; they outlive the engine.
            socket: the path of its socket, as processes behind ``prefix`` see it; empty for one of its own.
            prefix: the command line that enters the namespaces to run in; none for this process's own.
            cgroup: the parent of its containers' control groups.
            resolver: the address of the DNS server in its containers' resolv.conf; empty for the machine's own.
        """
        self.data = data
        # Short: a UNIX socket's path has 107 bytes at most, and containerd's are deep below.
        self._state = Path(tempfile.mkdtemp(prefix="dnsha-"))
        self._socket = socket or str(self._state / "docker.sock")
        self._prefix = list(prefix)
        self._cgroup = cgroup
        self._settings = {"dns": [resolver]} if resolver else {}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        """Whether dockerd runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def log(self) -> Path:
        """Dockerd's log."""
        return self.data.with_suffix(".log")

    def launch(self) -> None:
        """Start dockerd, without waiting until it answers."""
        self.data.mkdir(parents=True, exist_ok=True)
        (self._state / "daemon.json").write_text(json.dumps(self._settings))  # or else it reads the machine's
        command = [
            *("setpriv", "--pdeathsig", "KILL", "--", *self._prefix),
            *("unshare", "--fork", "--kill-child", "--pid", "--mount-proc", "--mount", "--"),
            # As systemd leaves it: `rslave` volumes need it. The namespace was private when it was made.
            *("sh", "-c", 'mount --make-rshared / && exec "$@"', "dockerd"),
            *("dockerd", "--config-file", str(self._state / "daemon.json"), "--host", f"unix://{self._socket}"),
            *("--data-root", str(self.data), "--exec-root", str(self._state / "exec")),
            *("--pidfile", str(self._state / "pid"), *_OPTIONS),
            *(["--cgroup-parent", self._cgroup] if self._cgroup else []),
        ]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def wait_ready(self) -> None:
        """Wait until it answers.

        Raises:
            LabError: it ended, or does not answer; the message ends with its log.
        """

        def answers() -> bool:
            if not self.running:
                message = f"dockerd ended:\n{self.log.read_text(errors='replace')[-3000:]}"
                raise LabError(message)
            with contextlib.suppress(CommandError):
                self.docker("version", timeout=10.0)
                return True
            return False

        wait_for("dockerd to answer", answers, timeout=_START_SECONDS, every=0.1)
        # The disk itself, for quotas that nobody here sets: whoever copies the work tree would copy the disk.
        (self.data / "volumes" / "backingFsBlockDev").unlink(missing_ok=True)

    def start(self) -> None:
        """Start it and wait until it answers."""
        self.launch()
        self.wait_ready()

    def stop(self) -> None:
        """End it in good order: its containers are stopped first, and start with it again."""
        if self._process is not None and self.running:
            os.kill(self.pid, signal.SIGTERM)
            self._process.wait(_STOP_SECONDS)
        self._clear()

    def kill(self) -> None:
        """SIGKILL it; the kernel ends everything that it started, before this returns."""
        if self._process is not None and self.running:
            with contextlib.suppress(IndexError, ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            try:
                self._process.wait(10.0)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._clear()

    def close(self) -> None:
        """Kill it and forget its state; its data stay."""
        self.kill()
        shutil.rmtree(self._state, ignore_errors=True)

    @property
    def pid(self) -> int:
        """The process id of dockerd, as this process sees it."""
        assert self._process is not None
        children: list[int] = [self._process.pid]
        # nsenter and setpriv become unshare, whose only child is dockerd.
        listed = Path(f"/proc/{children[0]}/task/{children[0]}/children").read_text().split()
        return int(listed[0])

    def environment(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """The environment of a docker command for this engine."""
        return {**tools.environment(), "DOCKER_HOST": f"unix://{self._socket}", **(more or {})}

    def command(self, *arguments: str, directory: Path = Path("/")) -> list[str]:
        """The command line of a docker command for this engine."""
        return [*self._prefix, "env", f"--chdir={directory}", "docker", *arguments]

    def docker(
        self,
        *arguments: str,
        timeout: float = 120.0,
        stdin: bytes = b"",
        environment: Mapping[str, str] | None = None,
        directory: Path = Path("/"),
    ) -> str:
        """Run a docker command; return what it printed.

        Raises:
            CommandError: it failed, or took longer than ``timeout`` seconds.
        """
        try:
            done = subprocess.run(
                self.command(*arguments, directory=directory),
                env=self.environment(environment),
                input=stdin,
                capture_output=True,
                timeout=timeout,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            message = f"docker {shlex.join(arguments)} took longer than {timeout:g} s"
            raise CommandError(message) from error
        if done.returncode:
            said = (done.stderr + done.stdout).decode(errors="replace").strip()
            message = f"docker {shlex.join(arguments)} exited {done.returncode}: {said}"
            raise CommandError(message)
        return done.stdout.decode(errors="replace")

    def run_beside(self, *command: str, timeout: float = 30.0) -> str:
        """Run a command where the engine runs, outside its containers; return what it printed."""
        argv = [*self._prefix, *command]
        return subprocess.run(argv, capture_output=True, text=True, check=True, timeout=timeout).stdout

    def inspect(self, container: str, template: str) -> str:
        """What Docker says of a container, through a Go template."""
        return self.docker("inspect", "--format", template, container).strip()

    def logs(self, container: str) -> str:
        """What a container said, on both its outputs."""
        command = self.command("logs", "--timestamps", container)
        done = subprocess.run(
            command, env=self.environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
        )
        return done.stdout.decode(errors="replace")

    def kill_container_process(self, container: str, number: signal.Signals = signal.SIGKILL) -> None:
        """Send a signal to a container's first process from outside, as the kernel's OOM killer would.

        ``docker kill`` counts as a manual stop, after which a container is not restarted.
        """
        inside = self.inspect(container, "{{.State.Pid}}")
        subprocess.run(
            ["nsenter", f"--target={self.pid}", "--pid", "--", "kill", f"-{int(number)}", inside], check=True
        )

    def containers(self) -> dict[str, dict[str, object]]:
        """Everything that Docker says of every container, by name."""
        names = self.docker("ps", "--all", "--format", "{{.Names}}").split()
        if not names:
            return {}
        return {str(one["Name"]).lstrip("/"): one for one in json.loads(self.docker("inspect", *names))}

    def _clear(self) -> None:
        # Process ids and sockets of namespaces that have gone.
        for name in ("pid", "docker.sock"):
            (self._state / name).unlink(missing_ok=True)
        shutil.rmtree(self._state / "exec", ignore_errors=True)
