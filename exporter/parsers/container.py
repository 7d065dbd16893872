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
from typing import Any

from exporter.engine.files import parse_json
from exporter.model.errors import ParseError
from exporter.model.observations import Container

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
    found: dict[str, str] = {}
    if not isinstance(document, list):
        raise _wrong(what, "", "a list")
    for entry in document:
        if not isinstance(entry, dict):
            raise _wrong(what, "", "a list of objects")
        its_names = entry.get("Names")
        if its_names is None:  # on its way out
            continue
        if not isinstance(its_names, list):
            raise _wrong(what, "Names", "a list")
        for name in names:
            if f"/{name}" in its_names:
                found.setdefault(name, _identifier(entry, "Id", what))
    return found


def parse_container(document: object, name: str) -> Container:
    """Read the answer to ``GET /containers/ID/json``; absent if the container no longer has that name.

    Raises:
        ParseError: it is not an inspected container.
    """
    what = f"Docker's description of container {name}"
    container = _object(document, "", what)
    its_name = container.get("Name")
    if not isinstance(its_name, str):
        raise _wrong(what, "Name", "a name")
    if its_name != f"/{name}":
        return absent(name)
    state = _object(container.get("State"), "State", what)
    status = _word(state, "Status", what)
    exit_code = _integer(state, "ExitCode", what, -(2**31), 2**32 - 1)
    # One that was never started has exit code 0 too, but another one if its start failed.
    meaningless = status in {"running", "paused"} or (status == "created" and exit_code == 0)
    return Container(
        name=name,
        state=status,
        health=_health(state, what),
        restarts=_integer(container, "RestartCount", what, 0, 2**63 - 1),
        oom_killed=_boolean(state, "OOMKilled", what),
        exit_code=None if meaningless else exit_code,
        started_at=_time(state, "StartedAt", what),
    )


def parse_event(line: bytes) -> ContainerEvent | None:
    """Read one line of the answer to ``GET /events``; None for an event that is none of a container's life.

    Raises:
        ParseError: it is not an event.
    """
    what = "Docker's event"
    event = _object(parse_json(line, what), "", what)
    if event.get("Type") != "container":
        return None
    action = event.get("Action")
    if not isinstance(action, str):
        raise _wrong(what, "Action", "a word")
    action = action.replace(": ", "_")
    if action not in ACTIONS:
        return None
    actor = _object(event.get("Actor"), "Actor", what)
    attributes = _object(actor.get("Attributes"), "Actor.Attributes", what)
    names = [attributes.get("name"), attributes.get("oldName")]
    return ContainerEvent(
        identifier=_identifier(actor, "ID", what),
        names=tuple(name.removeprefix("/") for name in names if isinstance(name, str)),
        action=action,
        nanoseconds=_integer(event, "timeNano", what, 0, 2**63 - 1),
    )


def _wrong(what: str, field: str, expected: str) -> ParseError:
    return ParseError(f"{field} in {what} is not {expected}" if field else f"{what} is not {expected}")


def _object(value: object, field: str, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _wrong(what, field, "an object")
    return value


def _identifier(fields: dict[str, Any], key: str, what: str) -> str:
    value = fields.get(key)
    if not isinstance(value, str) or not re.fullmatch(r"[0-9a-f]{12,64}", value):
        raise _wrong(what, key, "an identifier")
    return value


def _word(fields: dict[str, Any], key: str, what: str) -> str:
    value = fields.get(key)
    if not isinstance(value, str) or not re.fullmatch(r"[a-z][a-z_-]{0,31}", value):
        raise _wrong(what, key, "a word")
    return value


def _integer(fields: dict[str, Any], key: str, what: str, lowest: int, highest: int) -> int:
    value = fields.get(key)
    if type(value) is not int or not lowest <= value <= highest:
        raise _wrong(what, key, "a number that makes sense")
    return value


def _boolean(fields: dict[str, Any], key: str, what: str) -> bool:
    value = fields.get(key)
    if not isinstance(value, bool):
        raise _wrong(what, key, "true or false")
    return value


def _health(state: dict[str, Any], what: str) -> str | None:
    if state.get("Health") is None:
        return None
    health = _object(state["Health"], "State.Health", what)
    if health.get("Status") in ("", "none"):  # a health check that was switched off
        return None
    return _word(health, "Status", what)


def _time(fields: dict[str, Any], key: str, what: str) -> float | None:
    value = fields.get(key)
    match = _TIMESTAMP.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise _wrong(what, key, "a time")
    second, fraction, sign, hours, minutes = match.groups()
    try:
        moment = datetime.fromisoformat(second).replace(tzinfo=UTC)
    except ValueError:
        raise _wrong(what, key, "a time") from None
    if moment == _NEVER:
        return None
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    seconds = (moment - _EPOCH) - (-offset if sign == "-" else offset)
    return seconds.total_seconds() + int((fraction or "0").ljust(9, "0")) / 1e9
