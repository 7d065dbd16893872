"""Make text that anyone may have chosen harmless in a message.

Label values come from container names, DNS answers and whatever else a rule shows. They must neither break a line
nor reorder it, nor be taken for Markdown, HTML, a mention or a link by whatever shows the message.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

# Persian and Indic scripts, and emoji, need these two; all other format characters go, bidirectional overrides first.
_JOINERS: Final = "\u200c\u200d"
# More marks on one letter than any language writes; without a limit they cover the lines above and below.
_MARKS_IN_A_ROW: Final = 4
_LOOKALIKES: Final = str.maketrans(
    {"<": "‹", ">": "›", "`": "ʼ", "*": "∗", "[": "(", "]": ")", "@": "＠", "~": "∼", "|": "¦"}  # noqa: RUF001
)
# Mail and chat programs make a link of what looks like a domain: a dot, or what is taken for one, before a letter.
# The dots of addresses, versions and decimals stand before a digit.
_DOT_IN_A_NAME: Final = re.compile(r"(?<=\S)[.．｡](?=[^\W\d_])")  # noqa: RUF001
_DOT_LOOKALIKE: Final = "\u2024"


def clean(value: str, limit: int) -> str:
    """One line of at most ``limit`` characters that nothing will interpret; a cut is shown as ``…``."""
    # Only so much is looked at, however long the value is.
    part = value[: limit * 2]
    if not (part.isascii() and part.isprintable()):
        part = _without_tricks(part)
    line = " ".join(part.split()).translate(_LOOKALIKES).replace("://", ": //")
    line = _DOT_IN_A_NAME.sub(_DOT_LOOKALIKE, line)
    if len(line) > limit or len(value) > limit * 2:
        return line[: limit - 1].rstrip() + "…"
    return line


def _without_tricks(text: str) -> str:
    kept: list[str] = []
    marks = 0
    for character in text:
        category = unicodedata.category(character)
        marks = marks + 1 if category in {"Mn", "Me"} else 0
        if category[0] == "Z" or character in "\t\n\r\v\f\x85":
            kept.append(" ")
        elif (category[0] != "C" or character in _JOINERS) and marks <= _MARKS_IN_A_ROW:
            kept.append(character)
    return "".join(kept)
