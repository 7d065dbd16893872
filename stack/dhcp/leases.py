"""dnsmasq's file of leases, read and written, and the union of two nodes' leases; everything here is pure.

A line is ``END HARDWARE ADDRESS NAME CLIENT``: the Unix time at which it ends (0: never), and ``*`` for a name or a
client identifier that there is none of (dnsmasq 2.90, src/lease.c).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address

from exporter.model.errors import ParseError

MOST = 20_000  # a /18 and some, 2 MB
_END = re.compile(r"[0-9]{1,12}")
_HARDWARE = re.compile(r"([0-9a-f]{2}-)?[0-9a-f]{2}(:[0-9a-f]{2}){0,15}|\*", re.IGNORECASE)
_CLIENT = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){0,254}|\*", re.IGNORECASE)
_NAME = re.compile(r"[A-Za-z0-9_.*-]{1,255}")


@dataclass(frozen=True, slots=True)
class Lease:
    """One device's address, until ``end`` (Unix time, seconds; infinite for one that never ends)."""

    end: float
    hardware: str
    address: IPv4Address
    name: str = "*"
    client: str = "*"

    @property
    def device(self) -> str:
        """By what a server knows the device: its client identifier, or without one its hardware address."""
        return self.hardware if self.client == "*" else self.client

    @property
    def identity(self) -> tuple[IPv4Address, str]:
        """Whose address it is, whatever its end."""
        return self.address, self.device


def parse(text: str) -> tuple[Lease, ...]:
    """Read a file; an empty one has no leases.

    Raises:
        ParseError: it is not such a file, or cut off in the middle of a line.
    """
    if text and not text.endswith("\n"):
        msg = "the last lease is cut off"
        raise ParseError(msg)
    lines = text.splitlines()
    if len(lines) > MOST:
        msg = f"there are more than {MOST} leases"
        raise ParseError(msg)
    return tuple(_lease(line) for line in lines)


def render(leases: Iterable[Lease]) -> str:
    """Write them as dnsmasq reads them at its start, in the order of their addresses."""
    return "".join(
        f"{0 if one.end == float('inf') else int(one.end)} {one.hardware} {one.address} {one.name} {one.client}\n"
        for one in sorted(leases, key=lambda one: one.address)
    )


def union(leases: Iterable[Lease], now: float) -> tuple[Lease, ...]:
    """Those of both nodes: for an address the one that ends later; what has ended is left out.

    So an older file never wins over a newer one, whichever node it is of, and a split brain heals by itself. A device
    to which both nodes gave an address has both here: nobody can tell which one it uses.
    """
    kept: dict[IPv4Address, Lease] = {}
    for one in sorted(leases, key=lambda one: (one.end, one.device, one.hardware, one.name)):
        if one.end > now:
            kept[one.address] = one
    return tuple(kept[address] for address in sorted(kept))


def _lease(line: str) -> Lease:
    words = line.split(" ")
    if len(words) != 5 or not (
        _END.fullmatch(words[0])
        and _HARDWARE.fullmatch(words[1])
        and _NAME.fullmatch(words[3])
        and _CLIENT.fullmatch(words[4])
    ):
        raise ParseError(f"{line[:100]!r} is no lease")
    try:
        address = IPv4Address(words[2])
    except ValueError:
        raise ParseError(f"{words[2][:40]!r} is no address of a lease") from None
    return Lease(float(words[0]) or float("inf"), words[1], address, words[3], words[4])
