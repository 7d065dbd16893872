"""The runbooks: a page for each alert, which a node serves itself so that they can be read while DNS is broken."""

from __future__ import annotations

import sys
from pathlib import Path

# Beside the package in the repository and in the image alike; where the wheel was installed, with its data.
_BESIDE = Path(__file__).resolve().parents[2] / "docs" / "runbooks"
DIRECTORY = _BESIDE if _BESIDE.is_dir() else Path(sys.prefix) / "share" / "dnsha" / "runbooks"
INTRODUCTION = "README"


def find(directory: Path = DIRECTORY) -> dict[str, Path]:
    """Return the file of each runbook, by the alert's name; none where they were not installed."""
    return {path.stem: path for path in sorted(directory.glob("*.md")) if path.stem != INTRODUCTION}


def introduction(directory: Path = DIRECTORY) -> str:
    """Return what is said to all of them; empty where they were not installed."""
    path = directory / f"{INTRODUCTION}.md"
    return path.read_text("utf-8") if path.exists() else ""
