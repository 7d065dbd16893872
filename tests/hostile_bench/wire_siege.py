"""The pair on its LAN and a stranger who floods it with VRRP and ARP: what legitimate clients saw, what it cost."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final

from tests.bench import process
from tests.hostile_bench import frames, legitimate
from tests.lab import processes
from tests.lab.helper_process import HelperProcess
from tests.lab.host import Host
from tests.lab.http_get import get
from tests.lab.lab import PROCESSES_FILE, Lab
from tests.lab.plan import ALPHA, BETA, EXPORTER_PORT, REPOSITORY
from tests.lab.service import Daemon

NOTIFIER_PORT: Final = 9754
# What is looked at of the attacked node; keepalived is all that runs beside it, too.
PROGRAMS: Final = ("exporter", "notifier", "keepalived")
MARGIN_SECONDS: Final = 1.0
_VRRP_PID: Final = "/run/dnsha/keepalived-vrrp.pid"


@dataclass(frozen=True, slots=True)
class Client:
    """A legitimate client: what it asks of the attacked node, from which host."""

    name: str
    host: str
    address: str
    port: int
    path: str
    post: bool = False


CLIENTS: Final = (
    Client("scrapes of the peer's Prometheus", BETA.name, ALPHA.ipv4, EXPORTER_PORT, "/metrics"),
    Client("scrapes of this node's Prometheus", ALPHA.name, ALPHA.ipv4, EXPORTER_PORT, "/metrics"),
    Client("the exporter's healthcheck", ALPHA.name, "127.0.0.1", EXPORTER_PORT, "/healthz"),
    Client("Alertmanager's posts", ALPHA.name, "127.0.0.1", NOTIFIER_PORT, "/", post=True),
    Client("heartbeats", ALPHA.name, "127.0.0.1", NOTIFIER_PORT, "/heartbeat", post=True),
    Client("questions of the peer's notifier", BETA.name, ALPHA.ipv4, NOTIFIER_PORT, "/told"),
)


@dataclass(frozen=True, slots=True)
class Seen:
    """What the flood did.

    ``seconds`` has the times of legitimate requests (None failed), by client. ``growth`` says for each program by how
    much one of its processes was larger than before at most, in MiB. ``restarted`` names what was started anew,
    ``moves`` counts changes of the virtual IPs' owner, ``lost`` of ``asked`` DNS questions those without an answer.
    """

    seconds: dict[str, list[float | None]]
    sent: int
    growth: dict[str, float]
    restarted: frozenset[str]
    moves: int
    lost: int
    asked: int


def flood(lab: Lab, seconds: float, per_second: int = frames.PER_SECOND) -> Seen:
    """Flood a healthy pair, and be its legitimate clients meanwhile."""
    node = lab.hosts[ALPHA.name]
    identities = _identities(node)
    before = {name: _resident(processes.tree(node.service(name).pid)) for name in PROGRAMS}
    growth = dict.fromkeys(PROGRAMS, 0.0)
    arguments = (str(per_second), f"{seconds + 2 * MARGIN_SECONDS}")
    with lab.sample() as sampler:
        stranger = HelperProcess(lab.client.command, "frames", *arguments, package="tests.hostile_bench")
        try:
            stranger.wait_started()
            time.sleep(MARGIN_SECONDS)
            asking = {client.name: _ask(lab, client, seconds) for client in CLIENTS}
            while any(one.poll() is None for one in asking.values()):
                for name, found in before.items():
                    now = _resident(found)
                    growth[name] = max([growth[name], *(now[pid] - found[pid] for pid in now)])
                time.sleep(0.05)
            results = {name: json.loads(one.communicate(timeout=30)[0]) for name, one in asking.items()}
            sent = int(stranger.finish())
        finally:
            stranger.close()
    seen, after = sampler.sample, _identities(node)
    restarted = frozenset(name for name, identity in identities.items() if after.get(name) != identity)
    moves = sum(change.owners != (ALPHA.name,) for change in seen.changes)
    return Seen(results, sent, growth, restarted, moves, seen.lost, len(seen.queries))


def _ask(lab: Lab, client: Client, seconds: float) -> subprocess.Popen[bytes]:
    host = lab.hosts[client.host]
    argv = [
        "env", f"--chdir={REPOSITORY}", sys.executable, "-m", legitimate.__name__, client.address, str(client.port),
        client.path, f"{seconds}", "127.0.0.1" if client.address == "127.0.0.1" else host.place.ipv4,
        *(["--post"] if client.post else []),
    ]  # fmt: skip
    return subprocess.Popen(host.command(argv), stdout=subprocess.PIPE)


def _resident(pids: Iterable[int]) -> dict[int, float]:
    """Resident memory in MiB of those processes that live: an ``nft`` that is asked for its counters soon does not."""
    found = {}
    for pid in pids:
        with suppress(OSError):
            found[pid] = process.resident_mebibytes(pid)
    return found


def _identities(node: Host) -> dict[str, int]:
    """What changes where a process of the node is started anew: pids, and how often each helper was started."""
    found = {name: node.service(name).pid for name in PROGRAMS if node.service(name).running}
    found["keepalived's VRRP process"] = int(node.path(_VRRP_PID).read_text())
    told = json.loads(node.path(PROCESSES_FILE).read_text())["processes"]
    return found | {name: int(one["starts"]) for name, one in told.items()}


@contextmanager
def pair() -> Iterator[Lab]:
    """A healthy pair of its own whose primary runs the notifier too."""
    with Lab() as lab:
        node = lab.hosts[ALPHA.name]
        environment = {
            **lab.node_environment(node.place),
            "NOTIFIER_STATE": "/run/dnsha-exporter/told.json",
            "NOTIFY_URLS": "none",
            "LOG_LEVEL": "error",
        }
        node.install(Daemon("notifier", (sys.executable, "-m", "alerts.notifier"), _answers, environment)).start(30)
        for _ in range(30):  # as warm as after an hour
            get(node, ALPHA.ipv4, EXPORTER_PORT, "/metrics")
        yield lab


def _answers(host: Host) -> bool:
    return get(host, "127.0.0.1", NOTIFIER_PORT, "/healthz").status == 200
