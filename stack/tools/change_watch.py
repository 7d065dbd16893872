"""Notice within seconds that something has changed, so that a sync need not wait for its interval.

On this node by the times of Pi-hole's files, which cost nothing to look at; on the other node by what its exporter
tells, which no password is sent for. Both are hints: without them everything goes by the interval.
"""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import Protocol

from exporter.http.pair_key import key_from
from exporter.http.web_config import speaks_tls
from exporter.model.errors import ExporterError
from exporter.settings.values import Settings
from exporter.sources.digest import digest
from exporter.sources.peer_status import ask_peer
from stack.tools.settings import TaskSettings

# What FTL writes when somebody changes something (v6.4.1, src/config/toml_writer.c and src/database/gravity-db.c).
FILES = ("pihole.toml", "gravity.db")
PEER_SECONDS = 10.0
SHARED = "pihole"


class Watch(Protocol):
    """Something that changes."""

    def begin(self) -> None:
        """Take what is there now for known."""

    def changed(self) -> str | None:
        """Say what has changed since, or None."""


class FilesWatch:
    """Pi-hole's files on this node."""

    def __init__(self, directory: Path | None) -> None:
        self._directory = directory
        self._known = self._signatures()

    def begin(self) -> None:
        """Take what is there now for known."""
        self._known = self._signatures()

    def changed(self) -> str | None:
        """Say so when a file was written."""
        return "Pi-hole's files have changed" if self._signatures() != self._known else None

    def _signatures(self) -> tuple[tuple[int, int] | None, ...]:
        return tuple(_signature(self._directory / name) for name in FILES) if self._directory else ()


def _signature(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns


class PeerWatch:
    """What the other node's Pi-hole holds, compared with what this one's does; each pair of them is told once."""

    def __init__(self, node: Settings, tasks: TaskSettings) -> None:
        self._node = node
        self._shared = tasks.task_directory / "shared"
        self._asked = -PEER_SECONDS
        self._told: tuple[str, str] | None = None

    def begin(self) -> None:
        """Nothing: what was told counts as known."""

    def changed(self) -> str | None:
        """Ask the other node's exporter, not too often."""
        if self._node.peer_ip is None or time.monotonic() - self._asked < PEER_SECONDS:
            return None
        self._asked = time.monotonic()
        try:
            pair = digest(self._shared), self._theirs()
        except (OSError, ExporterError):  # silent, or nothing written down yet
            return None
        if pair[0] == pair[1] or not pair[1] or pair == self._told:
            return None
        self._told = pair
        return "the other node's Pi-hole holds something else than this one's"

    def _theirs(self) -> str:
        node = self._node
        key = partial(key_from, node.pair_key_file)
        tls = speaks_tls(node.web_config_file)
        peer = ask_peer(str(node.peer_ip), node.exporter_port, node.peer_timeout, key, tls=tls)
        return peer.digests.get(SHARED, "")
