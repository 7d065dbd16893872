"""The settings of sync, backup and drill; those of the node itself are the exporter's.

Each is an environment variable of the ``dnsha-tools`` container. Passwords and keys are files, never values.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from exporter.model.errors import ConfigurationError
from exporter.settings import parse
from exporter.settings.load import load
from exporter.settings.table import Setting
from exporter.settings.values import Settings
from stack.tools import web_port
from stack.tools.cron import Cron, parse_cron
from stack.tools.web_port import WebPort


def _duration(text: str) -> float:
    match = re.fullmatch(r"([0-9]{1,7})([smhd]?)", text)
    seconds = int(match[1]) * parse.UNITS[match[2] or "s"] if match else 0
    if not 10 <= seconds <= 31 * 86400:
        raise ValueError(f"{text!r} is no time from 10 seconds to 31 days, such as 900, 15m or 6h")
    return float(seconds)


def _schedule(text: str) -> Cron | None:
    return None if text in ("", "off") else parse_cron(text)


def _url(text: str) -> str:
    try:
        parts = urlsplit(text)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0 and not parts.username
    except ValueError:
        good = False
    if text and (not good or re.search(r"[\s|,]", text)):
        raise ValueError(f"{text!r} is not http://HOST or http://HOST:PORT")
    return text.rstrip("/")


def _command(text: str) -> tuple[str, ...]:
    return tuple(shlex.split(text))


def _optional_file(text: str) -> Path | None:
    return parse.directory(text) if text else None


TABLE: tuple[Setting, ...] = (
    Setting("task_directory", parse.directory, "/var/lib/dnsha/tasks", "Where tasks keep locks and what they know."),
    Setting("pihole_web_port", web_port.parse, web_port.DEFAULT, "Ports of Pi-hole's web interface, in its own form."),
    Setting("pihole_api", _url, "", "This node's Pi-hole, for its API (default: 127.0.0.1 at a port of those)."),
    Setting("pihole_password_file", parse.directory, "/run/secrets/pihole_password", "File with its password."),
    Setting("pihole_app_password_file", _optional_file, "", "File with an application password, used in its place."),
    Setting("peer_pihole_api", _url, "", "The other node's Pi-hole (default: PEER_IP at the same port)."),
    Setting("peer_pihole_password_file", _optional_file, "", "File with its password (default: the same)."),
    Setting("peer_pihole_app_password_file", _optional_file, "", "File with its application password."),
    Setting("pihole_directory", _optional_file, "", "Its /etc/pihole, whose changes are noticed at once; empty: not."),
    Setting("sync_interval", _duration, "1h", "Time between two syncs: seconds, or 15m, 6h, 1d."),
    Setting("sync_timeout", parse.seconds(1, 3600), "300", "Seconds that one part of a sync may take."),
    Setting("sync_pihole_command", _command, "nebula-sync run", "What copies the Pi-hole; empty: do not."),
    Setting("gravity_timeout", parse.seconds(1, 1200), "600", "Seconds that Pi-hole may take to load its lists."),
    Setting("unbound_shared_directory", _optional_file, "", "Unbound's drop-in folder; empty: do not copy it."),
    Setting("sync_unbound_source", str, "", "Its source for rsync (default: dnsha-sync@PEER_IP:)."),
    Setting("sync_ssh_key_file", parse.directory, "/run/secrets/sync_ssh_key", "Key that the other node lets read it."),
    Setting("sync_ssh_port", parse.integer(1, 65535), "22", "Port of the other node's SSH server."),
    Setting("sync_known_hosts_file", parse.directory, "/run/secrets/sync_known_hosts", "The other node's host key."),
    Setting("sync_remote_shell", str, "", "Remote shell for rsync (default: ssh with that key)."),
    Setting("unbound_reload_command", _command, "", "Makes Unbound read its folder again after a change."),
    Setting("backup_cron", _schedule, "30 3 * * *", "When to back up, in cron's five fields; off: never."),
    Setting("backup_retention_days", parse.integer(1, 36500), "30", "Days after which a backup is removed."),
    Setting("backup_directory", parse.directory, "/var/lib/dnsha/backups", "Where backups are kept."),
    Setting("backup_timeout", parse.seconds(1, 3600), "120", "Seconds that a backup or restore may take."),
    Setting("drill_cron", _schedule, "off", "When to rehearse a failover, in cron's five fields."),
)


@dataclass(frozen=True, slots=True)
class TaskSettings:
    """One field for each row of the table, of the same name; times in seconds."""

    task_directory: Path
    pihole_web_port: tuple[WebPort, ...]
    pihole_api: str
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
    problems: list[str] = []
    values: dict[str, Any] = {}
    for setting in TABLE:
        text = environment.get(setting.variable, "").strip() or setting.default or ""
        if setting.key == "sync_pihole_command" and environment.get(setting.variable) == "":
            text = ""
        try:
            values[setting.key] = setting.parse(text)
        except ValueError as error:
            problems.append(f"{setting.variable} in the environment: {error}")
    if problems:
        raise ConfigurationError(problems)
    return TaskSettings(**values)
