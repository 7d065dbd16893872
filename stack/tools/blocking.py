"""Pi-hole's blocking, switched off for a while: FTL ends a pause by itself, but not when it restarts meanwhile.

It writes a pause down as if it were for good, and keeps its timer in memory alone (v6.4.1, src/api/dns.c,
src/timers.c; measured: after a restart "disabled" with no timer).
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterator

from stack.tools.pihole_api import PiholeApi
from stack.tools.pihole_http import PiholeError
from stack.tools.progress import say

PATH = "/dns/blocking"


def pause_left(api: PiholeApi) -> float | None:
    """Ask for how many more seconds a Pi-hole does not block; None: no such pause, infinite: until somebody ends it.

    Raises:
        PiholeError: there is no good answer.
    """
    document = api.get(PATH)
    state, timer = (document.get("blocking"), document.get("timer")) if isinstance(document, dict) else (None, None)
    if state not in ("enabled", "disabled", "failure", "unknown") or (
        timer is not None and not isinstance(timer, int | float)
    ):
        raise PiholeError(f"{api.url}/api{PATH} makes no sense; is it Pi-hole v6?")
    if state != "disabled":
        return None
    return math.inf if timer is None else float(timer)


def pause(api: PiholeApi, seconds: float) -> None:
    """Block nothing for some seconds.

    Raises:
        PiholeError: it was refused.
    """
    api.send("POST", PATH, {"blocking": False, "timer": seconds})


def resume(api: PiholeApi) -> None:
    """Block again.

    Raises:
        PiholeError: it was refused.
    """
    api.send("POST", PATH, {"blocking": True})


@contextlib.contextmanager
def pause_kept(api: PiholeApi) -> Iterator[None]:
    """Do something that may restart a Pi-hole, and let its pause end when it would have.

    Raises:
        PiholeError: it cannot be asked.
    """
    left = pause_left(api)
    ends = time.monotonic() + left if left is not None else 0.0
    try:
        yield
    finally:
        if left is not None and math.isfinite(left):
            _keep(api, ends)


def _keep(api: PiholeApi, ends: float) -> None:
    try:
        if pause_left(api) == math.inf:
            rest = ends - time.monotonic()
            if rest > 0:
                pause(api, rest)
            else:
                resume(api)
    except PiholeError as error:
        say(f"Pi-hole blocks nothing, and that has no end any more, because it restarted in a pause: {error}")
