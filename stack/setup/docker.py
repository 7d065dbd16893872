"""Docker: is it here, may this user use it, and installing Debian's own packages of it, if the owner agrees."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import subprocess
from enum import Enum
from pathlib import Path

from stack.setup.errors import SetupError

# Debian 13's are new enough (preflight's check `docker`), Debian 12's are not.
PACKAGES = ("docker.io", "docker-cli", "docker-compose", "docker-buildx")
OLDEST_DEBIAN = 13
ASK_SECONDS, INSTALL_SECONDS = 30, 1800
INSTRUCTIONS = "https://docs.docker.com/engine/install/debian/"


class Docker(Enum):
    """What this user has of it."""

    READY = "it answers"
    MISSING = "it is not installed"
    INCOMPLETE = "the Compose plugin is missing"
    SILENT = "it does not answer this user"


def look() -> Docker:
    """Ask it."""
    if shutil.which("docker") is None:
        return Docker.MISSING
    if not _works("docker", "version"):
        return Docker.SILENT
    return Docker.READY if _works("docker", "compose", "version") else Docker.INCOMPLETE


def installable(os_release: Path = Path("/etc/os-release")) -> bool:
    """Whether this system's own packages are new enough: Debian 13 or newer, and what is made of it."""
    try:
        text = os_release.read_text()
    except OSError:
        return False
    found = dict(re.findall(r'^([A-Z_]+)="?([^"\n]*)"?$', text, re.MULTILINE))
    families = {found.get("ID"), *found.get("ID_LIKE", "").split()}
    version = found.get("VERSION_ID", "")
    return bool({"debian", "raspbian"} & families and version.isdigit() and int(version) >= OLDEST_DEBIAN)


def owner() -> str:
    """Who will use Docker: whoever called sudo, else this user."""
    return os.environ.get("SUDO_USER") or pwd.getpwuid(os.geteuid()).pw_name


def commands(user: str) -> list[list[str]]:
    """What installing takes; each is told before it is agreed to."""
    found = [
        ["apt-get", "update"],
        ["apt-get", "install", "--yes", "--no-install-recommends", *PACKAGES],
        *([["usermod", "--append", "--groups", "docker", user]] if user != "root" else []),
    ]
    return found if os.geteuid() == 0 else [["sudo", *command] for command in found]


def install(user: str) -> None:
    """Install it.

    Raises:
        SetupError: a command failed; the message says which.
    """
    for command in commands(user):
        try:
            done = subprocess.run(command, timeout=INSTALL_SECONDS, check=False)
        except subprocess.TimeoutExpired:
            raise SetupError(f"{' '.join(command)} did not end within {INSTALL_SECONDS} s") from None
        except OSError as error:
            raise SetupError(f"{command[0]} cannot be started: {error.strerror}") from None
        if done.returncode:
            raise SetupError(f"{' '.join(command)} failed; put right what it says above, and run setup again")


def _works(*command: str) -> bool:
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=ASK_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
