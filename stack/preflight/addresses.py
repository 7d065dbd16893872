"""The addresses of this host's interfaces, and whether they stay (rtnetlink(7))."""

from __future__ import annotations

import ipaddress
import socket
import struct

from stack.preflight.facts import InterfaceAddress

RTM_GETADDR, RTM_NEWADDR = 22, 20
NLMSG_ERROR, NLMSG_DONE = 2, 3
NLM_F_REQUEST_DUMP = 0x301
IFA_ADDRESS, IFA_LOCAL = 1, 2
IFA_F_PERMANENT = 0x80
TIMEOUT_SECONDS = 1.0


def interface_addresses() -> tuple[InterfaceAddress, ...] | None:
    """Ask the kernel; None when it does not tell."""
    request = struct.pack("=IHHIIBxxx4x", 24, RTM_GETADDR, NLM_F_REQUEST_DUMP, 1, 0, socket.AF_UNSPEC)
    found: list[InterfaceAddress] = []
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE) as kernel:
            kernel.settimeout(TIMEOUT_SECONDS)
            kernel.bind((0, 0))
            kernel.send(request)
            names = dict(socket.if_nameindex())
            while True:
                addresses, done = parse_addresses(kernel.recv(65536), names)
                found += addresses
                if done:
                    return tuple(found)
    except OSError:
        return None


def parse_addresses(data: bytes, names: dict[int, str]) -> tuple[list[InterfaceAddress], bool]:
    """Read one datagram of the answer, and whether it was the last; what makes no sense is left out."""
    found: list[InterfaceAddress] = []
    offset = 0
    while offset + 16 <= len(data):
        length, kind = struct.unpack_from("=IH", data, offset)
        if length < 16 or offset + length > len(data) or kind in (NLMSG_DONE, NLMSG_ERROR):
            return found, True
        if kind == RTM_NEWADDR and length >= 24:
            _, _, flags, _, index = struct.unpack_from("=BBBBI", data, offset + 16)
            address = _address(data[offset + 24 : offset + length])
            if address is not None:
                found.append(InterfaceAddress(names.get(index, str(index)), address, bool(flags & IFA_F_PERMANENT)))
        offset += (length + 3) & ~3
    return found, not data


def _address(attributes: bytes) -> str | None:
    """The local address, which on a point-to-point link is not IFA_ADDRESS."""
    values: dict[int, bytes] = {}
    offset = 0
    while offset + 4 <= len(attributes):
        length, kind = struct.unpack_from("=HH", attributes, offset)
        if length < 4:
            break
        values[kind] = attributes[offset + 4 : offset + length]
        offset += (length + 3) & ~3
    packed = values.get(IFA_LOCAL, values.get(IFA_ADDRESS, b""))
    return str(ipaddress.ip_address(packed)) if len(packed) in (4, 16) else None
