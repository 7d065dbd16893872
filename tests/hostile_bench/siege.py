"""An exporter and a notifier as they are run, an attack on one of them, and what legitimate clients saw meanwhile."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.bench import process
from tests.hostile_bench import attacks, legitimate
from tests.hostile_bench.lan import INTERFACE, NODE, NODE_V6, PEER, STRANGERS, Lan, others

REPOSITORY: Final = Path(__file__).parents[2]
EXPORTER_PORT: Final = 9753
NOTIFIER_PORT: Final = 9754
PORTS: Final = {"exporter": EXPORTER_PORT, "notifier": NOTIFIER_PORT}
# How often each legitimate client asks; the attack begins and ends a moment before and after them.
MARGIN_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Client:
    """A legitimate client: what it asks from where."""

    name: str
    server: str
    address: str
    path: str
    source: str
    post: bool = False


CLIENTS: Final = (
    Client("scrapes of the peer's Prometheus", "exporter", NODE, "/metrics", PEER),
    Client("scrapes of this node's Prometheus", "exporter", NODE, "/metrics", NODE),
    Client("the exporter's healthcheck", "exporter", "127.0.0.1", "/healthz", "127.0.0.1"),
    Client("Alertmanager's posts", "notifier", "127.0.0.1", "/", "127.0.0.1", post=True),
    Client("heartbeats", "notifier", "127.0.0.1", "/heartbeat", "127.0.0.1", post=True),
    Client("questions of the peer's notifier", "notifier", NODE, "/told", PEER),
)


@dataclass(frozen=True, slots=True)
class Seen:
    """What one attack did: times of legitimate requests (None failed), by client; the server's memory in MiB."""

    seconds: dict[str, list[float | None]]
    counts: dict[str, int]
    resident_before: float
    resident_most: float
    alive: bool

    @property
    def growth(self) -> float:
        """By how much the server's resident memory was larger than before, at most, in MiB."""
        return self.resident_most - self.resident_before


@dataclass(frozen=True, slots=True)
class Siege:
    """The two programs on a node, and the others beside it."""

    lan: Lan
    servers: dict[str, subprocess.Popen[bytes]]

    def under(self, kind: str, server: str, seconds: float, sources: Sequence[str] = STRANGERS[:1]) -> Seen:
        """Attack a server, and be its legitimate clients meanwhile."""
        address = NODE_V6 if ":" in sources[0] else NODE
        target, port = self.servers[server], PORTS[server]
        before = process.resident_mebibytes(target.pid)
        clients = [client for client in CLIENTS if client.server == server]
        with _output(
            self.lan.command(
                _python(attacks.__name__, kind, address, str(port), f"{seconds + 2 * MARGIN_SECONDS}", *sources)
            )
        ) as attacker:
            time.sleep(MARGIN_SECONDS)
            asking = {client.name: self._ask(client, port, seconds) for client in clients}
            most = before
            while any(one.poll() is None for one in asking.values()):
                if target.poll() is None:
                    most = max(most, process.resident_mebibytes(target.pid))
                time.sleep(0.02)
            results = {name: json.loads(one.communicate(timeout=30)[0]) for name, one in asking.items()}
            counts = json.loads(attacker.communicate(timeout=30)[0])
        return Seen(results, counts, before, most, target.poll() is None)

    def _ask(self, client: Client, port: int, seconds: float) -> subprocess.Popen[bytes]:
        flags = ["--post"] if client.post else []
        argv = _python(legitimate.__name__, client.address, str(port), client.path, f"{seconds}", client.source, *flags)
        if client.source == PEER:
            argv = self.lan.command(argv)
        return subprocess.Popen(argv, stdout=subprocess.PIPE, cwd=REPOSITORY)


def _python(module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", module, *arguments]


@contextmanager
def _output(argv: Sequence[str]) -> Iterator[subprocess.Popen[bytes]]:
    started = subprocess.Popen(argv, stdout=subprocess.PIPE, cwd=REPOSITORY)
    try:
        yield started
    finally:
        started.kill()
        started.wait(10)


@contextmanager
def siege(directory: Path) -> Iterator[Siege]:
    """Run both programs in this network namespace, with the peer and strangers beside it."""
    environment = {
        "PATH": os.environ["PATH"], "NODE_ROLE": "primary", "NODE_NAME": "alpha", "NODE_IP": NODE, "PEER_IP": PEER,
        "VIP_ADDRESS": "192.0.2.53", "NETWORK_INTERFACE": INTERFACE, "STATE_DIRECTORY": str(directory / "state"),
        "RUNTIME_DIRECTORY": str(directory / "run"), "STAMP_DIRECTORY": str(directory / "stamps"), "DOCKER_HOST": "",
        "NOTIFIER_STATE": str(directory / "told.json"), "NOTIFY_URLS": "none", "LOG_LEVEL": "error",
    }  # fmt: skip
    modules = {"exporter": "exporter", "notifier": "alerts.notifier"}
    with others() as lan, (directory / "log").open("wb") as log:
        servers = {
            name: subprocess.Popen(_python(module), env=environment, cwd=REPOSITORY, stderr=log)
            for name, module in modules.items()
        }
        try:
            for name, port in PORTS.items():
                _wait_for(port, servers[name])
            yield Siege(lan, servers)
        finally:
            for server in servers.values():
                server.terminate()
            for server in servers.values():
                try:
                    server.wait(15)
                except subprocess.TimeoutExpired:
                    server.kill()
                    server.wait(5)


def _wait_for(port: int, server: subprocess.Popen[Any]) -> None:
    deadline = time.monotonic() + 30
    while legitimate.ask("127.0.0.1", port, "/healthz", "127.0.0.1", None) is None:
        if time.monotonic() > deadline or server.poll() is not None:
            raise RuntimeError(f"nothing answers on port {port} (exit code {server.poll()})")
        time.sleep(0.1)
    for _ in range(30):  # as warm as after an hour
        legitimate.ask("127.0.0.1", port, "/metrics", "127.0.0.1", None)
