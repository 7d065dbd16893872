"""``.env`` as text: the example with a node's own values in it, and the other node's made from this one's."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path

from exporter.engine.files import write_atomically
from exporter.model.errors import ConfigurationError
from stack.preflight.env_file import parse_env
from stack.setup.errors import AnswersError, SetupError, SetupRefusedError

_PLAIN = re.compile(r"[A-Za-z0-9_.,:/@%+=\[\]-]*")
# Without what looks alike on a screen (0 o 1 l i): these are typed on phones.
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
_GROUPS, _GROUP = 4, 5  # 31^20, 99 bits


def new_passwords() -> dict[str, str]:
    """Strong passwords, and the key by which the nodes know each other."""
    return {
        "PIHOLE_PASSWORD": new_password(),
        "GRAFANA_ADMIN_PASSWORD": new_password(),
        "PAIR_KEY": secrets.token_hex(32),
    }


def new_password() -> str:
    """One that nobody guesses and anybody can type."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(_GROUP)) for _ in range(_GROUPS))


def variables(text: str) -> frozenset[str]:
    """Every variable that a text sets or explains."""
    return frozenset(re.findall(r"^#?([A-Z][A-Z0-9_]*)=", text, re.MULTILINE))


def fill(text: str, values: Mapping[str, str]) -> str:
    """Put values into a text: where it sets them, else where it explains them, else at its end.

    Raises:
        AnswersError: a value cannot be written so that Compose reads it again.
    """
    for name, value in values.items():
        line = f"{name}={_quoted(value)}"
        if _reads_back(line, name) != value:
            raise AnswersError(f"{name} cannot be written into .env; leave out line ends and backslashes before a '")
        for pattern in (rf"^{name}=.*$", rf"^#{name}=.*$"):
            text, count = re.subn(pattern, lambda _, line=line: line, text, count=1, flags=re.MULTILINE)  # type: ignore[misc]
            if count:
                break
        else:
            text = f"{text.rstrip()}\n{line}\n"
    return text


def mirrored(values: Mapping[str, str]) -> dict[str, str]:
    """What differs in the other node's file."""
    return {
        "NODE_ROLE": "secondary" if values.get("NODE_ROLE") == "primary" else "primary",
        "NODE_NAME": values.get("PEER_NAME", ""),
        "NODE_IP": values.get("PEER_IP", ""),
        "PEER_IP": values.get("NODE_IP", "").partition("/")[0],
        "PEER_NAME": values.get("NODE_NAME", ""),
    }


def read(text: str, where: str) -> Mapping[str, str]:
    """What Compose reads in a text.

    Raises:
        AnswersError: Compose would refuse it.
    """
    try:
        return parse_env(text, where).values
    except ConfigurationError as error:
        raise AnswersError(str(error)) from None


def write_once(path: Path, text: str) -> bool:
    """Write a file that only its owner may read, unless it is there already; True if it was written.

    It belongs to whom the folder belongs: setup may run as root in somebody's clone.

    Raises:
        SetupRefusedError: it is there with another content.
        SetupError: it cannot be written.
    """
    try:
        if path.exists():
            if path.read_text() == text:
                return False
            raise SetupRefusedError(
                f"{path} is there already and says something else; nothing was changed. Move it away to begin anew"
            )
        write_atomically(path, text.encode(), 0o600)
        if os.geteuid() == 0:
            owner = path.parent.stat()
            os.chown(path, owner.st_uid, owner.st_gid)
    except OSError as error:
        raise SetupError(f"{path} cannot be written: {error.strerror}; is the disk full or read-only?") from None
    return True


def _quoted(value: str) -> str:
    return value if _PLAIN.fullmatch(value) else "'" + value.replace("'", "\\'") + "'"


def _reads_back(line: str, name: str) -> str | None:
    try:
        return parse_env(line + "\n", "").values.get(name)
    except ConfigurationError:
        return None
