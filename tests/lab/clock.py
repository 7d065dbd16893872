"""A host's clock of its own, which may be wrong and may be stepped while everything on the host runs."""

from __future__ import annotations

import platform
import struct
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from .errors import LabError
from .plan import BUILD

MACHINE: Final = "x86_64"
"""The processor that the library is written for, as ``uname -m`` calls it."""

_SOURCE: Final = Path(__file__).with_suffix(".c")
_LIBRARY: Final = BUILD / "lab" / "clock.so"
_AHEAD: Final = "/run/lab-clock"
_PRELOADED: Final = "/run/lab-clock.so"

ENVIRONMENT: Final = (f"LD_PRELOAD={_PRELOADED}", f"LAB_CLOCK={_AHEAD}")
"""What a program on the host is started with."""


def prepare() -> list[list[str]]:
    """The commands that give a host its clock, which is right at first. In /run, which keepalived's root shares.

    Raises:
        LabError: the library cannot be made.
    """
    return [["cp", str(_library()), _PRELOADED], ["truncate", "--size=8", _AHEAD]]


def step(ahead: Path, seconds: float) -> None:
    """Let the clock of a host be so many seconds ahead from now on; ``ahead`` is :func:`file` as seen from here."""
    with ahead.open("r+b") as shared:  # in place: everything on the host has it mapped
        shared.write(struct.pack("=q", round(seconds * 1e9)))


def file() -> Path:
    """Where a host keeps how far its clock is ahead."""
    return Path(_AHEAD)


def _library() -> Path:
    if _LIBRARY.exists() and _LIBRARY.stat().st_mtime >= _SOURCE.stat().st_mtime:
        return _LIBRARY
    if platform.machine() != MACHINE:
        message = f"a host's clock can only be wrong on {MACHINE}, and this is {platform.machine()}"
        raise LabError(message)
    _LIBRARY.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=_LIBRARY.parent) as directory:
        made = Path(directory, _LIBRARY.name)
        command = [
            "cc",
            "-O2",
            "-Wall",
            "-Wextra",
            "-Werror",
            "-shared",
            "-fPIC",
            "-o",
            str(made),
            str(_SOURCE),
            "-ldl",
        ]
        try:
            subprocess.run(command, capture_output=True, text=True, check=True)
        except FileNotFoundError as error:
            message = "no C compiler here: install gcc and libc6-dev"
            raise LabError(message) from error
        except subprocess.CalledProcessError as error:
            message = f"{_SOURCE.name} cannot be compiled: {error.stderr.strip()}"
            raise LabError(message) from error
        made.replace(_LIBRARY)
    return _LIBRARY
