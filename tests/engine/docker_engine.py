"""A real Docker Engine for tests: private, without a network, gone with the test.

It runs in namespaces of its own for processes, mounts and network. Its dockerd is the first process there, so when
that ends, for whatever reason, the kernel ends containerd, shims and containers with it and unmounts what they
mounted. When the test run is killed, the kernel ends dockerd.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import signal
import socket
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import docker

from tests.lab.waiting import wait_for

TOOLS = {
    "dockerd": "docker.io",
    "busybox": "busybox-static",
    "unshare": "util-linux",
    "setpriv": "util-linux",
}
PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
IMAGE = "dnsha-test:1"
CONTROL_GROUPS = Path("/sys/fs/cgroup")


def why_not() -> str | None:
    """Say why no engine can run here; None if it can."""
    missing = {package for tool, package in TOOLS.items() if shutil.which(tool, path=PATH) is None}
    if missing:
        return f"a Docker Engine needs these packages: {' '.join(sorted(missing))}"
    if os.geteuid() != 0:
        return "a Docker Engine needs root"
    return None


class DockerEngine:
    """One engine; its containers run busybox as their only program."""

    def __init__(self) -> None:
        # Short, for a UNIX socket's path has 107 bytes at most, and containerd's are deep below.
        self.directory = Path(tempfile.mkdtemp(prefix="dnsha-"))
        self.socket = self.directory / "docker.sock"
        self.url = f"unix://{self.socket}"
        self._client: docker.APIClient | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self.start()
            self._import_image()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def start(self) -> None:
        """Start dockerd and wait until it answers."""
        (self.directory / "daemon.json").write_text("{}")  # or else it reads the machine's
        program = shutil.which("dockerd", path=PATH)
        assert program is not None
        data, state = self.directory / "data", self.directory / "state"
        with (self.directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *("setpriv", "--pdeathsig", "KILL"),
                    *("unshare", "--fork", "--kill-child", "--pid", "--mount-proc", "--mount", "--net", "--"),
                    *(program, "--config-file", str(self.directory / "daemon.json")),
                    *("--host", self.url, "--pidfile", str(self.directory / "pid")),
                    *("--data-root", str(data), "--exec-root", str(state), "--storage-driver", "vfs"),
                    *("--bridge=none", "--iptables=false", "--ip6tables=false"),
                    *("--exec-opt", "native.cgroupdriver=cgroupfs", "--cgroup-parent", f"/{self.directory.name}"),
                ],
                env={**os.environ, "PATH": PATH},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        wait_for("dockerd to answer", self._answers, timeout=30.0, every=0.05)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End dockerd, in good order or not; its containers end with it."""
        assert self._process is not None
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError, IndexError):  # it has ended just now
                os.kill(self.pid, how)
            if how is signal.SIGKILL:
                self._thaw()
            try:
                self._process.wait(30.0)
            except subprocess.TimeoutExpired:
                self._process.kill()  # and with it, by --kill-child, everything
                self._process.wait()
        if self._client is not None:
            self._client.close()
        # Process ids of a namespace that has gone; in the next one they would be those of others.
        (self.directory / "pid").unlink(missing_ok=True)
        shutil.rmtree(self.directory / "state", ignore_errors=True)

    def close(self) -> None:
        """End everything and remove what is left."""
        if self._process is not None:
            self.stop(signal.SIGKILL)
        for group in self._control_groups():
            group.rmdir()
        shutil.rmtree(self.directory, ignore_errors=True)

    @property
    def client(self) -> docker.APIClient:
        """A client that may do everything."""
        assert self._client is not None
        return self._client

    @property
    def pid(self) -> int:
        """The process id of dockerd, as this process sees it."""
        assert self._process is not None
        parent = self._process.pid
        return int(Path(f"/proc/{parent}/task/{parent}/children").read_text().split()[0])

    def log(self) -> str:
        """The end of dockerd's log."""
        return (self.directory / "log").read_text(errors="replace")[-8000:]

    def run(self, name: str, script: str, *, environment: Mapping[str, str] | None = None, **host: Any) -> str:
        """Create and start a container that runs a shell script; return its identifier."""
        identifier = self.create(name, script, environment=environment, **host)
        self.client.start(identifier)
        return identifier

    def create(
        self,
        name: str,
        script: str,
        *,
        environment: Mapping[str, str] | None = None,
        health: str | None = None,
        program: str = "/busybox",
        **host: Any,
    ) -> str:
        """Create a container; ``health`` is a shell command that is run every second as its health check."""
        check = {"test": ["CMD", "/busybox", "sh", "-c", health], "interval": 10**9, "retries": 1}
        made = self.client.create_container(
            IMAGE,
            [program, "sh", "-c", script],
            name=name,
            environment=dict(environment or {}),
            healthcheck=check if health is not None else None,
            stop_timeout=1,
            # An engine newer than the machine's runc may ask for what that was built without.
            host_config=self.client.create_host_config(
                network_mode="none", security_opt=["seccomp=unconfined"], **host
            ),
        )
        return str(made["Id"])

    def state(self, name: str) -> dict[str, Any]:
        """What Docker says of a container's state."""
        state = self.client.inspect_container(name)["State"]
        assert isinstance(state, dict)
        return state

    def remove_containers(self) -> None:
        """Remove every container."""
        for container in self.client.containers(all=True):
            self.client.remove_container(container["Id"], force=True)

    def _control_groups(self) -> list[Path]:
        """The control groups of this engine's containers, inner ones first."""
        roots = [*CONTROL_GROUPS.glob(f"*/{self.directory.name}"), CONTROL_GROUPS / self.directory.name]
        return [Path(path) for root in roots for path, _, _ in os.walk(root, topdown=False)]

    def _thaw(self) -> None:
        """Let paused containers end: version 1 of control groups keeps even the killed ones frozen."""
        for group in self._control_groups():
            if (group / "freezer.state").exists():
                (group / "freezer.state").write_text("THAWED")

    def _answers(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            message = f"dockerd ended with status {self._process.returncode}:\n{self.log()}"
            raise AssertionError(message)
        # The client's constructor leaves its socket open when it fails.
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as trial:
            trial.connect(str(self.socket))
        self._client = docker.APIClient(self.url, version="auto", timeout=20)
        return True

    def _import_image(self) -> None:
        busybox = shutil.which("busybox", path=PATH)
        assert busybox is not None
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            tar.add(busybox, arcname="busybox")
        name, _, tag = IMAGE.partition(":")
        self.client.import_image_from_data(archive.getvalue(), repository=name, tag=tag)
