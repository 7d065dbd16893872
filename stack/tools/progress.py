"""Words for the person who waits, and waiting that ends."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TypeVar

from stack.tools.errors import DeadlineError

PROGRESS_SECONDS = 2.0
POLL_SECONDS = 0.1

Seen = TypeVar("Seen")


def say(line: str) -> None:
    """Print a line at once; a log shows it as it happens."""
    print(line, file=sys.stderr, flush=True)  # noqa: T201 (the one place)


def wait_until(
    what: str,
    look: Callable[[], Seen],
    missing: Callable[[Seen], list[str]],
    timeout: float,
    every: float = POLL_SECONDS,
) -> Seen:
    """Look again and again until nothing is missing; return what was seen. Times are in seconds.

    ``missing`` names what is not yet as it should be.

    Raises:
        DeadlineError: something is still missing after ``timeout``; the message names it.
    """
    began = time.monotonic()
    told = began
    while True:
        seen = look()
        left = missing(seen)
        if not left:
            return seen
        now = time.monotonic()
        if now - began >= timeout:
            raise DeadlineError(f"waited {timeout:g} s for {what}: {'; '.join(left)}")
        if now - told >= PROGRESS_SECONDS:
            told = now
            say(f"waiting for {what}, {now - began:.0f} s of {timeout:g} s: {'; '.join(left)}")
        time.sleep(every)
