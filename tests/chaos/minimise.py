"""Shortens a failing sequence: delta debugging over its steps (Zeller and Hildebrandt, 2002), in a bounded time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

Item = TypeVar("Item")


def minimise(
    items: Sequence[Item], fails: Callable[[tuple[Item, ...]], bool], *, runs: int
) -> tuple[tuple[Item, ...], int]:
    """The shortest part of ``items`` found that still fails, and how many runs that took; at most ``runs``.

    ``items`` themselves are taken to fail.
    """
    failing, parts, used = tuple(items), 2, 0
    while len(failing) > 1:
        size = -(-len(failing) // parts)
        pieces = [failing[start : start + size] for start in range(0, len(failing), size)]
        candidates = list(pieces) if parts == 2 else []
        candidates += [tuple(i for piece in pieces if piece is not left_out for i in piece) for left_out in pieces]
        for candidate in candidates:
            if used >= runs:
                return failing, used
            if not candidate or len(candidate) == len(failing):
                continue
            used += 1
            if fails(candidate):
                parts = 2 if len(candidate) <= size else max(parts - 1, 2)
                failing = candidate
                break
        else:
            if parts >= len(failing):
                break
            parts = min(len(failing), parts * 2)
    return failing, used
