"""What happens to the pair, what the phone has to be told, and how soon."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from tests.lab.lab import Lab
from tests.lab.plan import ALPHA, BETA, VIPS

# Both addresses share their fate, and so they are one message.
_VIP: Final = f"(?:{'|'.join(map(re.escape, VIPS.values()))})"
_MOVE_SECONDS: Final = 20.0  # between two moves of a flapping address


@dataclass(frozen=True, slots=True)
class Event:
    """One event.

    Attributes:
        name: as the figures call it.
        limit: seconds from the event to the message.
        moves: how often the virtual IP moves, with the recovery: five in five minutes are an event of their own.
        headline: a regular expression of the line that tells it.
        ending: the same of the line that tells its end.
        strike: lets it happen; returns when it did, in seconds since the epoch.
        recover: ends it.
        recovery: seconds within which the phone must be told of the end.
    """

    name: str
    limit: float
    moves: int
    headline: str
    ending: str
    strike: Callable[[Lab], float]
    recover: Callable[[Lab], None]
    recovery: float = 120.0


def _at(action: Callable[[], None]) -> float:
    now = time.time()
    action()
    return now


def _split_brain(lab: Lab) -> float:
    lab.kill_service(ALPHA.name, "guard")  # which would prevent it
    return _at(lambda: lab.kill9_keepalived(ALPHA.name))


def _mend_split_brain(lab: Lab) -> None:
    lab.start_service(ALPHA.name, "keepalived")
    lab.start_service(ALPHA.name, "guard")


def _no_owner(lab: Lab) -> float:
    lab.stop_service(BETA.name, "keepalived")
    return _at(lambda: lab.stop_service(ALPHA.name, "keepalived"))


def _start_keepalived(lab: Lab) -> None:
    for node in (ALPHA, BETA):
        lab.start_service(node.name, "keepalived")


def _flap(lab: Lab) -> float:
    """Five moves; the last one is the event."""
    for _ in range(2):
        lab.drain(ALPHA.name)
        lab.wait_owners(BETA.name)
        time.sleep(_MOVE_SECONDS)
        lab.undrain(ALPHA.name)
        lab.wait_owners(ALPHA.name)
        time.sleep(_MOVE_SECONDS)
    moved = _at(lambda: lab.drain(ALPHA.name))
    lab.wait_owners(BETA.name)
    return moved


EVENTS: Final = (
    Event(
        "the standby dies", 200, 0, "home: beta is down", "home: beta is up again",
        lambda lab: _at(lambda: lab.crash(BETA.name)), lambda lab: lab.boot(BETA.name),
    ),
    Event(
        "Unbound dies behind a live Pi-hole", 30, 2, "home: Unbound on alpha does not answer",
        "home: Unbound on alpha answers again",
        lambda lab: _at(lambda: lab.kill_service(ALPHA.name, "unbound")),
        lambda lab: lab.start_service(ALPHA.name, "unbound"),
    ),
    Event(
        "keepalived killed", 20, 2, "home: keepalived is dead on alpha, redundancy",
        "home: keepalived on alpha runs again",
        lambda lab: _at(lambda: lab.kill9_keepalived(ALPHA.name)),
        lambda lab: lab.start_service(ALPHA.name, "keepalived"),
    ),
    Event(
        "the owner dies", 200, 2, "home: alpha is down", "home: alpha is up again",
        lambda lab: _at(lambda: lab.crash(ALPHA.name)), lambda lab: lab.boot(ALPHA.name),
    ),
    Event("split brain", 20, 2, f"home: more than one host has {_VIP}", f"home: one host alone has {_VIP} again",
        _split_brain, _mend_split_brain),
    Event("no owner", 20, 1, f"home: no node has {_VIP}", f"home: {_VIP} has an owner again",
        _no_owner, _start_keepalived),
    Event(
        "flapping, after the fifth move", 30, 5, rf"home: {_VIP} moved \d+ times", f"home: {_VIP} has stopped moving",
        _flap, lambda lab: lab.undrain(ALPHA.name), recovery=480.0,
    ),
)  # fmt: skip
