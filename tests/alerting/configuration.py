"""How Prometheus, Alertmanager and node_exporter are run on a node of the lab: as compose runs them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import yaml

from stack.prometheus import rules, targets
from tests.lab.plan import EXPORTER_PORT, REPOSITORY, ROLES, Place, peer_of

SITE: Final = "home"
PROMETHEUS_PORT: Final = 9090
ALERTMANAGER_PORT: Final = 9093
CLUSTER_PORT: Final = 9094
NODE_EXPORTER_PORT: Final = 9100
NOTIFIER_PORT: Final = 9754

_ALERTS: Final = REPOSITORY / "alerts"
_SHIPPED: Final[dict[str, Any]] = yaml.safe_load((REPOSITORY / "stack" / "prometheus" / "prometheus.yaml").read_text())
_SERVICES: Final[dict[str, Any]] = yaml.safe_load((REPOSITORY / "compose" / "observability.yaml").read_text())[
    "services"
]
JOBS: Final = tuple(job["job_name"] for job in _SHIPPED["scrape_configs"])

# Without timex: a build machine may have no time server, and saying so is no false alarm.
_COLLECTORS: Final = (
    "cpu",
    "diskstats",
    "filesystem",
    "hwmon",
    "loadavg",
    "meminfo",
    "netdev",
    "stat",
    "thermal_zone",
    "time",
    "uname",
)
NODE_EXPORTER_FLAGS: Final = (
    f"--web.listen-address=:{NODE_EXPORTER_PORT}",
    "--log.level=warn",
    "--collector.disable-defaults",
    *(f"--collector.{name}" for name in _COLLECTORS),
    "--collector.filesystem.mount-points-exclude=^/.+",
)


def write_prometheus(place: Place, directory: Path) -> Path:
    """Write the shipped configuration with a node's values; return its path."""
    environment = {
        "NODE_ROLE": ROLES[place.name],
        "SITE": SITE,
        "NODE_NAME": place.name,
        "NODE_IP": place.ipv4,
        "PEER_NAME": peer_of(place.name).name,
        "PEER_IP": peer_of(place.name).ipv4,
        "EXPORTER_PORT": str(EXPORTER_PORT),
        "NODE_EXPORTER_PORT": str(NODE_EXPORTER_PORT),
        "RUNBOOKS_URL": f"http://{place.ipv4}:{EXPORTER_PORT}/runbooks/",
    }
    (directory / "targets").mkdir()
    for name, content in targets.files(environment).items():
        (directory / "targets" / name).write_bytes(content)
    (directory / "rules").mkdir()
    for name, content in rules.files(environment, _ALERTS / "rules").items():
        (directory / "rules" / name).write_bytes(content)
    document = _SHIPPED | {"rule_files": [str(directory / "rules" / "*.yaml")]}
    # Somebody's own additions: there are none, and Debian 12's Prometheus knows no such files yet.
    del document["scrape_config_files"]
    text = yaml.safe_dump(document)
    for name in ("SITE", "NODE_NAME"):  # Debian 12's Prometheus takes no values from the environment
        text = text.replace(f"${{{name}}}", environment[name])
    path = directory / "prometheus.yaml"
    path.write_text(text)
    return path


def prometheus_flags(file: Path, storage: Path) -> list[str]:
    """The command line of a node's Prometheus."""
    return [f"--config.file={file}", f"--storage.tsdb.path={storage}", *_shipped_flags("prometheus")]


def alertmanager_flags(place: Place, storage: Path) -> list[str]:
    """The command line of a node's Alertmanager."""
    own, peer = (f"{address}:{CLUSTER_PORT}" for address in (place.ipv4, peer_of(place.name).ipv4))
    return [
        f"--config.file={_ALERTS / 'alertmanager' / 'alertmanager.yaml'}",
        f"--storage.path={storage}",
        f"--cluster.listen-address={own}",
        f"--cluster.advertise-address={own}",
        f"--cluster.peer={peer}",
        *_shipped_flags("alertmanager"),
    ]


def _shipped_flags(service: str) -> list[str]:
    """The flags that compose gives, without paths and without what comes from .env."""
    return [flag for flag in _SERVICES[service]["command"] if "=/" not in flag and "${" not in flag]
