"""The rig: the lab's two nodes and client, but each node runs the shipped compose files on an engine of its own."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tests.lab.errors import CommandError, IsolationError
from tests.lab.host import Host
from tests.lab.isolation import inside
from tests.lab.lab import Lab
from tests.lab.lan import Lan
from tests.lab.logs import log_directory
from tests.lab.plan import ALPHA, CLIENT, INTERFACE, NODES, ROLES, Place, peer_of
from tests.lab.waiting import wait_for

from . import standin_internet, tools
from .disk import Disk
from .images import IMAGES
from .node import Node
from .tools import STACK

PASSWORD: Final = "correct-horse-battery"
PAIR_KEY: Final = "the-key-that-both-nodes-of-the-rig-have"
_FIRST_START_SECONDS: Final = 120.0
_CONTROL_GROUPS: Final = Path("/sys/fs/cgroup")


def why_not() -> str | None:
    """Say why the rig cannot run here; None if it can."""
    reason = tools.why_not()
    if reason is None and not IMAGES.exists():
        reason = "the images are missing: run `python -m tests.stack.images`"
    if reason is None and not inside():
        reason = "the rig needs private namespaces: run `python -m tests.lab run -- pytest tests/stack`"
    return reason


class Rig(Lab):
    """Two nodes with a Docker Engine each, and a client; a context manager, for use inside the sandbox.

    What can be done to a :class:`Lab` and seen of it, can be done and seen here, but for its services: those are
    containers (:attr:`Node.engine`, :meth:`Node.compose`).
    """

    def __init__(self, *, environment: Mapping[str, str] | None = None) -> None:
        """Describe the rig; ``environment`` goes into both nodes' .env."""
        super().__init__(families=("ipv4",))
        self._more = dict(environment or {})

    def node(self, name: str) -> Node:
        """A node by its name."""
        host = self.hosts[name]
        assert isinstance(host, Node)
        return host

    def env(self, place: Place) -> dict[str, str]:
        """What the owner of a node writes into .env."""
        return {
            "NODE_ROLE": ROLES[place.name],
            "NODE_NAME": place.name,
            "NODE_IP": place.ipv4,
            "PEER_IP": peer_of(place.name).ipv4,
            "VIP_ADDRESS": self.vips[0],
            "NETWORK_INTERFACE": INTERFACE,
            "PIHOLE_PASSWORD": PASSWORD,
            "PAIR_KEY": PAIR_KEY,
            "COMPOSE_PROFILES": "${NODE_ROLE}",
            "WORLD_NAMES": "",  # there is no internet here
            "OOM_SCORE_ADJ": "0",  # a build machine may lack CAP_SYS_RESOURCE
            **self._more,
        }

    def make(self) -> None:
        """Make network, hosts and engines, and `docker compose up` on both nodes.

        Raises:
            IsolationError: this process is not in the sandbox.
            LabError: something could not be made; nothing is left of it.
        """
        if not inside():
            message = "the rig lives in private namespaces: start this with `python -m tests.lab run -- COMMAND`"
            raise IsolationError(message)
        with contextlib.ExitStack() as undo:
            undo.callback(_remove_control_groups)
            self.logs = undo.enter_context(log_directory(STACK))
            for place in NODES:  # gigabytes of images; the logs stay
                undo.callback(shutil.rmtree, self.logs / place.name / "data", ignore_errors=True)
            self.disk = Disk(self.logs / ALPHA.name / "data")
            undo.callback(self.disk.destroy)
            self.lan = Lan()
            undo.callback(self.lan.destroy)
            for place in (*NODES, CLIENT):
                host: Host = (
                    Node(place, self.lan, logs=self.logs / place.name, environment=self.env(place))
                    if place in NODES
                    else Host(place, self.lan, logs=self.logs / place.name)
                )
                self.hosts[place.name] = host
                undo.callback(host.crash)
                host.power_on()
            undo.callback(self.save_logs)
            standin_internet.install(self.client, self.logs / CLIENT.name)
            for place in NODES:
                node = self.node(place.name)
                node.wait_engine()
                node.load_images()
            for place in NODES:
                self.node(place.name).compose("up", "--detach", "--no-build")
            self._exit = undo.pop_all()

    def start(self) -> None:
        """Make everything and wait until the pair is healthy.

        Raises:
            LabError: something did not come up.
        """
        self._samplers = []
        self.make()
        try:
            self.wait_healthy(_FIRST_START_SECONDS)
        except BaseException:
            self.destroy()
            raise

    def stop(self) -> None:
        """Take everything away; the containers' logs stay."""
        try:
            for sampler in list(self._samplers):
                sampler.stop()
        finally:
            self.destroy()

    def boot(self, node: str) -> None:
        """Power a crashed node on and wait until its engine answers and DNS is healthy."""
        host = self.node(node)
        host.power_on()
        for sampler in self._samplers:
            sampler.hosts_are({node: host.holder.pid})
        host.wait_engine()

    def drain(self, node: str) -> None:
        """Ask a node to hand the VIP over."""
        self._write_drain(node, "1")

    def undrain(self, node: str) -> None:
        """Let a drained node take part again."""
        self._write_drain(node, "0")

    def _write_drain(self, node: str, value: str) -> None:
        self.node(node).engine.docker("exec", "keepalived", "sh", "-c", f"echo {value} >/run/dnsha/drain")

    def forget_dropped_adverts(self) -> None:
        """Let nobody tell of adverts that were dropped in a test, as is done for ten minutes."""
        for place in NODES:
            docker = self.node(place.name).engine.docker
            docker("stop", "keepalived")
            docker("run", "--rm", "--volumes-from", "keepalived", "--entrypoint", "rm", "--network", "none",
                   "dnsha-keepalived:local", "-f", "/run/dnsha/advert-filter.json")  # fmt: skip
            docker("start", "keepalived")
        self.wait_healthy()

    def wait_healthy(self, timeout: float = _FIRST_START_SECONDS) -> None:
        """Wait until the primary alone holds the VIP and answers on it, and the other answers for itself.

        Raises:
            LabTimeoutError: not so in ``timeout`` seconds.
        """
        self.wait_owners(ALPHA.name, timeout=timeout)
        for address, name in ((self.vips[0], ALPHA.name), *((place.ipv4, place.name) for place in NODES)):
            wait_for(
                f"{name} to answer the client on {address}",
                lambda address=address: self.answering(address),  # type: ignore[misc]
                until=lambda node, name=name: node == name,  # type: ignore[misc]
                timeout=timeout,
                every=0.1,
            )

    def reset(self) -> None:
        """Bring the pair back to health, whatever was done to it: for the next test.

        Raises:
            LabError: it does not become healthy.
        """
        for sampler in list(self._samplers):
            sampler.stop()
        self.mend()
        for place in NODES:
            if not self.hosts[place.name].on:
                self.boot(place.name)
        for place in NODES:
            self.node(place.name).compose("up", "--detach", "--no-build")
            wait_for("keepalived to take orders", lambda name=place.name: self._undrained(name), timeout=20.0)  # type: ignore[misc]
        self.wait_healthy()

    def _undrained(self, node: str) -> bool:
        try:
            self.undrain(node)
        except CommandError:
            return False
        return True

    def save_logs(self) -> None:
        """Write every container's log to ``LOGS/NODE/CONTAINER.log``."""
        for place in NODES:
            host = self.hosts.get(place.name)
            if not isinstance(host, Node) or not host.on:
                continue
            with contextlib.suppress(CommandError):
                folder = self.logs / place.name
                folder.mkdir(parents=True, exist_ok=True)
                for name in host.engine.containers():
                    (folder / f"{name}.log").write_text(host.engine.logs(name))


def _remove_control_groups() -> None:
    """Remove the empty control groups that killed engines leave behind."""
    for top in {*_CONTROL_GROUPS.glob("*/dnsha-stack-*"), *_CONTROL_GROUPS.glob("dnsha-stack-*")}:
        for folder, _, _ in os.walk(top, topdown=False):
            with contextlib.suppress(OSError):
                Path(folder).rmdir()
