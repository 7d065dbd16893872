"""By what means the programs of a node are looked at: the stack's by Docker, others by those of their own.

A node that says KEEPALIVED=own or none is not the stack's.
"""

from __future__ import annotations

from exporter.settings.values import Settings


def is_stack(settings: Settings) -> bool:
    """Whether this stack runs on the node."""
    return settings.keepalived == "stack"


def start_keepalived(settings: Settings) -> str:
    """How keepalived is started."""
    return "docker compose up -d keepalived" if is_stack(settings) else "systemctl start keepalived"


def keepalived_log(settings: Settings) -> str:
    """How keepalived's log is read."""
    return "docker compose logs keepalived" if is_stack(settings) else "journalctl -u keepalived"


def start_exporter(settings: Settings) -> str:
    """How the exporter is started."""
    return "docker compose up -d exporter" if is_stack(settings) else "systemctl start dnsha-exporter"


def files(settings: Settings) -> str:
    """Where the settings of both nodes are."""
    return ".env files" if is_stack(settings) else "settings"
