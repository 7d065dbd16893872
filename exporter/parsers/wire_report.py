"""What the wire watch found (stack/keepalived/wire/report.py), read as something that a stranger wrote."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from exporter.model.observations import Advertiser, AdvertiserKind, Conflict, ForeignDevice
from exporter.parsers.fields import Fields, parse_object, printable

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
    report = parse_object(content, "the wire watch's report")
    adverts = report.object("adverts", MAXIMUM_ENTRIES, _REASON)
    addresses = report.object("addresses", MAXIMUM_ENTRIES)
    return WireReport(
        time=report.seconds("time"),
        problem=report.excerpt("problem", MAXIMUM_TEXT),
        dropped=report.count("dropped"),
        announcements=report.count("announcements"),
        conflicts=tuple(_conflict(address, addresses.object(address)) for address in addresses.values),
        advertisements={reason: adverts.count(reason) for reason in adverts.values},
        advertisers=tuple(_advertiser(sender) for sender in report.objects("senders", MAXIMUM_ENTRIES)),
    )


def _conflict(address: str, fields: Fields) -> Conflict:
    foreign = _device(fields.object("foreign")) if fields.has("foreign") else None
    return Conflict(
        printable(address[:MAXIMUM_TEXT]),
        foreign.hardware if foreign and foreign.lasting else None,
        fields.count("replies"),
        foreign,
        fields.flag("split"),
    )


def _device(fields: Fields) -> ForeignDevice:
    return ForeignDevice(_hardware(fields), fields.flag("lasting"), fields.seconds("first"), fields.seconds("last"))


def _advertiser(fields: Fields) -> Advertiser:
    seen = fields.array("seen", MAXIMUM_ENTRIES)
    if not all(isinstance(one, str) for one in seen):
        fields.refuse("seen", "a list of texts")
    return Advertiser(
        kind=fields.one_of("kind", _KINDS),
        source=fields.excerpt("source", MAXIMUM_TEXT),
        hardware=_hardware(fields),
        way=fields.excerpt("way", MAXIMUM_TEXT),
        mixed=fields.flag("mixed"),
        settled=fields.flag("settled"),
        lasting=fields.flag("lasting"),
        first=fields.seconds("first"),
        last=fields.seconds("last"),
        count=fields.count("count"),
        seen=tuple(printable(one[:MAXIMUM_TEXT]) for one in seen),
    )


def _hardware(fields: Fields) -> str:
    return fields.word("hardware", _HARDWARE, "a hardware address")
