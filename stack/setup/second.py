"""The other node's file: made on the first node, carried over, and taken on the second one."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from exporter.engine.files import read_bounded
from stack.setup import env_text, lan
from stack.setup.errors import AnswersError, SetupError, SetupRefusedError

# In compose/ of the first node, and in the home folder of the second one.
NAME, REMOTE_NAME = "second.env", "dnsha-second.env"
MAXIMUM_BYTES = 256 << 10
SSH_SECONDS = 300
_TARGET = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*@[A-Za-z0-9_.:-]+")


def make(folder: Path, own: str) -> tuple[Path, bool]:
    """Write the other node's file beside this one's ``.env``; True if it was not there yet.

    Raises:
        SetupRefusedError: it is there, and does not fit ``.env``.
    """
    path = folder / NAME
    text = env_text.fill(own, env_text.mirrored(env_text.read(own, ".env")))
    try:
        return path, env_text.write_once(path, text)
    except SetupRefusedError:
        raise SetupRefusedError(
            f"{path} is there already and does not fit compose/.env; remove it and run setup again for a new one"
        ) from None


def is_target(text: str) -> bool:
    """Whether this says where to copy to by ssh."""
    return _TARGET.fullmatch(text) is not None


def copy(path: Path, target: str) -> None:
    """Copy it to the other node by ssh, where nothing is overwritten; no secret is on a command line.

    Raises:
        SetupError: ssh failed.
    """
    # As the owner of the clone, whose keys and known hosts they are.
    user = os.environ.get("SUDO_USER")
    become = ["runuser", "-u", user, "--"] if user and os.geteuid() == 0 else []
    remote = f"umask 077 && set -C && cat >{REMOTE_NAME}"
    try:
        done = subprocess.run(
            [*become, "ssh", "-o", "ConnectTimeout=10", "--", target, remote],
            input=path.read_bytes(),
            timeout=SSH_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SetupError(f"{path} was not copied to {target}: {error}") from None
    if done.returncode:
        raise SetupError(
            f"{path} was not copied to {target}: ssh ended with {done.returncode}, as it says above; where "
            f"{REMOTE_NAME} is there already, remove it first"
        )


def take(source: str, folder: Path) -> tuple[str, bool]:
    """Make this node's ``.env`` of the file that the first node made; return its text, and whether it was written.

    Raises:
        SetupRefusedError: it is another host's, or there is an ``.env`` that says something else.
        AnswersError: it cannot be read.
    """
    try:
        content = sys.stdin.buffer.read(MAXIMUM_BYTES) if source == "-" else read_bounded(Path(source), MAXIMUM_BYTES)
        text = content.decode()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise AnswersError(
            f"{source} cannot be read: {reason}; it is the file that setup made on the first Pi"
        ) from None
    text = fitted(text, source)
    return text, env_text.write_once(folder / ".env", text)


def fitted(text: str, source: str) -> str:
    """A node's ``.env`` as this host needs it: with the interface that has the node's address.

    Raises:
        SetupRefusedError: no interface has it, so this is another host.
        AnswersError: it is no node's.
    """
    values = env_text.read(text, source)
    lacking = [name for name in ("NODE_ROLE", "NODE_NAME", "NODE_IP", "VIP_ADDRESS", "NETWORK_INTERFACE")
               if not values.get(name)]  # fmt: skip
    if lacking:
        raise AnswersError(f"{source} lacks {', '.join(lacking)}; it is not the file that setup made on the first Pi")
    return env_text.fill(text, _interface_here(source, values))


def _interface_here(source: str, values: Mapping[str, str]) -> dict[str, str]:
    """The interface that has this node's address, which need not have the name that it has on the first node."""
    own = lan.own_addresses()
    address = values["NODE_IP"].partition("/")[0]
    here = [one.interface for one in own if str(one.address) == address]
    if not here:
        has = ", ".join(f"{one.address} ({one.interface})" for one in own) or "no address"
        raise SetupRefusedError(
            f"{source} is for {values['NODE_NAME']} with {address}, and this host has {has}; run this on "
            f"{values['NODE_NAME']}, or give this host that address first (sudo nmtui). Nothing was changed"
        )
    return {} if values["NETWORK_INTERFACE"] in here else {"NETWORK_INTERFACE": here[0]}
