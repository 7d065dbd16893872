"""Does the interface have this node's own address? The kernel says so at once when that changes (rtnetlink(7)).

Without it the node neither hears the other one's adverts nor answers a client, and must not own the virtual IP.
"""

from __future__ import annotations

import socket

from exporter.model.addressing import Address
from stack.guard import netlink

# An address that is replaced (a DHCP client that begins anew) is away for some milliseconds.
MISSING_SECONDS = 0.3
POLL_SECONDS = 5.0
AGAIN_SECONDS = 1.0  # when the kernel did not say


class OwnAddressWatch:
    """Follows one address on one interface. Times are seconds of a monotonic clock."""

    def __init__(self, address: Address, interface: str) -> None:
        self._packed = address.packed
        self._interface = interface
        self._kernel = netlink.subscribe()
        self._kernel.settimeout(0)
        # An address that was never there is not being replaced.
        self._absent_since: float | None = float("-inf")
        self._looked = float("-inf")
        self._unknown = False
        self.problem = f"{interface} has not been looked at yet"
        self.missing = False
        self.present: frozenset[bytes] = frozenset()  # all of the interface's addresses, in network byte order
        self._sentence = f"{interface} does not have this node's own address {address}"

    @property
    def descriptor(self) -> int:
        """What to wait on for changes."""
        return self._kernel.fileno()

    def due(self) -> float:
        """When ``look`` is to be called next even without a change."""
        if self._unknown:
            return self._looked + AGAIN_SECONDS
        if self._absent_since is not None and not self.missing:
            return max(self._absent_since + MISSING_SECONDS, self._looked)
        return self._looked + POLL_SECONDS

    def changed(self) -> bool:
        """Take the kernel's messages; say whether there were any, or some were lost."""
        return netlink.take_all(self._kernel)

    def poll(self, now: float) -> None:
        """Ask the kernel for all addresses. What it does not say changes nothing."""
        self._looked = now
        self._unknown = True
        try:
            self.present = addresses_of(self._interface)
        except OSError as error:
            self.problem = f"the kernel does not say which addresses {self._interface} has: {error.strerror or error}"
            return
        self._unknown = False
        if self._packed in self.present:
            self._absent_since, self.missing, self.problem = None, False, ""
            return
        if self._absent_since is None:
            self._absent_since = now
        self.missing = now - self._absent_since >= MISSING_SECONDS
        self.problem = self._sentence


def has_address(packed: bytes, interface: str) -> bool:
    """Whether the interface has the address (in network byte order) now.

    Raises:
        OSError: the kernel does not say.
    """
    return packed in addresses_of(interface)


def addresses_of(interface: str) -> frozenset[bytes]:
    """All addresses of the interface, in network byte order.

    Raises:
        OSError: the kernel does not say.
    """
    index = _index(interface)
    return frozenset(one.packed for one in netlink.all_addresses() if one.interface_index == index)


def _index(interface: str) -> int | None:
    try:
        return socket.if_nametoindex(interface)
    except OSError:
        return None  # there is no such interface now
