"""Docker's documents about containers: the list, one container inspected, one event.

Docker Engine API, https://docs.docker.com/reference/api/engine/: the fields read here are the same from
1.41 (Docker 20.10) on. An inspected container holds the environment with its passwords, and labels can hold
anything: no document is kept, and no message quotes more of it than a field's name.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from exporter.model.errors import ParseError
from exporter.model.observations import Container
from exporter.parsers.fields import Fields, as_object, parse_object

# What to ask Docker's events for. It has many more: exec_create, exec_start and exec_die, say, which every
# health check causes.
EVENTS_WANTED = (
    "create",
    "start",
    "restart",
    "pause",
    "unpause",
    "kill",
    "oom",
    "stop",
    "die",
    "destroy",
    "rename",
    "health_status",
)
# What comes then; Docker says "health_status: healthy".
ACTIONS = (*EVENTS_WANTED[:-1], "health_status_healthy", "health_status_unhealthy")

_NEVER = datetime(1, 1, 1, tzinfo=UTC)  # Go's zero time: it has not happened
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_IDENTIFIER = re.compile(r"[0-9a-f]{12,64}")
_WORD = re.compile(r"[a-z][a-z_-]{0,31}")
_TIMESTAMP = re.compile(  # RFC 3339 with up to nine digits of a second
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(?:Z|([+-])([01]\d|2[0-3]):([0-5]\d))", re.ASCII
)


@dataclass(frozen=True, slots=True)
class ContainerEvent:
    """One of Docker's events: what happened, when, and to whom. A container that is renamed has two names."""

    identifier: str
    names: tuple[str, ...]
    action: str  # one of ACTIONS
    nanoseconds: int  # Unix time


def absent(name: str) -> Container:
    """Return what is to be said about an expected container that does not exist."""
    return Container(
        name=name, state="absent", health=None, restarts=None, oom_killed=None, exit_code=None, started_at=None
    )


def find_containers(document: object, names: Collection[str]) -> dict[str, str]:
    """Find the identifiers of the named containers in the answer to ``GET /containers/json``.

    Raises:
        ParseError: it is not a list of containers.
    """
    what = "Docker's list of containers"
    if not isinstance(document, list):
        raise ParseError(f"{what} is not a list")
    found: dict[str, str] = {}
    for entry in (as_object(entry, f"an entry of {what}") for entry in document):
        its_names = entry.array("Names") if entry.has("Names") else ()  # it has none on its way out
        for name in names:
            if f"/{name}" in its_names:
                found.setdefault(name, _identifier(entry, "Id"))
    return found


def parse_container(document: object, name: str) -> Container:
    """Read the answer to ``GET /containers/ID/json``; absent if the container no longer has that name.

    Raises:
        ParseError: it is not an inspected container.
    """
    container = as_object(document, f"Docker's description of container {name}")
    its_name = container.values.get("Name")
    if not isinstance(its_name, str):
        container.refuse("Name", "a name")
    if its_name != f"/{name}":
        return absent(name)
    state = container.object("State")
    status = state.word("Status", _WORD, "a word")
    exit_code = state.integer("ExitCode", -(2**31), 2**32 - 1)
    # One that was never started has exit code 0 too, but another one if its start failed.
    meaningless = status in {"running", "paused"} or (status == "created" and exit_code == 0)
    return Container(
        name=name,
        state=status,
        health=_health(state),
        restarts=container.count("RestartCount", 2**63),
        oom_killed=state.flag("OOMKilled"),
        exit_code=None if meaningless else exit_code,
        started_at=_time(state, "StartedAt"),
    )


def parse_event(line: bytes) -> ContainerEvent | None:
    """Read one line of the answer to ``GET /events``; None for an event that is none of a container's life.

    Raises:
        ParseError: it is not an event.
    """
    event = parse_object(line, "Docker's event")
    if event.values.get("Type") != "container":
        return None
    action = event.values.get("Action")
    if not isinstance(action, str):
        event.refuse("Action", "a word")
    action = action.replace(": ", "_")
    if action not in ACTIONS:
        return None
    actor = event.object("Actor")
    attributes = actor.object("Attributes")
    names = [attributes.values.get("name"), attributes.values.get("oldName")]
    return ContainerEvent(
        identifier=_identifier(actor, "ID"),
        names=tuple(name.removeprefix("/") for name in names if isinstance(name, str)),
        action=action,
        nanoseconds=event.count("timeNano", 2**63),
    )


def _identifier(fields: Fields, key: str) -> str:
    return fields.word(key, _IDENTIFIER, "an identifier")


def _health(state: Fields) -> str | None:
    if not state.has("Health"):
        return None
    health = state.object("Health")
    if health.values.get("Status") in ("", "none"):  # a health check that was switched off
        return None
    return health.word("Status", _WORD, "a word")


def _time(fields: Fields, key: str) -> float | None:
    value = fields.values.get(key)
    match = _TIMESTAMP.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        fields.refuse(key, "a time")
    second, fraction, sign, hours, minutes = match.groups()
    try:
        moment = datetime.fromisoformat(second).replace(tzinfo=UTC)
    except ValueError:
        fields.refuse(key, "a time")
    if moment == _NEVER:
        return None
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    seconds = (moment - _EPOCH) - (-offset if sign == "-" else offset)
    return seconds.total_seconds() + int((fraction or "0").ljust(9, "0")) / 1e9
