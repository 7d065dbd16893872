"""Which addresses this node's interface has, and since when at least (rtnetlink(7))."""

from __future__ import annotations

import socket
from collections.abc import Collection

from exporter.model.addressing import Address
from stack.guard import netlink


class HeldAddresses:
    """Follows some addresses on one interface. Times are seconds of a monotonic clock."""

    def __init__(self, addresses: Collection[Address], interface: str) -> None:
        """Begin to follow.

        Raises:
            OSError: the kernel does not let this process watch addresses.
        """
        self._addresses = {address.packed: address for address in addresses}
        self._interface = interface
        self._kernel = netlink.subscribe()
        self._kernel.settimeout(0)
        self._known = False
        self._since: dict[Address, float] = {}

    def since(self, address: Address) -> float | None:
        """When this node was first seen with the address; None: it has not got it."""
        return self._since.get(address)

    def poll(self, now: float) -> None:
        """Ask the kernel where it has said that something changed; what it does not say now is asked again."""
        if not netlink.take_all(self._kernel) and self._known:
            return
        try:
            index = socket.if_nametoindex(self._interface)
            found = {one.packed for one in netlink.all_addresses() if one.interface_index == index}
        except OSError:  # no such interface now, or the kernel is busy
            self._since, self._known = {}, False
            return
        self._known = True
        held = {address for packed, address in self._addresses.items() if packed in found}
        self._since = {address: self._since.get(address, now) for address in held}
