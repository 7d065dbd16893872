"""Can each container read what compose mounts into it from the clone? One made with umask 027 has files for its owner.

What images are made of is not looked at: the Dockerfile gives it its mode.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

# No folder of ours has as many.
MOST_FILES = 2000


@dataclass(frozen=True, slots=True)
class Mount:
    """A file or folder of the clone, and the container and user that read it."""

    path: str  # below the clone
    container: str
    user: int
    group: int
    private: bool = False  # nobody else may read it


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A mount of which something cannot be read, and the first such thing, below the clone."""

    mount: Mount
    first: str


_OURS = 9753
_NOBODY = 65534  # the user of Prometheus' and Alertmanager's images
MOUNTS = (
    Mount("compose/unbound.d", "unbound", _OURS, _OURS),
    Mount("compose/sync-keys", "sync", _OURS, _OURS),
    Mount("compose/sync-keys/key", "sync", _OURS, _OURS, private=True),
    Mount("compose/sync-keys/known_hosts", "sync", _OURS, _OURS, private=True),
    Mount("stack/prometheus/prometheus.yaml", "prometheus", _NOBODY, _NOBODY),
    Mount("alerts/rules", "settings", 0, _OURS),
    Mount("compose/prometheus.d", "prometheus", _NOBODY, _NOBODY),
    Mount("alerts/alertmanager", "alertmanager", _NOBODY, _NOBODY),
    Mount("dashboards/provisioning", "grafana", 472, _OURS),
    Mount("dashboards/generated", "grafana", 472, _OURS),
    Mount("compose/web", "exporter", _OURS, _OURS, private=True),
)
_KEYS = "compose/sync-keys"


def needed(environment: Mapping[str, str]) -> Iterator[Mount]:
    """Which of them this node has with these settings."""
    observed = "observability" in environment.get("COMPOSE_FILE", "")
    running = {"unbound"} | ({"settings", "prometheus", "alertmanager"} if observed else set())
    if observed and environment.get("NODE_ROLE") != "secondary":
        running.add("grafana")
    if environment.get("SYNC_UNBOUND") and environment.get("NODE_ROLE") == "secondary":
        running.add("sync")
    if environment.get("WEB_CONFIG_FILE"):
        running.add("exporter")
    own = environment.get("PROMETHEUS_FILE")
    for mount in MOUNTS:
        if mount.container not in running:
            continue
        if own and mount.path.endswith("prometheus.yaml"):
            path = os.path.normpath(PurePosixPath("compose", own))
            if path.startswith(("/", "..")):  # outside the clone, where nobody can look from here
                continue
            yield Mount(path, mount.container, mount.user, mount.group)
        else:
            yield mount


def unreadable(root: Path, environment: Mapping[str, str]) -> tuple[Unreadable, ...]:
    """Look at the modes below the clone; what is not there and what is a link is left out."""
    found = []
    for mount in needed(environment):
        first = next((path for path in _files(root / mount.path, mount) if not _readable(path, mount)), None)
        if first is not None:
            found.append(Unreadable(mount, str(first.relative_to(root))))
    return tuple(found)


def _files(top: Path, mount: Mount) -> Iterator[Path]:
    if top.is_symlink() or not top.exists():
        return
    yield top
    if mount.path == _KEYS:  # what it needs of these is listed by itself
        return
    for number, path in enumerate(sorted(top.rglob("*"))):
        if number >= MOST_FILES:
            return
        if not path.is_symlink():
            yield path


def _readable(path: Path, mount: Mount) -> bool:
    status = path.lstat()
    shift = 6 if status.st_uid == mount.user else 3 if status.st_gid == mount.group else 0
    wanted = 0o5 if stat.S_ISDIR(status.st_mode) else 0o4
    return (status.st_mode >> shift) & wanted == wanted
