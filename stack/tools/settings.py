"""The settings of sync, backup and drill; those of the node itself are the exporter's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from exporter.model.errors import ConfigurationError
from exporter.settings.cron import Cron
from exporter.settings.load import load
from exporter.settings.read import from_environment, read, read_environment
from exporter.settings.values import Settings
from exporter.settings.web_port import WebPort


@dataclass(frozen=True, slots=True)
class TaskSettings:
    """One field for each of their rows in the table, of the same name; times in seconds."""

    pihole_web_port: tuple[WebPort, ...]
    pihole_api: str
    task_directory: Path
    pihole_password_file: Path
    pihole_app_password_file: Path | None
    peer_pihole_api: str
    peer_pihole_password_file: Path | None
    peer_pihole_app_password_file: Path | None
    pihole_directory: Path | None
    sync_interval: float
    sync_timeout: float
    sync_pihole_command: tuple[str, ...]
    gravity_timeout: float
    unbound_shared_directory: Path | None
    sync_unbound_source: str
    sync_ssh_key_file: Path
    sync_ssh_port: int
    sync_known_hosts_file: Path
    sync_remote_shell: str
    unbound_reload_command: tuple[str, ...]
    backup_cron: Cron | None
    backup_retention_days: int
    backup_directory: Path
    backup_timeout: float
    drill_cron: Cron | None


def read_node(environment: Mapping[str, str]) -> Settings:
    """Read the node's own settings, as the exporter does.

    Raises:
        ConfigurationError: with every mistake.
    """
    return load(None, environment, {})


def read_tasks(environment: Mapping[str, str]) -> TaskSettings:
    """Read the tasks' settings; an empty variable counts as one that is not set.

    Raises:
        ConfigurationError: with every mistake.
    """
    return TaskSettings(**read_environment("tasks", environment))


def read_node_and_tasks(environment: Mapping[str, str]) -> tuple[Settings, TaskSettings]:
    """Read both, so that one run tells all that is wrong, and what both read once.

    Raises:
        ConfigurationError: with every mistake in either.
    """
    reading = read(("exporter", "tasks"), from_environment(environment))
    if reading.mistakes:
        raise ConfigurationError([mistake.sentence for mistake in reading.mistakes])
    return Settings(**reading.part("exporter")), TaskSettings(**reading.part("tasks"))
