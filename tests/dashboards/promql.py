"""What a query names: its metrics and its labels, read with a few regular expressions that suffice for ours."""

from __future__ import annotations

import re
from collections.abc import Iterator

_SELECTOR = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)\{([^}]*)\}")
_MATCHER = re.compile(r'([a-zA-Z_]\w*)\s*(?:=~|!~|!=|=)\s*"')
_GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")
_AGGREGATION = re.compile(r"\bby\s*\(([^)]*)\)\s*\(")
_MADE = re.compile(r'"(\w+)",\s*"[^"]*",\s*"\w*"')  # the end of label_replace() and label_join()


def selectors(promql: str) -> Iterator[tuple[str, list[str]]]:
    """Every metric that the query selects, with the labels it matches."""
    for name, matchers in _SELECTOR.findall(promql):
        yield name, _MATCHER.findall(matchers)


def grouping_labels(promql: str) -> set[str]:
    """Every label that the query groups or joins by."""
    return {label for group in _GROUPING.findall(promql) for label in _labels(group)}


def made_labels(promql: str) -> set[str]:
    """Every label that the query itself makes."""
    return set(_MADE.findall(promql))


def answer_labels(promql: str) -> set[str]:
    """Every label that the answer can have: what an aggregation is made of has lost its own.

    What stands at the end behind "unless on ()" only silences.
    """
    labels: set[str] = set()
    left = promql.split(" unless on () ", maxsplit=1)[0]
    while found := _AGGREGATION.search(left):
        labels |= _labels(found[1])
        end, depth = found.end(), 1
        while depth:
            depth += {"(": 1, ")": -1}.get(left[end], 0)
            end += 1
        left = left[: found.start()] + left[end:]
    return labels | grouping_labels(left) | made_labels(left)


def _labels(group: str) -> set[str]:
    return {label.strip() for label in group.split(",") if label.strip()}
