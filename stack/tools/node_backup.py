"""Make a node's archive in the backup's container, and give Alertmanager's silences back."""

from __future__ import annotations

import http.client
import json
import os
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from exporter.engine.files import write_atomically
from exporter.http.client import FetchError, http_get
from exporter.model.errors import ConfigurationError, ParseError
from exporter.parsers.fields import parse_json
from stack.preflight.env_file import parse_env
from stack.tools import node_archive, retention
from stack.tools.errors import RefusedError, ToolError
from stack.tools.node_archive import Archive, Member
from stack.tools.progress import say
from stack.tools.settings import TaskSettings

# Where stack/deploy.sh leaves .env for the backup, which runs as another user and must not read the clone.
SETTINGS_NAME = "settings.env"
MAXIMUM_SETTINGS_BYTES = 256 << 10
ALERTMANAGER = ("127.0.0.1", 9093)
SILENCES_PATH = "/api/v2/silences"
TIMEOUT_SECONDS = 5.0


def folder(tasks: TaskSettings) -> Path:
    """Where the archives of whole nodes are."""
    return tasks.backup_directory / "node"


def make(node: str, tasks: TaskSettings, pihole: Path, made: float, root: Path = Path("/")) -> Path:
    """Write a node's archive with the backup of its Pi-hole in it: it has its name only when it is whole.

    Raises:
        OSError: the disk is full, or a file of the owner's cannot be read.
    """
    members = {node_archive.PIHOLE: Member(pihole), **dict(node_archive.owners_files(root))}
    folder(tasks).mkdir(parents=True, exist_ok=True)
    target = folder(tasks) / retention.name_at(node, made, retention.NODE)
    settings = folder(tasks) / SETTINGS_NAME
    if settings.exists():
        members[node_archive.SETTINGS] = Member(settings)
    else:
        say("backup: without compose/.env, which stack/deploy.sh gives to the backup; run it once")
    silences = _silences()
    if silences is not None:
        members[node_archive.SILENCES] = Member(silences)
    partial = target.with_name(f".{target.name}.partial")
    try:
        partial.unlink(missing_ok=True)
        node_archive.write(partial, Archive(node, made, members))
        partial.chmod(0o640)
        descriptor = os.open(partial, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    say(f"backup: {target} has all that this node needs on an empty disk, {len(members)} files")
    return target


def keep_settings(tasks: TaskSettings) -> None:
    """Take ``.env`` from standard input for the next backup.

    Raises:
        RefusedError: it is none.
        ToolError: it cannot be written.
    """
    content = sys.stdin.buffer.read(MAXIMUM_SETTINGS_BYTES + 1)
    try:
        values: Mapping[str, str] = parse_env(content.decode(), "standard input").values
    except (ConfigurationError, UnicodeDecodeError) as error:
        raise RefusedError(f"the settings are not kept for the backup: {error}") from None
    if len(content) > MAXIMUM_SETTINGS_BYTES or not values.get("NODE_ROLE"):
        raise RefusedError("the settings are not kept for the backup: standard input is no .env of a node")  # noqa: EM101
    try:
        folder(tasks).mkdir(parents=True, exist_ok=True)
        write_atomically(folder(tasks) / SETTINGS_NAME, content, 0o600)
    except OSError as error:
        raise ToolError(f"{folder(tasks) / SETTINGS_NAME} cannot be written: {error.strerror}") from None


def give_silences(text: str, now: float) -> int:
    """Give those silences of a backup that still last to this node's Alertmanager; return how many.

    Raises:
        RefusedError: it is no list of silences.
        ToolError: Alertmanager does not take one.
    """
    try:
        silences = parse_json(text, "the silences")
        lasting = [one for one in silences if _end(one) > now]
    except (ParseError, ValueError, TypeError, KeyError) as error:
        raise RefusedError(f"no silences of Alertmanager: {error}") from None
    for one in lasting:
        wanted = {name: one[name] for name in ("matchers", "startsAt", "endsAt", "createdBy", "comment")}
        _post(json.dumps(wanted).encode())
    return len(lasting)


def _silences() -> bytes | None:
    """Alertmanager's silences that last; None where there is no Alertmanager."""
    try:
        answer = http_get(*ALERTMANAGER, SILENCES_PATH, TIMEOUT_SECONDS)
        found: list[Any] = parse_json(answer, "Alertmanager's silences")
        return json.dumps([one for one in found if one["status"]["state"] != "expired"]).encode()
    except (FetchError, ParseError, TypeError, KeyError):
        return None


def _end(silence: Mapping[str, str]) -> float:
    return datetime.fromisoformat(silence["endsAt"]).timestamp()


def _post(body: bytes) -> None:
    connection = http.client.HTTPConnection(*ALERTMANAGER, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("POST", SILENCES_PATH, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        said = answer.read(1000).decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        raise ToolError(f"Alertmanager does not answer: {error}; is observability.yaml in COMPOSE_FILE?") from None
    finally:
        connection.close()
    if answer.status != http.client.OK:
        raise ToolError(f"Alertmanager refuses a silence: {answer.status} {said.strip()}")
