"""What an owner reads of one outage: one message while it lasts, one when it is over, and nothing after that.

Both nodes' Pi-holes end for a while, as long as each of ``LENGTHS``; a client asks all the time, and the length that
the phone is told is compared with what it met.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Final

from tests.alerting.phone import Message
from tests.alerting.watch import Watched, watched
from tests.bench.figures import Figure
from tests.lab.lab import Lab
from tests.lab.plan import ALPHA, BETA

LENGTHS: Final = (10.0, 60.0, 130.0, 600.0)  # seconds
_END_SECONDS: Final = 60.0  # within which the end is told
_QUIET_SECONDS: Final = 420.0  # longer than the 5 minutes of the error budget's shortest ratio
_FELT: Final = re.compile(r"(?:no answer for|waited) (?:(\d+) min )?([0-9.]+) s")


def measure(lengths: tuple[float, ...] = LENGTHS) -> Iterator[list[Figure]]:
    """Let DNS fail for each of the lengths; yield all figures so far."""
    figures: list[Figure] = []
    for length in lengths:
        with Lab(guard=True) as lab, watched(lab) as watch:
            watch.wait_calm()
            figures += _outage(watch, length)
        yield figures


def _outage(watch: Watched, length: float) -> list[Figure]:
    lab, struck = watch.lab, time.time()
    with lab.sample(interval=0.05) as sampler:
        time.sleep(1)
        for node in (ALPHA, BETA):
            lab.stop_service(node.name, "dnsmasq")
        time.sleep(length)
        for node in (ALPHA, BETA):
            lab.start_service(node.name, "dnsmasq")
        lab.wait_healthy()
        over = time.time()
        time.sleep(1)
    felt = sampler.sample.longest_outage
    time.sleep(_END_SECONDS + _QUIET_SECONDS)
    messages = watch.phone.messages(struck)
    for message in messages:
        print(f"bench-alerts:   {message.time - struck:.1f} s: {message.text!r}", flush=True)
    begins = sum(not message.text.startswith("✅") for message in messages)
    late = [message for message in messages if message.time > over + _END_SECONDS]
    told = _told(messages)
    name = f"outage of {length:g} s"
    print(f"bench-alerts: {name}: {len(messages)} messages, a client waited {felt:.2f} s, told {told}", flush=True)
    return [
        Figure(f"{name}: begins told beyond or below one", abs(begins - 1), "messages", 0, False, 1),
        Figure(f"{name}: ends told beyond or below one", abs(len(messages) - begins - 1), "messages", 0, False, 1),
        Figure(f"{name}: messages later than a minute after it", len(late), "messages", 0, False, 1),
        Figure(f"{name}: told length less a client's", abs(told - felt), "s", 1, False, 1),
    ]


def _told(messages: tuple[Message, ...]) -> float:
    """The length that was told last, in seconds; 0 when none was."""
    found = [match for message in messages for match in _FELT.finditer(message.text)]
    return int(found[-1][1] or 0) * 60 + float(found[-1][2]) if found else 0.0
