"""Read a ``.env`` file as Docker Compose does, as far as ours go: NAME=VALUE, comments, quotes; no substitution."""

from __future__ import annotations

import re
from pathlib import Path

from exporter.errors import ConfigurationError, ParseError
from exporter.files import read_bounded

MAXIMUM_BYTES = 256 << 10


def read_env_file(path: Path) -> dict[str, str]:
    """Read a file.

    Raises:
        ConfigurationError: it cannot be read, or some of its lines make no sense.
    """
    try:
        text = read_bounded(path, MAXIMUM_BYTES).decode()
    except FileNotFoundError:
        raise ConfigurationError([f"{path} does not exist; copy .env.example to .env and fill it in"]) from None
    except OSError as error:
        raise ConfigurationError([f"{path} cannot be read: {error.strerror}"]) from None
    except (ParseError, UnicodeDecodeError) as error:
        raise ConfigurationError([f"{path} is no text: {error}"]) from None
    return parse_env(text, str(path))


def parse_env(text: str, where: str) -> dict[str, str]:
    """Parse the text of a file.

    Raises:
        ConfigurationError: with every line that makes no sense.
    """
    found: dict[str, str] = {}
    problems = []
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        name, equals, value = line.removeprefix("export ").partition("=")
        if not equals or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name.strip(), re.ASCII):
            problems.append(f"{where}, line {number}: write NAME=VALUE")
            continue
        quoted = re.fullmatch(r"""(["'])(.*)\1\s*(#.*)?""", value.strip())
        found[name.strip()] = quoted[2] if quoted else re.sub(r"(^|\s)#.*", "", value).strip()
    if problems:
        raise ConfigurationError(problems)
    return found
