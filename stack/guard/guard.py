"""Take the virtual IPs off this node the moment that keepalived is dead, or frozen (heartbeat.py).

A keepalived that is killed (SIGKILL, lack of memory, a crash) leaves its addresses on the interface;
as soon as the other node takes over, both own them. Every keepalived process holds a lock
(flock(2)), so the kernel wakes whoever waits for it when the last one is gone, however it died.
It also lets the node answer for a moment after the address has moved (grace_route.py).

Reads VIP_ADDRESS and NETWORK_INTERFACE. Needs CAP_NET_ADMIN and nothing else.
"""

from __future__ import annotations

import fcntl
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from exporter.engine.runtime import RuntimeFiles
from exporter.model.addressing import AddressError, VirtualAddress, parse_virtual_address
from stack.guard.grace_route import GraceRoute
from stack.guard.heartbeat import GuardHeartbeat
from stack.guard.log import say
from stack.guard.netlink import delete_address

BAD_CONFIGURATION = 3
POLL_SECONDS = 0.05


def watch(lock: Path, remove: Callable[[], None]) -> None:
    """Call ``remove`` whenever keepalived has died, and once at the start if it does not live.

    The lock is held meanwhile, so a new keepalived begins after the addresses are gone.
    """
    while True:
        try:
            descriptor = os.open(lock, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:  # no keepalived since the boot
            time.sleep(POLL_SECONDS)
            continue
        fcntl.flock(descriptor, fcntl.LOCK_SH)  # the kernel grants it when no keepalived lives
        remove()
        while _is_free(descriptor):
            fcntl.flock(descriptor, fcntl.LOCK_UN)
            time.sleep(POLL_SECONDS)
        os.close(descriptor)


def _is_free(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def remove_addresses(addresses: list[VirtualAddress], interface: str, why: str) -> None:
    """Take the addresses off the interface and say which were there, and why."""
    for virtual in addresses:
        try:
            if delete_address(virtual, interface):
                say(f"{why}: removed {virtual} from {interface}")
        except OSError as error:
            say(f"{virtual} cannot be removed from {interface}: {error.strerror}; does the guard have CAP_NET_ADMIN?")


def main() -> int:  # type: ignore[return]
    """Guard until told to stop (SIGTERM); return only when the settings are wrong."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    interface = os.environ.get("NETWORK_INTERFACE", "").strip()
    try:
        addresses = [
            parse_virtual_address(part) for part in os.environ.get("VIP_ADDRESS", "").split(",") if part.strip()
        ]
    except AddressError as error:
        say(f"guard not started: VIP_ADDRESS: {error}")
        return BAD_CONFIGURATION
    if not addresses or not interface:
        say("guard not started: VIP_ADDRESS and NETWORK_INTERFACE must be set")
        return BAD_CONFIGURATION
    files = RuntimeFiles()
    say(f"guarding {', '.join(map(str, addresses))} on {interface}")
    grace_route = GraceRoute(addresses, interface)
    grace_route.start()

    def remove(why: str) -> None:
        grace_route.clear(dead=True)
        remove_addresses(addresses, interface, why)

    GuardHeartbeat(files, remove).start()
    try:
        watch(files.lock, lambda: remove("keepalived is dead"))
    finally:
        grace_route.clear(dead=False)


if __name__ == "__main__":
    sys.exit(main())
