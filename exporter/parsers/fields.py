"""JSON that anyone may have written, and its objects' fields, each read by what it must be.

Standard library alone: keepalived's image reads with it too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar

from exporter.model.errors import ParseError

EXACT = 2**53  # from here on a float, which is what most JSON readers make of a number, is not exact
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")

T = TypeVar("T")


def parse_json(content: bytes | str, what: str) -> Any:  # noqa: ANN401
    """Parse JSON that anyone may have written.

    Raises:
        ParseError: it is not JSON in UTF-8, nested too deep, holds NaN or infinities (RFC 8259 has none)
            or half a surrogate pair, which no answer of ours could be written with.
    """

    def refuse(word: str) -> None:
        msg = f"{what} holds {word}, which is not JSON"
        raise ParseError(msg)

    try:
        text = content if isinstance(content, str) else content.decode("utf-8")
        document = json.loads(text, parse_constant=refuse)
        if _SURROGATE.search(text):
            json.dumps(document, ensure_ascii=False).encode("utf-8")
    except RecursionError:
        msg = f"{what} is nested too deep"
        raise ParseError(msg) from None
    except ValueError as error:
        msg = f"{what} is not JSON: {error}"
        raise ParseError(msg) from None
    return document


def parse_object(content: bytes | str, what: str) -> Fields:
    """Parse a JSON object.

    Raises:
        ParseError: it is none, or no JSON that ``parse_json`` takes.
    """
    return as_object(parse_json(content, what), what)


def as_object(value: object, what: str) -> Fields:
    """Take a parsed value for an object.

    Raises:
        ParseError: it is none.
    """
    if not isinstance(value, dict):
        raise ParseError(f"{what} is not an object")
    return Fields(value, what)


def printable(text: str) -> str:
    """Put a space in the place of every character that would not be seen, or move the cursor."""
    return text if text.isprintable() else "".join(one if one.isprintable() else " " for one in text)


@dataclass(frozen=True, slots=True)
class Fields:
    """An object's fields. Each method raises ParseError for what is not as it says.

    In errors ``what`` is the document's name, and ``path`` says where in it the object is.
    """

    values: Mapping[str, Any]
    what: str
    path: str = ""

    def has(self, key: str) -> bool:
        """Whether the field is there and not null."""
        return self.values.get(key) is not None

    def flag(self, key: str) -> bool:
        """Read true or false."""
        value = self.values.get(key)
        if not isinstance(value, bool):
            self.refuse(key, "true or false")
        return value

    def integer(self, key: str, lowest: int, highest: int) -> int:
        """Read an integer of a range."""
        value = self.values.get(key)
        if type(value) is not int or not lowest <= value <= highest:
            self.refuse(key, f"a number from {lowest} to {highest}")
        return value

    def count(self, key: str, below: int = EXACT) -> int:
        """Read how often something happened."""
        value = self.values.get(key)
        if type(value) is not int or not 0 <= value < below:
            self.refuse(key, "a count")
        return value

    def number(self, key: str) -> float:
        """Read a number of either sign."""
        value = self.values.get(key)
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < EXACT:
            self.refuse(key, "a number")
        return float(value)

    def seconds(self, key: str) -> float:
        """Read a time or a duration, which is never negative."""
        value = self.values.get(key)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < EXACT:
            self.refuse(key, "a number of seconds")
        return float(value)

    def text(self, key: str, longest: int) -> str:
        """Read a text, made printable; a longer one is refused."""
        value = self.values.get(key)
        if not isinstance(value, str) or len(value) > longest:
            self.refuse(key, f"a text of at most {longest} characters")
        return printable(value)

    def excerpt(self, key: str, longest: int) -> str:
        """Read a text for people, as one printable line; of a longer one, its beginning."""
        value = self.values.get(key)
        if not isinstance(value, str):
            self.refuse(key, "a text")
        return " ".join(printable(value).split())[:longest]

    def word(self, key: str, pattern: re.Pattern[str], expected: str) -> str:
        """Read a text that fits a pattern as a whole."""
        value = self.values.get(key)
        if not isinstance(value, str) or not pattern.fullmatch(value):
            self.refuse(key, expected)
        return value

    def one_of(self, key: str, known: Mapping[str, T]) -> T:
        """Read one of a few words; return what it stands for."""
        value = self.values.get(key)
        if not isinstance(value, str) or value not in known:
            self.refuse(key, f"one of {', '.join(known)}")
        return known[value]

    def array(self, key: str, at_most: int = EXACT) -> list[Any]:
        """Read a list."""
        value = self.values.get(key)
        if not isinstance(value, list) or len(value) > at_most:
            self.refuse(key, _bounded("a list", at_most))
        return value

    def objects(self, key: str, at_most: int = EXACT) -> list[Fields]:
        """Read a list of objects."""
        values = self.array(key, at_most)
        if not all(isinstance(value, dict) for value in values):
            self.refuse(key, "a list of objects")
        return [Fields(value, self.what, f"{self.path}{key}.") for value in values]

    def object(self, key: str, at_most: int = EXACT, names: re.Pattern[str] | None = None) -> Fields:
        """Read an object, whose fields' names may have to fit a pattern."""
        value = self.values.get(key)
        if not isinstance(value, dict) or len(value) > at_most:
            self.refuse(key, _bounded("an object", at_most))
        if names is not None and not all(map(names.fullmatch, value)):
            self.refuse(key, f"an object with names such as {names.pattern}")
        return Fields(value, self.what, f"{self.path}{key}.")

    def refuse(self, key: str, expected: str) -> NoReturn:
        """Say what a field should have been.

        Raises:
            ParseError: always.
        """
        raise ParseError(f"{self.path}{key} in {self.what} is not {expected}")


def _bounded(kind: str, at_most: int) -> str:
    return kind if at_most == EXACT else f"{kind} of at most {at_most} entries"
