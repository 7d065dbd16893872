"""A node as its owner has it: a clone of the repository, an .env, and a Docker Engine on a host of the lab's LAN."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tests.lab.errors import CommandError
from tests.lab.host import Host
from tests.lab.lan import Lan
from tests.lab.plan import CLIENT, REPOSITORY, Place
from tests.lab.waiting import wait_for
from tests.pinned import without_digests

from .engine import Engine
from .images import IMAGES

SOCKET: Final = "/run/docker.sock"
_CLONED: Final = ("compose", "stack", "exporter", "alerts", "dashboards", "docs/runbooks", "pyproject.toml")
_UP_SECONDS: Final = 180.0
_SCRIPT_SECONDS: Final = 420.0


class Node(Host):
    """A host of the lab whose services are the containers of its own engine."""

    def __init__(self, place: Place, lan: Lan, *, logs: Path, environment: Mapping[str, str]) -> None:
        """Describe the node; ``environment`` is what its owner writes into .env."""
        super().__init__(place, lan, logs=logs)
        self.home = logs
        self._engine: Engine | None = None
        for name in _CLONED:
            source, target = REPOSITORY / name, self.home / "clone" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns(".env", "__pycache__"))
            else:
                shutil.copyfile(source, target)
        for file in [*self.compose_folder.glob("*.yaml"), *(self.home / "clone").glob("stack/images/Dockerfile")]:
            file.write_text(without_digests(file.read_text()))
        self.write_env(environment)

    @property
    def compose_folder(self) -> Path:
        """Where the owner of the node runs ``docker compose``."""
        return self.home / "clone" / "compose"

    def write_env(self, environment: Mapping[str, str]) -> None:
        """Write .env anew."""
        lines = [f"{name}={value}\n" for name, value in environment.items()]
        (self.compose_folder / ".env").write_text("".join(lines))

    @property
    def engine(self) -> Engine:
        """The node's engine; there is none while the node is off."""
        assert self._engine is not None
        return self._engine

    def power_on(self) -> None:
        """Make the host, connect it and start its engine, which starts what ran before."""
        if self.on:
            return
        super().power_on()
        self._engine = Engine(
            self.home / "data",
            socket=SOCKET,
            prefix=self.command([]),
            cgroup=f"/dnsha-stack-{self.place.name}",
            resolver=CLIENT.ipv4,
        )
        self._engine.launch()

    def wait_engine(self) -> None:
        """Wait until the engine answers."""
        self.engine.wait_ready()

    def load_images(self) -> None:
        """Give the engine the images that it cannot pull."""
        self.engine.docker("load", "--quiet", "--input", str(IMAGES), timeout=300)

    def compose(
        self, *arguments: str, timeout: float = _UP_SECONDS, environment: Mapping[str, str] | None = None
    ) -> str:
        """Run ``docker compose`` as the owner of the node does; return what it printed.

        Raises:
            CommandError: it failed, or took too long.
        """
        return self.engine.docker(
            "compose", *arguments, timeout=timeout, environment=environment, directory=self.compose_folder
        )

    def script(
        self, name: str, *arguments: str, timeout: float = _SCRIPT_SECONDS, environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run ``stack/NAME`` as the owner of the node does; return how it ended and what it said.

        Raises:
            CommandError: it took too long.
        """
        process = self.start_script(name, *arguments, environment=environment)
        try:
            stdout, stderr = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired as error:
            process.kill()
            process.communicate()
            message = f"stack/{name} on {self.place.name} took longer than {timeout:g} s"
            raise CommandError(message) from error
        return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)

    def start_script(
        self, name: str, *arguments: str, environment: Mapping[str, str] | None = None
    ) -> subprocess.Popen[str]:
        """Start ``stack/NAME`` as the owner of the node does, without waiting for its end."""
        return subprocess.Popen(
            self.command(["env", f"--chdir={self.home}", f"{self.home}/clone/stack/{name}", *arguments]),
            env=self.engine.environment(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def renew_images(self) -> tuple[str, ...]:
        """Give every container's image a new label, as a new release would: the next ``up`` replaces the containers."""
        images = sorted(set(self.engine.docker("ps", "--all", "--format", "{{.Image}}").split()))
        for image in images:
            container = self.engine.docker("create", "--network", "none", image).strip()
            label = f"LABEL renewed={time.time_ns()}"
            self.engine.docker("commit", "--change", label, container, image)
            self.engine.docker("rm", container)
        return tuple(images)

    def health(self) -> dict[str, str]:
        """Every container's health, or its state where it has no health check."""
        found = {}
        for name, container in self.engine.containers().items():
            state = container["State"]
            assert isinstance(state, dict)
            found[name] = str((state.get("Health") or state).get("Status"))
        return found

    def wait_health(self, *names: str, timeout: float = 90.0) -> None:
        """Wait until these containers are healthy.

        Raises:
            LabTimeoutError: they are not.
        """
        wait_for(
            f"{', '.join(names)} on {self.place.name} to be healthy",
            self.health,
            until=lambda seen: all(seen.get(name) == "healthy" for name in names),
            timeout=timeout,
            every=0.5,
        )

    def crash(self) -> None:
        """Cut the power: the link goes down first, then the engine with every container, then the host."""
        if not self.on:
            return
        self._lan.unplug(self.place)
        if self._engine is not None:
            self._engine.close()
            self._engine = None
        super().crash()
