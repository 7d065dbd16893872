"""What a number is shown as: a mapping's word and colour, or a threshold's colour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
