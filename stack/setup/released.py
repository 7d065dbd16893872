"""The registry that has the images of this clone, if it is of a release; ``stack/up.sh`` takes them from there."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

_ASK_SECONDS = 10
_GITHUB = re.compile(r"(?:https://|ssh://git@|git@)github\.com[/:]([\w-]+)/[\w.-]+")


def registry(clone: Path, version: str) -> str:
    """The package registry of the GitHub account that a release was cloned from, for ``IMAGE_PREFIX``.

    Empty where the clone is not of the tag ``vVERSION`` or from elsewhere: its images are built on the node.
    ``.github/workflows/release.yml`` gives them their names.
    """
    if f"v{version}" not in _ask(clone, "tag", "--points-at", "HEAD").split():
        return ""
    origin = _GITHUB.fullmatch(_ask(clone, "remote", "get-url", "origin").strip())
    return f"ghcr.io/{origin[1].lower()}" if origin else ""


def _ask(clone: Path, *question: str) -> str:
    """What git says; nothing where it fails or there is none."""
    try:
        done = subprocess.run(
            ["git", "-C", str(clone), *question], capture_output=True, text=True, timeout=_ASK_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""
