"""The VIP counters that survive a restart of the exporter."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeGuard

from exporter.engine.files import parse_json
from exporter.model.errors import ParseError

FORMAT = 1
_WRONG = "the file does not hold VIP counters"


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
    document = parse_json(content, "the file of VIP counters")
    if not isinstance(document, dict) or document.get("format") != FORMAT or not isinstance(document.get("vips"), dict):
        raise ParseError(_WRONG)
    return {address: _saved(value) for address, value in document["vips"].items()}


def _saved(value: Any) -> SavedVip:  # noqa: ANN401
    if isinstance(value, dict):
        owned, last, created = value.get("owned"), value.get("last_transition"), value.get("created", [])
        acquisitions, releases = value.get("acquisitions"), value.get("releases")
        if (
            isinstance(owned, bool)
            and _is_count(acquisitions)
            and _is_count(releases)
            and (last is None or _is_time(last))
            and isinstance(created, list)
            and all(map(_is_time, created))
        ):
            return SavedVip(owned, acquisitions, releases, last, tuple(created))
    raise ParseError(_WRONG)


def _is_count(value: object) -> TypeGuard[int]:
    return type(value) is int and 0 <= value < 2**53


def _is_time(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 2**53
