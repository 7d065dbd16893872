"""What both Pi-holes should hold, as entries that can be compared: lists, domains, groups, clients, settings."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from exporter.model.errors import ParseError
from stack.tools import pihole_settings
from stack.tools.errors import ToolError
from stack.tools.overwrite_check import Entries

# Every Pi-hole has it and cannot lose it (the group with id 0).
DEFAULT_GROUP = 0
KINDS = ("lists", "domains", "clients")


@dataclass(frozen=True, slots=True)
class Content:
    """What a Pi-hole holds; ``lists`` are what gravity is built from: identifier, kind and address of enabled ones."""

    tables: Entries  # of the gravity database
    settings: pihole_settings.Held
    lists: frozenset[str]

    @property
    def entries(self) -> Entries:
        """All that is compared."""
        return {**self.tables, **pihole_settings.entries(self.settings)}

    def without_settings(self, keys: Collection[str]) -> Content:
        """The same without some settings."""
        kept = {key: setting for key, setting in self.settings.items() if key not in keys}
        return replace(self, settings=kept)


class Gets(Protocol):
    """Gives the JSON of a path of Pi-hole's API."""

    def get(self, path: str) -> Any:  # noqa: ANN401
        """GET it."""


def fetch(api: Gets, url: str) -> Content:
    """Ask a Pi-hole for all of it.

    Raises:
        NoGravityError: it has no gravity database.
        ToolError: it does not answer, or nothing that makes sense.
    """
    documents = {path: api.get(f"/{path}") for path in (*KINDS, "groups")}
    config, blocking = api.get("/config?detailed=true"), api.get("/dns/blocking")
    # A pause with a timer (src/api/dns.c) ends by itself; FTL writes it down as if it were for good.
    paused = isinstance(blocking, dict) and blocking.get("timer") is not None
    try:
        settings = pihole_settings.parse(config, paused=paused)
        return Content(parse(documents), settings, enabled_lists(documents))
    except ParseError as error:
        raise ToolError(f"{url}/api {error}; is it Pi-hole v6?") from None


def parse(documents: Mapping[str, Any]) -> Entries:
    """Read the API's documents of the gravity database, by path, without what differs by chance (ids, dates, counts).

    Raises:
        ParseError: they make no sense.
    """
    groups = _rows(documents, "groups")
    names: dict[int, str] = {}
    entries: dict[str, str] = {}
    for group in groups:
        number, name = group.get("id"), _text(group, "name")
        if type(number) is not int:
            problem = "group ids"
            raise _wrong(problem)
        names[number] = name
        if number != DEFAULT_GROUP:
            entries[f"group {name}"] = _value(group, names, ("enabled", "comment"))
    for entry in _rows(documents, "lists"):
        name = f"list {_text(entry, 'type')} {_text(entry, 'address')}"
        entries[name] = _value(entry, names, ("enabled", "comment"), grouped=True)
    for entry in _rows(documents, "domains"):
        name = f"domain {_text(entry, 'type')} {_text(entry, 'kind')} {_text(entry, 'domain')}"
        entries[name] = _value(entry, names, ("enabled", "comment"), grouped=True)
    for entry in _rows(documents, "clients"):
        entries[f"client {_text(entry, 'client')}"] = _value(entry, names, ("comment",), grouped=True)
    return entries


def group_numbers(api: Gets) -> dict[str, int]:
    """The number of each group, by its name, in a Pi-hole.

    Raises:
        ToolError: it does not say.
    """
    try:
        rows = _rows({"groups": api.get("/groups")}, "groups")
        return {_text(row, "name"): int(row["id"]) for row in rows}
    except (ParseError, KeyError, TypeError, ValueError):
        raise ToolError("the other Pi-hole gives no groups that make sense; is it Pi-hole v6?") from None  # noqa: EM101


def enabled_lists(documents: Mapping[str, Any]) -> frozenset[str]:
    """Name what gravity is built from; its domains point to their list by its identifier.

    Raises:
        ParseError: the documents make no sense.
    """
    rows = [row for row in _rows(documents, "lists") if row.get("enabled")]
    return frozenset(f"{row.get('id')} {_text(row, 'type')} {_text(row, 'address')}" for row in rows)


def _rows(documents: Mapping[str, Any], kind: str) -> list[Mapping[str, Any]]:
    document = documents.get(kind)
    rows = document.get(kind) if isinstance(document, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise _wrong(kind)
    return rows


def _text(row: Mapping[str, Any], key: str) -> str:
    value = row.get(key)
    if not isinstance(value, str) or not value:
        raise _wrong(key)
    return value


def _value(row: Mapping[str, Any], names: Mapping[int, str], keys: tuple[str, ...], *, grouped: bool = False) -> str:
    value: dict[str, Any] = {key: row.get(key) for key in keys}
    if grouped:
        numbers = row.get("groups")
        if not isinstance(numbers, list) or not all(type(number) is int for number in numbers):
            problem = "groups"
            raise _wrong(problem)
        value["groups"] = sorted(names.get(number, str(number)) for number in numbers)
    return json.dumps(value, sort_keys=True)


def _wrong(what: str) -> ParseError:
    return ParseError(f"gives no {what} that make sense")
