"""Wait for a Pi-hole that restarts itself, as FTL does after every Teleporter import.

FTL answers for a second or two while it ends, and a gravity run that it is asked for meanwhile keeps it from ending,
with DNS off (v6.4.1: src/main.c, src/daemon.c: cleanup). So whoever goes on must know that the new process answers.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from stack.tools.pihole_api import PiholeApi
from stack.tools.pihole_http import AwayError, PiholeError
from stack.tools.progress import wait_until

# A process that has lived so long after an import is not one that another change is about to end.
SETTLED_SECONDS = 3.0
# One that was asked to end does not answer for so long: it was not asked.
UNDISTURBED_SECONDS = 8.0
POLL_SECONDS = 0.5
ANSWER_SECONDS = 10.0
# A slow machine with a day of queries in its history took 23 s.
RESTART_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Poll:
    """What one question gave, in seconds; no age: nobody answered."""

    at: float
    age: float | None


def age(api: PiholeApi) -> float:
    """Ask for how many seconds Pi-hole's process has lived (FTL, src/api/info.c: uptime, in milliseconds).

    Raises:
        PiholeError: there is no good answer.
    """
    document = api.get("/info/ftl")
    ftl = document.get("ftl") if isinstance(document, dict) else None
    uptime = ftl.get("uptime") if isinstance(ftl, dict) else None
    if not isinstance(uptime, int | float):
        raise PiholeError(f"{api.url}/api/info/ftl gives no uptime; is it Pi-hole v6?")
    return uptime / 1000


def wait_until_settled(api: PiholeApi, began: float) -> None:
    """Wait until a process answers that began after ``began`` (monotonic time), or it is clear that none will.

    Raises:
        DeadlineError: nobody answers in time.
        PiholeError: it answers with an error.
    """
    answering_since: float | None = None
    # The last change may have been made just now, and a second restart, after a CNAME for instance, still be to come.
    called = time.monotonic()

    def poll() -> Poll:
        api.renew(ANSWER_SECONDS)
        try:
            return Poll(time.monotonic(), age(api))
        except AwayError:
            return Poll(time.monotonic(), None)

    def missing(seen: Poll) -> list[str]:
        nonlocal answering_since
        if seen.age is None:
            answering_since = None
            return ["its API is away while it restarts"]
        answering_since = seen.at if answering_since is None else answering_since
        if seen.age < seen.at - began:
            settled = min(seen.age, seen.at - called)
            return [] if settled >= SETTLED_SECONDS else [f"it came back {seen.age:.1f} s ago"]
        return [] if seen.at - answering_since >= UNDISTURBED_SECONDS else ["it has not restarted yet"]

    wait_until(f"Pi-hole at {api.url}", poll, missing, RESTART_SECONDS, every=POLL_SECONDS)
