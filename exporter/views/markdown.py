"""The part of Markdown (CommonMark, and GitHub's tables) that the runbooks are written in, as HTML.

Headings, paragraphs, lists of one level, tables, fenced code, and in a line code and links. Everything else, HTML too,
is text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from html import escape
from itertools import groupby

_FENCED = re.compile(r"^```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_MARKED = re.compile(r"`([^`]+)`|\[([^\]]+)\]\(([^)\s]+)\)")
_BESIDE = re.compile(r"(\w+)\.md")
_RULE = re.compile(r"[|\s:-]+")


def to_html(text: str) -> str:
    """Return HTML that is safe whatever the text is; links to ``NAME.md`` lead to ``NAME``."""
    parts = _FENCED.split(text)  # text and code by turns
    return "".join(_code(part) if index % 2 else _prose(part) for index, part in enumerate(parts))


def _code(text: str) -> str:
    """Each line by itself, so that the style can set its continuation off on a narrow screen."""
    lines = "".join(f"<code>{escape(line)}</code>" for line in text.splitlines(keepends=True))
    return f"<pre>{lines}</pre>\n"


def _prose(text: str) -> str:
    return "".join(_BLOCKS[kind](list(lines)) for kind, lines in groupby(text.splitlines(), _kind))


def _kind(line: str) -> str:
    start = line[:1] if line[:1] in ("#", "|") else line[:2]
    return start if start in _BLOCKS else "text" if line.strip() else ""


def _headings(lines: Sequence[str]) -> str:
    made = ""
    for line in lines:
        words = line.lstrip("#")
        level = min(len(line) - len(words), 6)
        made += f"<h{level}>{_inline(words.strip())}</h{level}>\n"
    return made


def _list(lines: Sequence[str]) -> str:
    items = "".join(f"<li>{_inline(line[2:])}</li>\n" for line in lines)
    return f"<ul>\n{items}</ul>\n"


def _table(lines: Sequence[str]) -> str:
    """Rows that fold on a narrow screen, as those of the status page do."""
    made = ""
    for line in lines:
        if _RULE.fullmatch(line):
            continue
        first, *others = (_inline(cell.strip()) for cell in line.strip().strip("|").split("|"))
        made += f'<div class="row"><b>{first}</b>{"".join(f"<span>{cell}</span>" for cell in others)}</div>\n'
    return made


def _paragraph(lines: Sequence[str]) -> str:
    return f"<p>{_inline(chr(10).join(lines))}</p>\n"


def _nothing(_: Sequence[str]) -> str:
    return ""


_BLOCKS: dict[str, Callable[[Sequence[str]], str]] = {
    "#": _headings,
    "- ": _list,
    "|": _table,
    "text": _paragraph,
    "": _nothing,
}


def _inline(text: str) -> str:
    made, end = "", 0
    for found in _MARKED.finditer(text):
        made += escape(text[end : found.start()]) + _marked(*found.groups())
        end = found.end()
    return made + escape(text[end:])


def _marked(code: str | None, words: str, address: str) -> str:
    if code is not None:
        return f"<code>{escape(code)}</code>"
    if beside := _BESIDE.fullmatch(address):
        address = beside[1]
    elif not address.startswith(("https://", "http://")):  # a file that is not served
        return f"{escape(words)} ({escape(address)})"
    return f'<a href="{escape(address)}">{escape(words)}</a>'
