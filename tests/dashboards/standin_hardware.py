"""Stand-ins for what a node in the lab has not: a Raspberry Pi's sensors, containers, and tasks that leave stamps."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from tests.bench.standin_docker import CONTAINERS
from tests.dashboards.scraper import NODE_EXPORTER_PORT
from tests.lab.host import Host
from tests.lab.http_get import get
from tests.lab.lab import Lab
from tests.lab.service import Daemon
from tests.unit.standin_docker_daemon import StandinDocker, container, event

DOCKER_SOCKET: Final = "/run/standin-docker.sock"
STAMPS: Final = "/run/dnsha-stamps"
SHARED: Final = "/run/dnsha-shared"
SENSORS: Final = "/run/standin-sys"
TASKS: Final = {"pihole": "3h", "unbound": "3h", "backup": "26h", "drill": "26h"}

ENVIRONMENT: Final = {
    "DOCKER_HOST": f"unix://{DOCKER_SOCKET}",
    "EXPECTED_CONTAINERS": ",".join(CONTAINERS),
    "SYNC_TASKS": ",".join(f"{task}={age}" for task, age in TASKS.items()),
    "SHARED_CONTENT": f"unbound={SHARED}",
}

# The files of a Raspberry Pi's thermal zone and of its under-voltage sensor (Linux, raspberrypi-hwmon).
_SENSOR_FILES: Final = {
    "class/thermal/thermal_zone0/type": "cpu-thermal",
    "class/thermal/thermal_zone0/policy": "step_wise",
    "class/thermal/thermal_zone0/temp": "47800",
    "class/hwmon/hwmon0/name": "rpi_volt",
    "class/hwmon/hwmon0/in0_lcrit_alarm": "0",
}


def node_exporter() -> Daemon:
    """The real node_exporter; only its sensors are made up."""
    return Daemon(
        "node_exporter",
        (
            "prometheus-node-exporter",
            f"--web.listen-address=:{NODE_EXPORTER_PORT}",
            f"--path.sysfs={SENSORS}",
            "--collector.disable-defaults",
            *(
                f"--collector.{name}"
                for name in (
                    "cpu", "diskstats", "filesystem", "hwmon", "loadavg", "meminfo", "netdev", "stat", "thermal_zone",
                    "time", "timex",
                )
            ),
            "--collector.filesystem.mount-points-exclude=^/.+",
            "--collector.filesystem.fs-types-exclude=^$",
            # As a Raspberry Pi has one card, one disk is enough.
            "--collector.diskstats.device-exclude=",
            "--collector.diskstats.device-include=^(sda|vda|nvme0n1|mmcblk0)$",
        ),
        ready=lambda host: get(host, host.place.ipv4, NODE_EXPORTER_PORT, "/").status == http.client.OK,
    )  # fmt: skip


def sensor(host: Host, name: str, value: str) -> None:
    """Let a sensor show a value, in the kernel's own units."""
    path = host.path(f"{SENSORS}/{name}")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{value}\n")


def stamp(host: Host, task: str, *, exit_status: int = 0, age: float = 0.0) -> None:
    """Leave a task's stamp: its last run ended ``age`` seconds ago, well or not."""
    ended = time.time() - age
    document = {
        "last_attempt": ended - 3.5,
        "last_success": ended if exit_status == 0 else ended - 7200,
        "duration": 3.5 if task != "backup" else 41.0,
        "exit_status": exit_status,
        "last_error": None if exit_status == 0 else "the peer does not answer",
    }
    path = host.path(f"{STAMPS}/{task}.json")
    unfinished = path.with_suffix(".new")
    unfinished.write_text(json.dumps(document))
    unfinished.replace(path)


def share(host: Host, text: str) -> None:
    """Give a node's shared folder this content."""
    folder = host.path(SHARED)
    folder.mkdir(exist_ok=True)
    (folder / "local.conf").write_text(text)


def furnish(host: Host) -> None:
    """Fill a node's /run, which is empty after every boot."""
    for name, value in _SENSOR_FILES.items():
        sensor(host, name, value)
    for number, task in enumerate(TASKS):
        stamp(host, task, age=600.0 * number)
    share(host, "server:\n")


class Containers:
    """The containers of each node, as a stand-in for Docker tells of them."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._daemons: dict[str, StandinDocker] = {}
        self._states: dict[str, dict[str, dict[str, Any]]] = {
            host.place.name: {name: container(name, Health={"Status": "healthy"}) for name in CONTAINERS}
            for host in lab.nodes
        }

    def appear(self, node: str) -> None:
        """Begin to answer on a node that was just booted."""
        self.vanish(node)
        daemon = StandinDocker(Path(self._lab.hosts[node].path(DOCKER_SOCKET)))
        daemon.containers = self._states[node]
        daemon.appear()
        self._daemons[node] = daemon

    def vanish(self, node: str) -> None:
        """Answer no more, as when the node's power is cut."""
        if node in self._daemons:
            self._daemons.pop(node).vanish()

    def change(self, node: str, name: str, *actions: str, status: str = "running", **state: Any) -> None:
        """Let a container change its state, and tell of it by events."""
        changed = container(name, status, **state)
        changed["RestartCount"] = self._states[node][name]["RestartCount"] + actions.count("die")
        self._states[node][name] = changed
        self._daemons[node].emit(*(event(name, action, time.time_ns() + n) for n, action in enumerate(actions)))


@contextmanager
def containers(lab: Lab) -> Iterator[Containers]:
    """Containers on both nodes while the context lasts."""
    made = Containers(lab)
    try:
        for host in lab.nodes:
            made.appear(host.place.name)
        yield made
    finally:
        for host in lab.nodes:
            made.vanish(host.place.name)
