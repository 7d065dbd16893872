"""The few requests to the kernel's network that the guard needs (rtnetlink(7)), without another program.

A program that has to be started first may be missing, or not be started for lack of memory.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from dataclasses import dataclass

from exporter.addressing import Address, VirtualAddress

RTM_SETLINK, RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR = 19, 20, 21, 22
RTM_NEWROUTE, RTM_DELROUTE = 24, 25
NLMSG_ERROR, NLMSG_DONE = 2, 3
NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP, NLM_F_CREATE = 0x001, 0x004, 0x300, 0x400
RTMGRP_ADDRESSES = 0x10 | 0x100  # IPv4 and IPv6
IFA_ADDRESS, IFA_LOCAL = 1, 2
RTA_DST, RTA_OIF, RTA_PRIORITY = 1, 4, 6
IFLA_AF_SPEC, IFLA_INET_CONF, IPV4_DEVCONF_ARP_IGNORE = 26, 1, 19
RT_TABLE_LOCAL, RTPROT_STATIC, RT_SCOPE_HOST, RTN_LOCAL = 255, 4, 254, 2
# Beside the kernel's own route to the address, which has priority 0.
ROUTE_PRIORITY = 5353
TIMEOUT_SECONDS = 1.0
DATAGRAM_BYTES = 65536


@dataclass(frozen=True, slots=True)
class AddressChange:
    """An address came to an interface or left it."""

    present: bool
    packed: bytes
    interface_index: int


def delete_address(virtual: VirtualAddress, interface: str) -> bool:
    """Take an address off an interface; say whether it was there.

    Raises:
        OSError: the interface is not there, or the kernel refused.
    """
    index = socket.if_nametoindex(interface)
    body = struct.pack("=BBBBI", _family(virtual.address), virtual.prefix_length, 0, 0, index)
    return _ask(RTM_DELADDR, 0, body + _attribute(IFA_LOCAL, virtual.address.packed), absent=errno.EADDRNOTAVAIL)


def add_local_route(address: Address) -> None:
    """Make the kernel accept packets to an address that no interface has, until the route is deleted.

    Raises:
        OSError: the kernel refused.
    """
    _ask(RTM_NEWROUTE, NLM_F_CREATE, _local_route(address), absent=errno.EEXIST)


def delete_local_route(address: Address) -> bool:
    """Undo ``add_local_route``; say whether there was such a route.

    Raises:
        OSError: the kernel refused.
    """
    return _ask(RTM_DELROUTE, 0, _local_route(address), absent=errno.ESRCH)


def answer_arp_for_own_addresses_only(interface: str) -> None:
    """Set ``arp_ignore`` of an interface to 1 (the kernel's ip-sysctl.rst), also where /proc/sys is read-only.

    Raises:
        OSError: the interface is not there, or the kernel refused.
    """
    body = struct.pack("=BxHiII", socket.AF_UNSPEC, 0, socket.if_nametoindex(interface), 0, 0)
    ignore = _attribute(IPV4_DEVCONF_ARP_IGNORE, struct.pack("=I", 1))
    inet = _attribute(socket.AF_INET, _attribute(IFLA_INET_CONF, ignore))
    _ask(RTM_SETLINK, 0, body + _attribute(IFLA_AF_SPEC, inet))


def subscribe() -> socket.socket:
    """Open a socket on which the kernel announces every change of an address."""
    kernel = _open()
    kernel.bind((0, RTMGRP_ADDRESSES))
    return kernel


def all_addresses() -> list[AddressChange]:
    """Look at all addresses.

    Raises:
        OSError: the kernel did not answer.
    """
    found: list[AddressChange] = []
    with _open() as kernel:
        kernel.bind((0, 0))
        kernel.send(_message(RTM_GETADDR, NLM_F_DUMP, struct.pack("=BBBBI", 0, 0, 0, 0, 0)))
        while True:
            datagram = kernel.recv(DATAGRAM_BYTES)
            found.extend(parse_changes(datagram))
            if any(kind in (NLMSG_DONE, NLMSG_ERROR) for kind, _ in _messages(datagram)):
                return found


def parse_changes(datagram: bytes) -> list[AddressChange]:
    """Read the address changes of one datagram of the kernel."""
    changes = []
    for kind, body in _messages(datagram):
        if kind in (RTM_NEWADDR, RTM_DELADDR) and len(body) >= 8:
            attributes = _attributes(body[8:])
            packed = attributes.get(IFA_LOCAL, attributes.get(IFA_ADDRESS))
            if packed is not None:
                changes.append(AddressChange(kind == RTM_NEWADDR, packed, struct.unpack_from("=I", body, 4)[0]))
    return changes


def _local_route(address: Address) -> bytes:
    header = struct.pack(
        "=BBBBBBBBI", _family(address), address.max_prefixlen, 0, 0,
        RT_TABLE_LOCAL, RTPROT_STATIC, RT_SCOPE_HOST if address.version == 4 else 0, RTN_LOCAL, 0,
    )  # fmt: skip
    loopback = struct.pack("=I", socket.if_nametoindex("lo"))
    return (
        header
        + _attribute(RTA_DST, address.packed)
        + _attribute(RTA_OIF, loopback)
        + _attribute(RTA_PRIORITY, struct.pack("=I", ROUTE_PRIORITY))
    )


def _family(address: Address) -> int:
    return socket.AF_INET if address.version == 4 else socket.AF_INET6


def _ask(kind: int, flags: int, body: bytes, absent: int = 0) -> bool:
    """Ask the kernel to do something; False when there was nothing to do (error ``absent``)."""
    with _open() as kernel:
        kernel.bind((0, 0))
        kernel.send(_message(kind, flags | NLM_F_ACK, body))
        answer = kernel.recv(4096)
    _, answered, _, _, _, code = struct.unpack_from("=IHHIIi", answer)
    if answered != NLMSG_ERROR:
        raise OSError(errno.EPROTO, "the kernel answered something else")
    if code and -code != absent:
        raise OSError(-code, os.strerror(-code))
    return bool(code == 0)


def _open() -> socket.socket:
    kernel = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE)
    kernel.settimeout(TIMEOUT_SECONDS)
    return kernel


def _message(kind: int, flags: int, body: bytes) -> bytes:
    return struct.pack("=IHHII", 16 + len(body), kind, NLM_F_REQUEST | flags, 1, 0) + body


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value + b"\0" * (-len(value) % 4)


def _messages(datagram: bytes) -> list[tuple[int, bytes]]:
    found = []
    while len(datagram) >= 16:
        length, kind = struct.unpack_from("=IH", datagram)
        if not 16 <= length <= len(datagram):
            break
        found.append((kind, datagram[16:length]))
        datagram = datagram[(length + 3) & ~3 :]
    return found


def _attributes(data: bytes) -> dict[int, bytes]:
    found = {}
    while len(data) >= 4:
        length, kind = struct.unpack_from("=HH", data)
        if not 4 <= length <= len(data):
            break
        found[kind] = data[4:length]
        data = data[(length + 3) & ~3 :]
    return found
