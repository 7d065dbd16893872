"""A node's settings for tests of its tools: documentation addresses, everything below a temporary folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from exporter.settings.values import Settings
from stack.tools import gravity, pihole_api, pihole_restart, sync_pihole
from stack.tools.settings import TaskSettings, read_node, read_tasks

from .script_site import site
from .standin_pihole_api import PASSWORD, StandinPihole
from .standin_pihole_content import content
from .standin_pihole_server import standin_pihole

__all__ = ["site"]  # a fixture


@dataclass(frozen=True, slots=True)
class Node:
    """One node's environment, and the settings read from it."""

    environment: dict[str, str]

    @property
    def settings(self) -> Settings:
        return read_node(self.environment)

    @property
    def tasks(self) -> TaskSettings:
        return read_tasks(self.environment)


MakeNode = Callable[..., Node]


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand-ins restart in half a second: what is waited for the real ones is shortened to that measure."""
    monkeypatch.setattr(pihole_restart, "SETTLED_SECONDS", 0.8)
    monkeypatch.setattr(pihole_restart, "UNDISTURBED_SECONDS", 1.5)
    monkeypatch.setattr(pihole_restart, "POLL_SECONDS", 0.1)
    monkeypatch.setattr(gravity, "PROOF_SECONDS", 2.0)
    monkeypatch.setattr(pihole_api, "SEATS_RETRY_SECONDS", 0.5)
    monkeypatch.setattr(pihole_api, "AWAY_RETRY_SECONDS", 0.1)
    monkeypatch.setitem(sync_pihole.NEBULA_SYNC, "CLIENT_RETRY_DELAY_SECONDS", "0.3")


@pytest.fixture
def make_node(tmp_path: Path) -> MakeNode:
    """Make a node's settings; more variables are given by name."""

    def make(**more: str) -> Node:
        password = tmp_path / "password"
        password.write_text(PASSWORD + "\n")
        return Node(
            {
                "NODE_ROLE": "secondary",
                "NODE_NAME": "beta",
                "NODE_IP": "192.0.2.12/24",
                "PEER_IP": "192.0.2.11",
                "VIP_ADDRESS": "192.0.2.53/24",
                "NETWORK_INTERFACE": "eth0",
                "STAMP_DIRECTORY": str(tmp_path / "stamps"),
                "TASK_DIRECTORY": str(tmp_path / "tasks"),
                "BACKUP_DIRECTORY": str(tmp_path / "backups"),
                "PIHOLE_PASSWORD_FILE": str(password),
                "BACKUP_TIMEOUT": "3",
                **more,
            }
        )

    return make


@pytest.fixture
def pihole() -> Iterator[StandinPihole]:
    """This node's Pi-hole, with a few entries."""
    with standin_pihole(content("https://lists.example/one", domains=("ads.example",))) as made:
        yield made
