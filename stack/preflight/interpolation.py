"""Compose's interpolation: ``$NAME``, ``${NAME}``, ``${NAME:-default}`` and its kin.

After compose-go v2.1 to v2.16, template/template.go.

The quirks are Compose's own: a default may hold further variables, ``$$`` is a ``$``, and a ``$`` before anything that
begins no name stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable

Lookup = Callable[[str], str | None]

_PATTERN = re.compile(
    r"\$(?:(?P<escaped>\$)|(?P<named>[_a-z][_a-z0-9]*)|"
    r"\{(?:(?P<braced>[_a-z][_a-z0-9]*(?::?[-+?].*)?)\}|(?P<invalid>)))",
    re.IGNORECASE,
)
_OPERATOR = re.compile(r":?[-+?]")


class InterpolationError(ValueError):
    """Compose refuses the value; the message says why."""


def interpolate(text: str, lookup: Lookup, blank: Callable[[str], object]) -> str:
    """Replace the variables of a value; ``blank`` is told of each that is not set and has no default.

    Raises:
        InterpolationError: a ``${`` begins no variable, or one that is required is missing.
    """
    return _PATTERN.sub(lambda match: _replace(match, lookup, blank), text)


def _replace(match: re.Match[str], lookup: Lookup, blank: Callable[[str], object]) -> str:
    if match["escaped"]:
        return "$"
    if match["named"]:
        return _plain(match["named"], lookup, blank)
    if match["invalid"] is not None:
        msg = "${ begins no variable; write $$ for a $, or the value in single quotes"
        raise InterpolationError(msg)
    # The pattern reaches to the value's last brace: what is behind the first variable's own is looked at again.
    whole = match[0]
    end = _closing_brace(whole)
    inside, rest = (whole[2:end], whole[end + 1 :]) if end >= 0 else (match["braced"], "")
    operator = _OPERATOR.search(inside)
    if operator is None:
        return _plain(inside, lookup, blank) + rest
    name, word = inside[: operator.start()], inside[operator.end() :]
    value = lookup(name)
    there = bool(value) if operator[0].startswith(":") else value is not None
    if operator[0].endswith("?") and not there:
        msg = f"{name} is required and not set"
        raise InterpolationError(msg)
    if (operator[0].endswith("-") and not there) or (operator[0].endswith("+") and there):
        value = interpolate(word, lookup, blank)
    return (value or "") + interpolate(rest, lookup, blank)


def _plain(name: str, lookup: Lookup, blank: Callable[[str], object]) -> str:
    value = lookup(name)
    if value is None:
        blank(name)
    return value or ""


def _closing_brace(text: str) -> int:
    """Where the first opening brace is closed; -1 if nowhere. Compose does not look at what follows an opening one."""
    depth, index = 0, 0
    while index < len(text):
        if text[index] == "}":
            depth -= 1
            if depth == 0:
                return index
        elif text[index] == "{":
            depth += 1
            index += 1
        index += 1
    return -1
