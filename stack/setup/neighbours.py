"""Who answers ARP on a LAN, by the kernel's own questions, which needs no right of root (arp(7), rtnetlink(7)).

A datagram to the port "discard" makes the kernel ask; so a host is found whatever its firewall does, and where nobody
answers only the question is on the wire. What the kernel remembers of earlier is not taken for an answer.
"""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address

# The kernel asks three times, a second apart (arp(7), mcast_solicit).
ALL_SECONDS = 3.2
# One, after all were asked: twice.
ONE_SECONDS = 1.5
# What it remembers it believes for five seconds before it asks three times again (arp(7), delay_first_probe_time).
REMEMBERED_SECONDS = 10.0
_POLL_SECONDS = 0.1
_DISCARD = 9
_RTM_NEWNEIGH, _RTM_GETNEIGH = 28, 30
_NLMSG_ERROR, _NLMSG_DONE = 2, 3
_NLM_F_REQUEST_DUMP = 0x301
_NDA_DST, _NDA_LLADDR = 1, 2
_TIMEOUT_SECONDS = 1.0
# linux/neighbour.h
_REACHABLE, _REMEMBERED = 0x02, 0x04 | 0x08 | 0x10  # stale, delay, probe


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A host of which the kernel knows the hardware address; ``confirmed`` if it has answered just now."""

    address: IPv4Address
    hardware: str
    confirmed: bool


def ask(interface: str, addresses: Iterable[IPv4Address], seconds: float) -> dict[IPv4Address, str]:
    """The hardware addresses of those that answer, and, of many, of those that answered a while ago.

    One address is waited for until it has answered or not, up to ``REMEMBERED_SECONDS``.

    Raises:
        OSError: the kernel cannot be asked.
    """
    asked = tuple(addresses)
    index = socket.if_nametoindex(interface)
    began = time.monotonic()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
        for address in asked:
            try:
                sender.sendto(b"", (str(address), _DISCARD))
            except OSError:  # no buffer left, no route: then it is not found
                time.sleep(0.01)
    while True:
        found = {one.address: one for one in _table(index) if one.address in asked}
        remembered = any(not one.confirmed for one in found.values())
        if len(asked) == 1 and found and not remembered:
            break
        patience = REMEMBERED_SECONDS if len(asked) == 1 and remembered else seconds
        if time.monotonic() - began >= patience:
            break
        time.sleep(_POLL_SECONDS)
    sure = found.values() if len(asked) > 1 else (one for one in found.values() if one.confirmed)
    return {one.address: one.hardware for one in sure}


def _table(index: int) -> list[Neighbour]:
    request = struct.pack("=IHHIIBxxxiHBB", 28, _RTM_GETNEIGH, _NLM_F_REQUEST_DUMP, 1, 0, socket.AF_INET, 0, 0, 0, 0)
    found: list[Neighbour] = []
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE) as kernel:
        kernel.settimeout(_TIMEOUT_SECONDS)
        kernel.bind((0, 0))
        kernel.send(request)
        while True:
            some, done = parse_neighbours(kernel.recv(65536), index)
            found += some
            if done:
                return found


def parse_neighbours(data: bytes, index: int) -> tuple[list[Neighbour], bool]:
    """Read one datagram of the answer, and whether it was the last; of one interface those with a hardware address."""
    found: list[Neighbour] = []
    offset = 0
    while offset + 16 <= len(data):
        length, kind = struct.unpack_from("=IH", data, offset)
        if length < 16 or offset + length > len(data) or kind in (_NLMSG_DONE, _NLMSG_ERROR):
            return found, True
        if kind == _RTM_NEWNEIGH and length >= 28:
            family, on, state = struct.unpack_from("=BxxxiH", data, offset + 16)
            values = _attributes(data[offset + 28 : offset + length])
            address, hardware = values.get(_NDA_DST, b""), values.get(_NDA_LLADDR, b"")
            known = state & (_REACHABLE | _REMEMBERED)
            if (family, on) == (socket.AF_INET, index) and known and len(address) == 4 and hardware:
                found.append(Neighbour(IPv4Address(address), hardware.hex(":"), bool(state & _REACHABLE)))
        offset += (length + 3) & ~3
    return found, not data


def _attributes(data: bytes) -> dict[int, bytes]:
    values: dict[int, bytes] = {}
    offset = 0
    while offset + 4 <= len(data):
        length, kind = struct.unpack_from("=HH", data, offset)
        if length < 4:
            break
        values[kind] = data[offset + 4 : offset + length]
        offset += (length + 3) & ~3
    return values
