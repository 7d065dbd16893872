"""Which keepalived the lab runs, and the root directory that it runs in.

The product ships keepalived 2.3.3, Debian 13's. On an older machine the lab runs that very build out of a Debian 13
tree made once with debootstrap.
Either way keepalived gets a root of its own below the node's private /run: in a user
namespace the real ``/`` seems to belong to nobody, and ``enable_script_security`` would refuse every check script.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from .debian import TREE, tree_complete
from .errors import LabError
from .plan import REPOSITORY

Version = tuple[int, int, int]

SHIPPED: Final[Version] = (2, 3, 3)
CHOICE_VARIABLE: Final = "LAB_KEEPALIVED"
SYSTEM_CHOICE: Final = "system"

ROOT: Final = Path("/run/keepalived-root")
PROJECT: Final = Path("/opt/dnsha")
_TAKEN: Final = ("bin", "etc", "lib", "lib32", "lib64", "libx32", "sbin", "usr", "var")


@dataclass(frozen=True, slots=True)
class Keepalived:
    """A keepalived that can be run: the tree it is in and its version."""

    tree: Path
    version: Version

    @property
    def version_text(self) -> str:
        """The version as keepalived prints it."""
        return ".".join(map(str, self.version))

    @property
    def origin(self) -> str:
        """Where it comes from, in words."""
        return "of this machine" if self.tree == Path("/") else f"of Debian {self.tree.name}"

    def prepare(self) -> list[list[str]]:
        """The commands that lay out the private root inside a node, before anything runs there."""
        steps: list[list[str]] = [["mkdir", "-p", f"{ROOT}{PROJECT}", str(ROOT / "tmp")]]
        for name in _TAKEN:
            source, target = self.tree / name, str(ROOT / name)
            if source.is_symlink():
                steps.append(["ln", "-s", str(source.readlink()), target])
            elif source.is_dir():
                steps += [["mkdir", target], ["mount", "--rbind", str(source), target]]
        for name in ("proc", "dev"):
            steps += [["mkdir", str(ROOT / name)], ["mount", "--rbind", f"/{name}", str(ROOT / name)]]
        # Not recursive: the root itself lies below /run.
        steps += [["mkdir", str(ROOT / "run")], ["mount", "--bind", "/run", str(ROOT / "run")]]
        # Copies, because a check script must belong to root, which in a user namespace no file outside does.
        parts = [str(REPOSITORY / name) for name in ("stack", "exporter")]
        steps += [["cp", "-r", *parts, f"{ROOT}{PROJECT}/"], ["chmod", "-R", "go-w", f"{ROOT}{PROJECT}"]]
        return steps

    def command(self, *argv: str) -> tuple[str, ...]:
        """The command line that runs ``argv`` in the private root, once a node has been prepared."""
        return ("chroot", str(ROOT), *argv)


def choose() -> Keepalived:
    """The keepalived to run: the machine's own when it is new enough or LAB_KEEPALIVED is system, else the tree's.

    Raises:
        LabError: there is none at all, or LAB_KEEPALIVED has an unknown value.
    """
    choice = os.environ.get(CHOICE_VARIABLE, "")
    if choice not in ("", SYSTEM_CHOICE):
        message = f"{CHOICE_VARIABLE} is {choice!r}; it can only be {SYSTEM_CHOICE!r} or unset"
        raise LabError(message)
    system = _version(["keepalived"])
    if system is not None and (choice == SYSTEM_CHOICE or system >= SHIPPED or not tree_complete()):
        return Keepalived(Path("/"), system)
    if choice != SYSTEM_CHOICE and tree_complete():
        version = _version(["chroot", str(TREE), "keepalived"])
        if version is not None:
            return Keepalived(TREE, version)
    message = "no keepalived here: install the package keepalived"
    raise LabError(message)


def tree_wanted() -> bool:
    """Whether this machine needs the Debian 13 tree and can make it."""
    if os.environ.get(CHOICE_VARIABLE) == SYSTEM_CHOICE or tree_complete() or os.geteuid() != 0:
        return False
    system = _version(["keepalived"])
    return system is None or system < SHIPPED


def _version(command: Sequence[str]) -> Version | None:
    """The version that a keepalived prints on standard error; None when there is none."""
    try:
        done = subprocess.run([*command, "--version"], capture_output=True, text=True, timeout=10, check=False)
    except FileNotFoundError:
        return None
    match = re.search(r"Keepalived v(\d+)\.(\d+)\.(\d+)", done.stderr + done.stdout)
    return (int(match[1]), int(match[2]), int(match[3])) if match else None
