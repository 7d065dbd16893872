"""Read a ``.env`` file by the rules of Docker Compose (compose-go v2.1 to v2.16, dotenv/parser.go).

They are not a shell's: a comment needs a space before its ``#`` and some value before that; quoted values may go on for
several lines; ``$`` begins a variable unless the value is in single quotes.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from exporter.engine.files import read_bounded
from exporter.model.errors import ConfigurationError, ParseError
from stack.preflight.interpolation import interpolate

MAXIMUM_BYTES = 256 << 10
# White space as Go's unicode.IsSpace has it; a line's is without its end.
_BLANK = "\t\v\f\r \x85\xa0"
_SPACE = _BLANK + "\n\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
_ESCAPE = re.compile(r'\\(?:[abcfnrtv$"\\]|0[0-9]{0,3})')
_ESCAPED = {
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
    '"': '"',
    "\\": "\\",
    "$": "$$",
}


@dataclass(frozen=True, slots=True)
class EnvFile:
    """What Compose takes from a file."""

    values: Mapping[str, str] = field(repr=False)
    # The variables that a value was made of, by the value's name, and those of them that are not set before it.
    references: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)
    unset: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)


def read_env_file(path: Path) -> EnvFile:
    """Read a file.

    Raises:
        ConfigurationError: it cannot be read, or Compose would refuse it.
    """
    try:
        text = read_bounded(path, MAXIMUM_BYTES).decode("utf-8-sig")
    except FileNotFoundError:
        raise ConfigurationError([f"{path} does not exist; copy .env.example to .env and fill it in"]) from None
    except OSError as error:
        raise ConfigurationError([f"{path} cannot be read: {error.strerror}"]) from None
    except (ParseError, UnicodeDecodeError) as error:
        raise ConfigurationError([f"{path} is no text: {error}"]) from None
    return parse_env(text, str(path))


def parse_env(text: str, where: str) -> EnvFile:
    """Parse the text of a file.

    Raises:
        ConfigurationError: with the first line that Compose would refuse.
    """
    values: dict[str, str] = {}
    references: dict[str, tuple[str, ...]] = {}
    unset: dict[str, tuple[str, ...]] = {}
    rest = _statement(text)
    while rest:
        line = text.count("\n", 0, len(text) - len(rest)) + 1
        try:
            name, rest = _name(rest)
            if name is None:  # a name alone: its value is the shell's
                rest = _statement(rest)
                continue
            used: list[str] = []
            blank: list[str] = []

            def lookup(variable: str, used: list[str] = used) -> str | None:
                used.append(variable)
                return values.get(variable)

            value, quote, rest = _value(rest)
            if quote != "'":
                value = interpolate(value, lookup, blank.append)
        except ValueError as error:
            raise ConfigurationError([f"{where}, line {line}: {error}"]) from None
        except RecursionError:
            raise ConfigurationError([f"{where}, line {line}: too many variables in one value"]) from None
        values[name] = value
        references[name], unset[name] = tuple(used), tuple(blank)
        rest = _statement(rest)
    return EnvFile(values, references, unset)


def _statement(text: str) -> str:
    """Skip white space and whole comments."""
    text = text.lstrip(_SPACE)
    while text.startswith("#"):
        text = text.partition("\n")[2].lstrip(_SPACE)
    return text


def _name(text: str) -> tuple[str | None, str]:
    """Take NAME= or NAME: off; the name is None for a line that has neither."""
    exported = re.match(r"export[\t\n\f\r ]+", text)
    if exported:
        text = text.removeprefix("export").lstrip(_BLANK)
    for index, letter in enumerate(text):
        if letter in "=:\n":
            name = text[:index].rstrip(_SPACE)
            if not name or " " in name:
                break
            return None if letter == "\n" else name, text[index + 1 :].lstrip(_BLANK)
        if letter not in f"_.-[]{_BLANK}" and unicodedata.category(letter)[0] not in "LN":
            break
    msg = "write NAME=VALUE"
    raise ValueError(msg)


def _value(text: str) -> tuple[str, str, str]:
    """Take a value off: as it is before interpolation, its quote or nothing, and the rest."""
    quote = text[:1] if text[:1] in ("'", '"') else ""
    if not quote:
        value, _, rest = text.partition("\n")
        return value.partition(" #")[0].rstrip(_SPACE), "", rest
    # To the next quote that no backslash escapes, the backslash before a quote left out.
    quoted = re.match(rf"{quote}((?:[^\\{quote}]|\\.)*){quote}", text, re.DOTALL)
    if quoted is None:
        msg = f"the value begins with {quote} and does not end with it"
        raise ValueError(msg)
    value = re.sub(rf"\\(\\|{quote})", lambda escape: quote if escape[1] == quote else escape[0], quoted[1])
    return (_ESCAPE.sub(_unescape, value) if quote == '"' else value), quote, text[quoted.end() :]


def _unescape(escape: re.Match[str]) -> str:
    word = escape[0][1:]
    if word.startswith("0"):
        octal = word[1:]
        return chr(int(octal, 8)) if re.fullmatch("[0-3][0-7]{2}", octal) else f"\\{octal}"
    return _ESCAPED.get(word, escape[0])
