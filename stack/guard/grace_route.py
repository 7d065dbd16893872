"""The grace route: go on answering for a moment after the virtual IP has left, so that a move loses no query.

A new master announces itself to the old one before it has the address, so the old one gives it up
while queries are still on their way to it: some milliseconds in which nobody answers. While a node
owns the address, and for a quarter of a second after, the kernel is told to receive and answer what is sent to it
whether or not the interface has it (``netlink.welcome``). The node answers no ARP request and no neighbour solicitation
for that, so nobody is led here.
"""

from __future__ import annotations

import select
import socket
import threading
import time
from collections.abc import Sequence

from exporter.model.addressing import VirtualAddress
from exporter.wire.netlink import DATAGRAM_BYTES
from stack.guard import netlink
from stack.guard.log import say

GRACE_SECONDS = 0.25
RETRY_SECONDS = 1.0


class GraceRoute:
    """Keeps a grace route for each virtual IP that the interface has, or had a moment ago."""

    def __init__(self, addresses: Sequence[VirtualAddress], interface: str) -> None:
        self._addresses = {virtual.address.packed: virtual.address for virtual in addresses}
        self._interface = interface
        self._owned: set[bytes] = set()
        self._leaving: dict[bytes, float] = {}  # by address, when it is to be dismissed
        self._thread = threading.Thread(target=self._run, name="grace-route", daemon=True)

    def start(self) -> None:
        """Begin, in a thread of its own."""
        self._thread.start()

    def clear(self, *, dead: bool) -> None:
        """Dismiss every address: at the end, and when keepalived is dead, for a corpse serves nobody.

        A living keepalived's own route is left alone: without it keepalived would give the address up.
        """
        for address in self._addresses.values():
            try:
                netlink.dismiss(address)
                if dead:
                    netlink.delete_local_route(address)
            except OSError as error:
                say(f"this node still answers what reaches it for {address}: {error.strerror}")

    def _run(self) -> None:
        while True:
            try:
                netlink.answer_arp_for_own_addresses_only(self._interface)
                with netlink.subscribe() as kernel:
                    self._follow(kernel)
            except OSError as error:
                say(f"a moving VIP may lose queries: {error.strerror}")
                time.sleep(RETRY_SECONDS)

    def _follow(self, kernel: socket.socket) -> None:
        index = socket.if_nametoindex(self._interface)
        found = {change.packed for change in netlink.all_addresses() if change.interface_index == index}
        for packed in self._addresses:
            self._note(packed, present=packed in found)
        while True:
            soonest = min(self._leaving.values(), default=None)
            timeout = None if soonest is None else max(0.0, soonest - time.monotonic())
            if select.select([kernel], [], [], timeout)[0]:
                for change in netlink.parse_changes(kernel.recv(DATAGRAM_BYTES)):
                    if change.interface_index == index and change.packed in self._addresses:
                        self._note(change.packed, present=change.present)
            for packed in [packed for packed, at in self._leaving.items() if at <= time.monotonic()]:
                del self._leaving[packed]
                netlink.dismiss(self._addresses[packed])

    def _note(self, packed: bytes, *, present: bool) -> None:
        if present:
            self._leaving.pop(packed, None)
            self._owned.add(packed)
            netlink.welcome(self._addresses[packed])
        elif packed in self._owned:
            self._owned.remove(packed)
            self._leaving[packed] = time.monotonic() + GRACE_SECONDS
        elif packed not in self._leaving:  # what an earlier guard may have left
            netlink.dismiss(self._addresses[packed])
