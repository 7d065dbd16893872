"""The commands that the pages tell people to type."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
PAGES: Final = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))

# A comment before a block says why no test runs it: <!-- not tested: needs hardware -->
_BLOCK: Final = re.compile(
    r"(?:<!-- not tested: (?P<why>[^\n]*?) -->\n\s*)?"
    r"^ *```(?P<language>sh|console|bash|shell)\n(?P<text>.*?)^ *```$",
    re.DOTALL | re.MULTILINE,
)
_COMMENT: Final = re.compile(r"\s+# .*$")
_SETTING: Final = re.compile(r"[A-Z][A-Z0-9_]*=\S*")


@dataclass(frozen=True, slots=True)
class Command:
    """One command, without its comment; ``untested`` is what the page says of why no test runs it, or None."""

    page: str
    text: str
    untested: str | None


def commands(page: str, text: str) -> Iterator[Command]:
    """Find the commands in a page's shell blocks.

    Of a ``console`` block those after a ``$``, for the rest is what they print. A line that only sets a variable
    belongs into ``.env`` and is none. A loop, and a line that goes on with a backslash, are one command.
    """
    for block in _BLOCK.finditer(text):
        for line in _joined(block["text"], console=block["language"] == "console"):
            if not _SETTING.fullmatch(line):
                yield Command(page, line, block["why"])


def _joined(text: str, *, console: bool) -> Iterator[str]:
    whole = ""
    for line in re.sub(r" *\\\n *", " ", text).splitlines():
        bare = line.strip()
        if console and not whole and not bare.startswith("$ "):
            continue
        whole += _COMMENT.sub("", bare.removeprefix("$ ")) + "\n"
        if not re.match(r"(?:for|while)\b", whole) or re.search(r"\bdone\b", whole):
            if whole.strip() and not whole.startswith("#"):
                yield " ".join(whole.split())
            whole = ""
    if whole.strip():
        yield " ".join(whole.split())


def all_commands() -> list[Command]:
    """Every command of README and the pages in ``docs``."""
    return [command for page in PAGES for command in commands(str(page.relative_to(ROOT)), page.read_text("utf-8"))]
