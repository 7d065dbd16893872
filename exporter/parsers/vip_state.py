"""The VIP counters that survive a restart of the exporter."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from exporter.errors import ParseError
from exporter.files import parse_json

FORMAT = 1
_WRONG = "the file does not hold VIP counters"


@dataclass(frozen=True, slots=True)
class SavedVip:
    """What is saved of one virtual IP; the time is Unix seconds."""

    owned: bool
    acquisitions: int
    releases: int
    last_transition: float | None


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
        owned, last = value.get("owned"), value.get("last_transition")
        counts: list[Any] = [value.get("acquisitions"), value.get("releases")]
        if (
            isinstance(owned, bool)
            and all(type(count) is int and 0 <= count < 2**53 for count in counts)
            and (last is None or (type(last) in (int, float) and math.isfinite(last) and last >= 0))
        ):
            return SavedVip(owned, counts[0], counts[1], last)
    raise ParseError(_WRONG)
