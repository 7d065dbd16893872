"""Netlink messages (netlink(7), rtnetlink(7)): bytes in, messages and addresses out.

The one decoder of the guard, of what runs beside keepalived, which has no libraries, and of preflight. The collector of
the virtual IPs has pyroute2 for what is in its messages.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR = 20, 21, 22
NLMSG_ERROR, NLMSG_DONE = 2, 3
NLM_F_REQUEST, NLM_F_DUMP_INTR, NLM_F_DUMP = 0x01, 0x10, 0x300
RTMGRP_ADDRESSES = 0x10 | 0x100  # of IPv4 and IPv6
IFA_ADDRESS, IFA_LOCAL = 1, 2
IFA_F_PERMANENT = 0x80
HEADER_BYTES = 16
# Large enough for whatever the kernel puts into one datagram of a dump.
DATAGRAM_BYTES = 65536


@dataclass(frozen=True, slots=True)
class NetlinkMessage:
    """One message; ``data`` is all of it, its header too."""

    kind: int
    flags: int
    data: bytes

    @property
    def body(self) -> bytes:
        """What follows the header."""
        return self.data[HEADER_BYTES:]


@dataclass(frozen=True, slots=True)
class AddressMessage:
    """An address came to an interface or left it."""

    present: bool
    packed: bytes  # in network byte order
    interface_index: int
    permanent: bool  # no DHCP lease and no router's prefix


def message(kind: int, flags: int, body: bytes) -> bytes:
    """Write a request."""
    return struct.pack("=IHHII", HEADER_BYTES + len(body), kind, NLM_F_REQUEST | flags, 1, 0) + body


def address_dump() -> bytes:
    """Write the request for all addresses."""
    return message(RTM_GETADDR, NLM_F_DUMP, bytes(8))


def attribute(kind: int, value: bytes) -> bytes:
    """Write an attribute, with its padding."""
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def messages(datagram: bytes) -> tuple[list[NetlinkMessage], bool]:
    """Read the messages of a datagram, and whether it holds them whole: the last one may be cut off."""
    found: list[NetlinkMessage] = []
    offset = 0
    while offset + HEADER_BYTES <= len(datagram):
        length, kind, flags = struct.unpack_from("=IHH", datagram, offset)
        if not HEADER_BYTES <= length <= len(datagram) - offset:
            return found, False
        found.append(NetlinkMessage(kind, flags, datagram[offset : offset + length]))
        offset += (length + 3) & ~3
    return found, True


def attributes(data: bytes) -> dict[int, bytes]:
    """Read the attributes that follow a message's own header, up to one that is cut off."""
    found = {}
    while len(data) >= 4:
        length, kind = struct.unpack_from("=HH", data)
        if not 4 <= length <= len(data):
            break
        found[kind] = data[4:length]
        data = data[(length + 3) & ~3 :]
    return found


def address(one: NetlinkMessage) -> AddressMessage | None:
    """Read a message about an address; None where it is about something else, or cut off."""
    body = one.body
    if one.kind not in (RTM_NEWADDR, RTM_DELADDR) or len(body) < 8:
        return None
    _, _, flags, _, index = struct.unpack_from("=BBBBI", body)
    values = attributes(body[8:])
    # On a point-to-point link IFA_ADDRESS is the other end's.
    packed = values.get(IFA_LOCAL, values.get(IFA_ADDRESS))
    if packed is None:
        return None
    return AddressMessage(one.kind == RTM_NEWADDR, packed, index, bool(flags & IFA_F_PERMANENT))
