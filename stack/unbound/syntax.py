"""Read the part of unbound.conf's syntax that drop-in files may use. Pure: bytes in, options out.

Unbound's own lexer (NLnetLabs/unbound, util/configlexer.lex) reads a stream of words in which a value may stand on the
next line, and in which ``include:`` counts even where a value is expected. Here a line is a clause's head, or one
option with its values, or nothing; whatever is accepted means the same to Unbound.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from exporter.model.errors import ParseError

CLAUSES = frozenset({
    "server", "forward-zone", "stub-zone", "auth-zone", "rpz", "view", "remote-control", "python", "dynlib", "dnscrypt",
    "dnstap", "cachedb", "ipset",
})  # fmt: skip
_NOTHING = re.compile(r"[ \t]*(#.*)?")
_KEYWORD = re.compile(r"[ \t]*([a-z][a-z0-9-]*):")
# A backslash escapes what follows it, in quotes too: none is accepted. Without quotes a value may hold a #
# (forward-addr: 192.0.2.1@853#dns.example), but not begin with one.
_VALUE = re.compile(r"""[ \t]*(?:"([^"\\]*)"|'([^'\\]*)'|([^ \t'"\\#][^ \t'"\\]*))(?=[ \t]|$)""")
_REST = re.compile(r"[ \t]*([ \t]#.*)?")
# These are directives wherever they stand without quotes.
_DIRECTIVES = frozenset({"include:", "include-toplevel:"})


class LineError(ParseError):
    """A line that cannot be used."""

    def __init__(self, line: int, what: str) -> None:
        super().__init__(f"line {line}: {what}")
        self.line = line
        self.what = what


@dataclass(frozen=True, slots=True)
class Option:
    """One option with its values; or the head of a clause, which has the clause's own name and no values."""

    clause: str
    name: str
    values: tuple[str, ...]
    line: int  # from 1


def parse(content: bytes) -> tuple[Option, ...]:
    """Read a drop-in file.

    Raises:
        LineError: it is not UTF-8, or a line is neither a clause's head nor one option with its values.
    """
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise LineError(content.count(b"\n", 0, error.start) + 1, "it is not UTF-8") from None
    clause = ""
    options: list[Option] = []
    for number, ended in enumerate(text.split("\n"), 1):
        line = ended.removesuffix("\r")
        if not line.replace("\t", " ").isprintable():
            raise LineError(number, "it holds a character that cannot be seen")
        if _NOTHING.fullmatch(line):
            continue
        name, values = _statement(line, number)
        if name in CLAUSES:
            if values:
                raise LineError(number, f"{name}: stands on a line of its own")
            clause = name
        elif not clause:
            raise LineError(number, f"{name}: stands before the head of a clause, such as server:")
        options.append(Option(clause, name, values, number))
    return tuple(options)


def _statement(line: str, number: int) -> tuple[str, tuple[str, ...]]:
    keyword = _KEYWORD.match(line)
    if keyword is None:
        raise LineError(number, "it does not begin with the name of an option and a colon")
    at, values = keyword.end(), []
    while match := _VALUE.match(line, at):
        values.append(next(group for group in match.groups() if group is not None))
        at = match.end()
        if match[3] in _DIRECTIVES:
            raise LineError(number, f"{match[3]} is not for drop-in files")
    if not _REST.fullmatch(line, at):
        raise LineError(number, "values with spaces stand in quotes, values have no backslash, and quotes are closed")
    return keyword[1], tuple(values)
