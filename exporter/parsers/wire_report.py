"""What the wire watch beside keepalived found (stack/wire/report.py), read as something that a stranger wrote."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from exporter.engine.files import parse_json
from exporter.model.errors import ParseError
from exporter.model.observations import Advertiser, AdvertiserKind, Conflict, ForeignDevice

MAXIMUM_BYTES = 64 << 10
MAXIMUM_ENTRIES = 64
MAXIMUM_TEXT = 600
_HARDWARE = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")
_REASON = re.compile(r"[a-z_]{1,32}")
_KINDS = {kind.value: kind for kind in AdvertiserKind}


@dataclass(frozen=True, slots=True)
class WireReport:
    """The watch's findings. ``time`` is Unix seconds; ``problem`` is empty while the wire is watched."""

    time: float
    problem: str
    dropped: int
    announcements: int
    conflicts: tuple[Conflict, ...]
    advertisements: Mapping[str, int]
    advertisers: tuple[Advertiser, ...]


def parse_wire_report(content: bytes) -> WireReport:
    """Parse the report.

    Raises:
        ParseError: any of it makes no sense; nothing of it is used.
    """
    document = _object(parse_json(content, "the wire watch's report"), "it")
    adverts = _object(document.get("adverts"), "adverts")
    if not all(_REASON.fullmatch(reason) for reason in adverts):
        _refuse("adverts")
    senders = document.get("senders")
    if not isinstance(senders, list) or len(senders) > MAXIMUM_ENTRIES:
        _refuse("senders")
    return WireReport(
        time=_time(document, "time"),
        problem=_text(document, "problem"),
        dropped=_count(document, "dropped"),
        announcements=_count(document, "announcements"),
        conflicts=tuple(
            _conflict(address, _object(fields, "addresses"))
            for address, fields in _object(document.get("addresses"), "addresses").items()
        ),
        advertisements={reason: _count(adverts, reason) for reason in adverts},
        advertisers=tuple(_advertiser(_object(sender, "senders")) for sender in senders),
    )


def _conflict(address: str, fields: Mapping[str, Any]) -> Conflict:
    found = fields.get("foreign")
    foreign = None if found is None else _device(_object(found, "foreign"))
    return Conflict(
        _printable(address),
        foreign.hardware if foreign and foreign.lasting else None,
        _count(fields, "replies"),
        foreign,
        _boolean(fields, "split"),
    )


def _device(fields: Mapping[str, Any]) -> ForeignDevice:
    return ForeignDevice(_hardware(fields), _boolean(fields, "lasting"), _time(fields, "first"), _time(fields, "last"))


def _advertiser(fields: Mapping[str, Any]) -> Advertiser:
    kind, seen = fields.get("kind"), fields.get("seen")
    if not isinstance(kind, str) or kind not in _KINDS:
        _refuse("kind")
    if not isinstance(seen, list) or len(seen) > MAXIMUM_ENTRIES or not all(isinstance(one, str) for one in seen):
        _refuse("seen")
    return Advertiser(
        kind=_KINDS[kind],
        source=_text(fields, "source"),
        hardware=_hardware(fields),
        way=_text(fields, "way"),
        mixed=_boolean(fields, "mixed"),
        settled=_boolean(fields, "settled"),
        lasting=_boolean(fields, "lasting"),
        first=_time(fields, "first"),
        last=_time(fields, "last"),
        count=_count(fields, "count"),
        seen=tuple(map(_printable, seen)),
    )


def _object(value: object, key: str) -> Mapping[str, Any]:
    if not isinstance(value, dict) or len(value) > MAXIMUM_ENTRIES:
        _refuse(key)
    return value


def _hardware(fields: Mapping[str, Any]) -> str:
    value = fields.get("hardware")
    if not isinstance(value, str) or not _HARDWARE.fullmatch(value):
        _refuse("hardware")
    return value


def _text(fields: Mapping[str, Any], key: str) -> str:
    value = fields.get(key)
    if not isinstance(value, str):
        _refuse(key)
    return _printable(value)


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text[:MAXIMUM_TEXT])


def _boolean(fields: Mapping[str, Any], key: str) -> bool:
    value = fields.get(key)
    if not isinstance(value, bool):
        _refuse(key)
    return value


def _count(fields: Mapping[str, Any], key: str) -> int:
    value = fields.get(key)
    if type(value) is not int or not 0 <= value < 2**53:
        _refuse(key)
    return value


def _time(fields: Mapping[str, Any], key: str) -> float:
    value = fields.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 2**53:
        _refuse(key)
    return float(value)


def _refuse(key: str) -> NoReturn:
    msg = f"the wire watch's report cannot be understood: {key} is not what it should be"
    raise ParseError(msg)
