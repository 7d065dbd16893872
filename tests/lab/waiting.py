"""Waiting with a deadline, for all tests: every wait ends, and says what it saw last."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from .errors import LabTimeoutError, NoAnswerError

Seen = TypeVar("Seen")


def wait_for(
    what: str,
    look: Callable[[], Seen],
    *,
    until: Callable[[Seen], bool] = bool,
    timeout: float = 5.0,
    every: float = 0.01,
    steady: float = 0.0,
    not_yet: tuple[type[Exception], ...] = (OSError, NoAnswerError),
) -> Seen:
    """Look again and again until what is seen has satisfied ``until`` for ``steady``; return what was seen last.

    What is in ``not_yet``, raised while looking, counts as "not yet". Times are in seconds.

    Raises:
        LabTimeoutError: not seen within ``timeout``; the message tells what was seen last.
    """
    deadline = time.monotonic() + timeout
    since = None
    while True:
        try:
            seen = look()
        except not_yet as error:
            since = None
            last = f"{type(error).__name__}: {error}"
        else:
            if until(seen):
                since = since or time.monotonic()
                if time.monotonic() >= since + steady:
                    return seen
            else:
                since = None
            last = repr(seen)
        if time.monotonic() >= deadline:
            message = f"waited {timeout:g} s for {what}; last seen: {last}"
            raise LabTimeoutError(message)
        time.sleep(every)
