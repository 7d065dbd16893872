"""Rows: titled groups of panels, placed from left to right."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import attr
from grafanalib.core import GridPos, Panel, RowPanel

from dashboards.panels import Tile

COLUMNS: Final = 24


@dataclass(frozen=True, slots=True)
class Row:
    """A heading and its panels; without a title there is no heading."""

    title: str
    tiles: Sequence[Tile]


def place(rows: Iterable[Row]) -> list[Panel]:
    """Give every panel its place and its number, in reading order."""
    placed: list[Panel] = []
    top = 0
    for row in rows:
        if row.title:
            heading = RowPanel(title=row.title, maxDataPoints=None)
            placed.append(_at(heading, len(placed) + 1, x=0, y=top, width=COLUMNS, height=1))
            top += 1
        left = height = 0
        for tile in row.tiles:
            if left + tile.width > COLUMNS:
                left, top, height = 0, top + height, 0
            placed.append(_at(tile.panel, len(placed) + 1, x=left, y=top, width=tile.width, height=tile.height))
            left += tile.width
            height = max(height, tile.height)
        top += height
    return placed


def _at(panel: Panel, number: int, *, x: int, y: int, width: int, height: int) -> Panel:
    return attr.evolve(panel, id=number, gridPos=GridPos(h=height, w=width, x=x, y=y))
