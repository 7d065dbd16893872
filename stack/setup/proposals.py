"""What setup proposes, from what it saw. Pure."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping
from ipaddress import IPv4Address

from stack.setup.lan import Lan

# Raspberry Pi's blocks of hardware addresses (IEEE's registry of MA-L).
_RASPBERRY_PI = ("28:cd:c1", "2c:cf:67", "88:a2:9e", "b8:27:eb", "d8:3a:dd", "dc:a6:32", "e4:5f:01")
# The last bytes of addresses that are tried first: many routers give out .20 to .200 or .100 to .199, so one below, one
# above, one between, and so on. Where the DHCP server can be asked, its word counts.
_TRIED_FIRST = (5, 240, 53, 6, 239, 60, 7, 238, 70, *range(8, 20), *range(237, 200, -1))
_GENERIC_NAMES = ("", "localhost", "raspberrypi", "debian")


def peers(lan: Lan, seen: Mapping[IPv4Address, str]) -> tuple[IPv4Address, ...]:
    """The Raspberry Pis among the neighbours."""
    return tuple(sorted(a for a, hardware in seen.items() if hardware.startswith(_RASPBERRY_PI) and a != lan.router))


def virtual_addresses(lan: Lan, taken: Container[IPv4Address]) -> Iterator[IPv4Address]:
    """Addresses for the pair that nobody answers for, those first that few routers hand out."""
    own = {one.address for one in lan.own}
    rank = {last: place for place, last in enumerate(_TRIED_FIRST)}
    for address in sorted(lan.searched, key=lambda one: (rank.get(one.packed[3], len(rank)), one)):
        if address not in taken and address not in own and address != lan.router:
            yield address


def names(host: str) -> tuple[str, str]:
    """Names for this node and the other one, from the host's own name."""
    short = host.partition(".")[0]
    if short.lower() in _GENERIC_NAMES or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9-]{0,59}", short):
        return "pi-1", "pi-2"
    number = re.fullmatch(r"(.*?)([0-9]{1,3})", short)
    if number:
        following = str(int(number[2]) + 1).zfill(len(number[2]))
        return short, number[1] + following
    return short, f"{short}-2"
