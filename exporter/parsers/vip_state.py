"""The VIP counters that survive a restart of the exporter."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from exporter.parsers.fields import EXACT, Fields, parse_object

FORMAT = 1


@dataclass(frozen=True, slots=True)
class SavedVip:
    """What is saved of one virtual IP; the time is Unix seconds.

    ``created`` are the kernel's stamps of the addresses that made it owned, in seconds since boot: they
    identify an acquisition whatever the clock does.
    """

    owned: bool
    acquisitions: int
    releases: int
    last_transition: float | None
    created: tuple[float, ...] = ()


def format_vip_state(saved: Mapping[str, SavedVip]) -> bytes:
    """Write the counters as JSON."""
    return json.dumps({"format": FORMAT, "vips": {address: asdict(vip) for address, vip in saved.items()}}).encode()


def parse_vip_state(content: bytes) -> dict[str, SavedVip]:
    """Read the counters back, by address.

    Raises:
        ParseError: it is not what ``format_vip_state`` writes.
    """
    document = parse_object(content, "the file of VIP counters")
    document.integer("format", FORMAT, FORMAT)
    vips = document.object("vips")
    return {address: _saved(vips.object(address)) for address in vips.values}


def _saved(vip: Fields) -> SavedVip:
    created = vip.array("created") if "created" in vip.values else []
    if not all(map(_is_time, created)):
        vip.refuse("created", "a list of times")
    return SavedVip(
        owned=vip.flag("owned"),
        acquisitions=vip.count("acquisitions"),
        releases=vip.count("releases"),
        last_transition=vip.seconds("last_transition") if vip.has("last_transition") else None,
        created=tuple(created),
    )


def _is_time(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < EXACT
