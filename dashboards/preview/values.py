"""Numbers as Grafana writes them: mapped to a word and a colour, or with their unit."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

Json = Mapping[str, Any]


def mapped(value: float | str, mappings: Sequence[Json]) -> tuple[str, str] | None:
    """The word and colour that value mappings give; None where they give none."""
    for mapping in mappings:
        options = mapping["options"]
        if mapping["type"] == "value":
            state = options.get(value if isinstance(value, str) else f"{value:g}")
        elif isinstance(value, str):
            state = None
        else:
            low, high = options["from"], options["to"]
            state = options["result"] if (low is None or value >= low) and (high is None or value <= high) else None
        if state:
            return state["text"], state["color"]
    return None


def threshold_color(value: float, steps: Sequence[Json]) -> str:
    """The colour of the highest threshold that the value reaches; no value (NaN) reaches none but the base."""
    color: str = steps[0]["color"]
    for step in steps[1:]:
        if value >= step["value"]:
            color = step["color"]
    return color


def with_unit(value: float, unit: str, now: float, decimals: int | None = None) -> str:
    """Write a number with its unit."""
    if math.isnan(value):
        return "–"  # noqa: RUF001  a dash, as in tables
    match unit:
        case "s":
            return seconds(value)
        case "dateTimeFromNow":
            return f"{seconds(now - value / 1000)} ago"
        case "dateTimeAsIso":
            return datetime.fromtimestamp(value / 1000, UTC).strftime("%H:%M:%S.%f")[:-3]
        case "percentunit":
            return f"{100 * value:.3g} %" if decimals is None else f"{100 * value:.{min(decimals, 2)}f} %"
        case "celsius":
            return f"{value:.0f} °C"
        case "Bps":
            return f"{_scaled(value)}B/s"
        case "bps":
            return f"{_scaled(value)}b/s"
        case "reqps":
            return f"{value:.3g} req/s"
        case "pps":
            return f"{value:.3g} p/s"
    return f"{value:.{decimals}f}" if decimals is not None else f"{value:.4g}"


def seconds(value: float) -> str:
    """A time in the unit that suits it."""
    size = abs(value)
    for limit, factor, word in ((1e-3, 1e6, "µs"), (1, 1e3, "ms"), (120, 1, "s"), (7200, 1 / 60, "min")):
        if size < limit:
            return f"{value * factor:.3g} {word}" if size else "0 s"
    return f"{value / 3600:.3g} h" if size < 172800 else f"{value / 86400:.3g} d"


def _scaled(value: float) -> str:
    for prefix in ("", "k", "M"):
        if abs(value) < 1000:
            return f"{value:.3g} {prefix}"
        value /= 1000
    return f"{value:.3g} G"
