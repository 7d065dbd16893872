"""How many connections one kind of caller, and each of its hosts, may have at once."""

from __future__ import annotations

import ipaddress
import threading
from collections import Counter

from exporter.http.callers import Caller


class Seats:
    """The connections that are kept for one kind of caller."""

    def __init__(self, caller: Caller) -> None:
        self.caller = caller
        self._taken: Counter[str] = Counter()
        self._lock = threading.Lock()
        self.answers = threading.BoundedSemaphore(caller.answers)

    def take(self, host: str) -> bool:
        """Take one for a host; False when it has as many as it may, or there is none."""
        with self._lock:
            if self._taken.total() >= self.caller.connections or self._taken[host] >= self.caller.each:
                return False
            self._taken[host] += 1
            return True

    def leave(self, host: str) -> None:
        """Give one back."""
        with self._lock:
            self._taken[host] -= 1
            if not self._taken[host]:
                del self._taken[host]

    @property
    def taken(self) -> int:
        """How many are taken."""
        with self._lock:
            return self._taken.total()


def host_of(address: str) -> str:
    """What counts as one host: an IPv4 address, or the /64 of an IPv6 address, all of which one host can have."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(parsed) >> 64 << 64, 64)))
