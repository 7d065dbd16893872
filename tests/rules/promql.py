"""Just enough of PromQL's grammar to find the metrics and labels that an expression uses."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_STRING: Final = re.compile(r'"(?:[^"\\]|\\.)*"')
_KEYWORDS: Final = {"or", "and", "unless", "bool", "offset", "by", "on", "ignoring", "without"}


@dataclass(frozen=True, slots=True)
class Used:
    """What an expression uses: label matchers by metric, and the labels that results are grouped by."""

    matchers: dict[str, frozenset[str]]
    grouping: frozenset[str]
    made: frozenset[str]  # by label_replace()


def used(expression: str) -> Used:
    """Find what an expression uses."""
    made = re.findall(r',\s*"(\w+)",\s*"[^"]*",\s*"\w*",\s*"', expression)
    names = [name for names in re.findall(r'__name__=~"([^"]*)"', expression) for name in names.split("|")]
    bare = _STRING.sub('""', expression)
    grouping: list[str] = []
    for labels in re.findall(r"\b(?:by|on|ignoring|without)\s*\(([^)]*)\)", bare):
        grouping += re.findall(r"\w+", labels)
    bare = re.sub(r"\b(by|on|ignoring|without|group_left|group_right)\s*\([^)]*\)", " ", bare)
    bare = re.sub(r"\[[^\]]*\]|\boffset\s+\w+", " ", bare)
    matchers: dict[str, set[str]] = {name: set() for name in names}
    for name, braces, call in re.findall(
        r"([a-zA-Z_:][\w:]*)\s*(\{[^}]*\})?\s*(\()?", re.sub(r"\{__name__[^}]*\}", " ", bare)
    ):
        if not call and name not in _KEYWORDS:
            matchers.setdefault(name, set()).update(re.findall(r"(\w+)\s*[=!]", braces))
    return Used({name: frozenset(found) for name, found in matchers.items()}, frozenset(grouping), frozenset(made))
