"""The few requests to the kernel's network that the guard and the health check need (rtnetlink(7)), without a program.

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
RTM_NEWNEIGH, RTM_GETNEIGH = 28, 30
NLMSG_ERROR, NLMSG_DONE = 2, 3
NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP, NLM_F_CREATE = 0x001, 0x004, 0x300, 0x400
RTMGRP_ADDRESSES = 0x10 | 0x100  # IPv4 and IPv6
IFA_ADDRESS, IFA_LOCAL, IFA_CACHEINFO = 1, 2, 6
IFA_F_NODAD = 0x02
LIFETIME_FOREVER = 0xFFFFFFFF
RTA_DST, RTA_OIF, RTA_PRIORITY = 1, 4, 6
NDA_DST, NDA_LLADDR = 1, 2
IFLA_AF_SPEC, IFLA_INET_CONF, IPV4_DEVCONF_ARP_IGNORE = 26, 1, 19
RT_TABLE_LOCAL, RTPROT_UNSPEC, RTPROT_STATIC, RT_SCOPE_HOST, RTN_LOCAL = 255, 0, 4, 254, 2
LOOPBACK = 1  # the index of lo in every network namespace (LOOPBACK_IFINDEX in Linux's include/linux/netdevice.h)
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


@dataclass(frozen=True, slots=True)
class Neighbour:
    """To which hardware address this host sends what is for an address; one that does not answer has none."""

    packed: bytes
    hardware: bytes
    interface_index: int


def delete_address(virtual: VirtualAddress, interface: str) -> bool:
    """Take an address off an interface; say whether it was there.

    Raises:
        OSError: the interface is not there, or the kernel refused.
    """
    index = socket.if_nametoindex(interface)
    body = struct.pack("=BBBBI", _family(virtual.address), virtual.prefix_length, 0, 0, index)
    return _ask(RTM_DELADDR, 0, body + _attribute(IFA_LOCAL, virtual.address.packed), absent=errno.EADDRNOTAVAIL)


def welcome(address: Address) -> None:
    """Let this host receive and answer what is sent to an address whichever interface has it, until ``dismiss``.

    IPv4 needs a local route. Over IPv6 that is not enough: the kernel refuses to send from an address that no
    interface has (EINVAL, ip6_datagram_send_ctl in Linux's net/ipv6/datagram.c), so the loopback interface gets it.
    There it answers no neighbour solicitation, which it does for the interface that was asked alone (ndisc_recv_ns in
    net/ipv6/ndisc.c), and, being deprecated from the first moment, is nobody's source address by itself (RFC 6724).

    Raises:
        OSError: the kernel refused.
    """
    if address.version == 4:
        _ask(RTM_NEWROUTE, NLM_F_CREATE, _local_route(address, RTPROT_STATIC), absent=errno.EEXIST)
        return
    lifetimes = struct.pack("=IIII", 0, LIFETIME_FOREVER, 0, 0)  # preferred, valid; the stamps are the kernel's
    _ask(RTM_NEWADDR, NLM_F_CREATE, _on_loopback(address) + _attribute(IFA_CACHEINFO, lifetimes), absent=errno.EEXIST)


def dismiss(address: Address) -> bool:
    """Undo ``welcome``; say whether there was anything to undo.

    Raises:
        OSError: the kernel refused.
    """
    if address.version == 4:
        return delete_local_route(address)
    return _ask(RTM_DELADDR, 0, _on_loopback(address), absent=errno.EADDRNOTAVAIL)


def delete_local_route(address: Address) -> bool:
    """Delete the local route to an address, whoever made it; say whether it was there. Those of IPv6 are keepalived's.

    Raises:
        OSError: the kernel refused.
    """
    return _ask(RTM_DELROUTE, 0, _local_route(address, RTPROT_UNSPEC), absent=errno.ESRCH)


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


def take_all(kernel: socket.socket) -> bool:
    """Take all messages of a socket that does not wait; say whether there were any, or some were lost."""
    any_change = False
    while True:
        try:
            any_change = bool(kernel.recv(DATAGRAM_BYTES)) or any_change
        except BlockingIOError:
            return any_change
        except OSError:  # ENOBUFS: they came faster than they were read
            any_change = True


def all_addresses() -> list[AddressChange]:
    """Look at all addresses.

    Raises:
        OSError: the kernel did not answer.
    """
    dumped = _dump(RTM_GETADDR, struct.pack("=BBBBI", 0, 0, 0, 0, 0))
    return [change for datagram in dumped for change in parse_changes(datagram)]


def all_neighbours() -> list[Neighbour]:
    """Look at all neighbours whose hardware address is known, of both families.

    Raises:
        OSError: the kernel did not answer.
    """
    dumped = _dump(RTM_GETNEIGH, struct.pack("=BBHiHBB", socket.AF_UNSPEC, 0, 0, 0, 0, 0, 0))
    return [neighbour for datagram in dumped for neighbour in parse_neighbours(datagram)]


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


def parse_neighbours(datagram: bytes) -> list[Neighbour]:
    """Read the neighbours of one datagram of the kernel."""
    found = []
    for kind, body in _messages(datagram):
        if kind == RTM_NEWNEIGH and len(body) >= 12:
            attributes = _attributes(body[12:])
            if NDA_DST in attributes and NDA_LLADDR in attributes:  # the kernel gives it while it is valid
                index = struct.unpack_from("=i", body, 4)[0]
                found.append(Neighbour(attributes[NDA_DST], attributes[NDA_LLADDR], index))
    return found


def _local_route(address: Address, protocol: int) -> bytes:
    header = struct.pack(
        "=BBBBBBBBI", _family(address), address.max_prefixlen, 0, 0,
        RT_TABLE_LOCAL, protocol, RT_SCOPE_HOST, RTN_LOCAL, 0,
    )  # fmt: skip
    return (
        header
        + _attribute(RTA_DST, address.packed)
        + _attribute(RTA_OIF, struct.pack("=I", LOOPBACK))
        + _attribute(RTA_PRIORITY, struct.pack("=I", ROUTE_PRIORITY))
    )


def _on_loopback(address: Address) -> bytes:
    header = struct.pack("=BBBBI", _family(address), address.max_prefixlen, IFA_F_NODAD, 0, LOOPBACK)
    return header + _attribute(IFA_LOCAL, address.packed)


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


def _dump(kind: int, body: bytes) -> list[bytes]:
    """Ask the kernel for all that it has of a kind."""
    found: list[bytes] = []
    with _open() as kernel:
        kernel.bind((0, 0))
        kernel.send(_message(kind, NLM_F_DUMP, body))
        while True:
            found.append(kernel.recv(DATAGRAM_BYTES))
            if any(kind in (NLMSG_DONE, NLMSG_ERROR) for kind, _ in _messages(found[-1])):
                return found


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
