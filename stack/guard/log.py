"""What the guard says."""

from __future__ import annotations

import sys


def say(message: str) -> None:
    """Tell the container's log."""
    print(message, file=sys.stderr, flush=True)
