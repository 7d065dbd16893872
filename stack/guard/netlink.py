"""The few requests to the kernel's network that the guard and the health check need (rtnetlink(7)), without a program.

A program that has to be started first may be missing, or not be started for lack of memory.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from dataclasses import dataclass

from exporter.model.addressing import Address, VirtualAddress
from exporter.wire.netlink import (
    DATAGRAM_BYTES,
    IFA_LOCAL,
    NLM_F_DUMP,
    NLMSG_DONE,
    NLMSG_ERROR,
    RTM_DELADDR,
    RTM_NEWADDR,
    RTMGRP_ADDRESSES,
    AddressMessage,
    address_dump,
    attribute,
    attributes,
    message,
    messages,
)
from exporter.wire.netlink import address as read_address

RTM_SETLINK, RTM_NEWROUTE, RTM_DELROUTE = 19, 24, 25
RTM_NEWNEIGH, RTM_GETNEIGH = 28, 30
NLM_F_ACK, NLM_F_CREATE = 0x004, 0x400
IFA_CACHEINFO = 6
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


@dataclass(frozen=True, slots=True)
class NeighbourEntry:
    """To which hardware address this host sends what is for an address; one that does not answer has none."""

    packed: bytes
    hardware: bytes
    interface_index: int


def delete_address(virtual: VirtualAddress, interface: str) -> bool:
    """Take an address off an interface, be it a host route or as the owner wrote it; say whether it was there.

    Raises:
        OSError: the interface is not there, or the kernel refused.
    """
    index = socket.if_nametoindex(interface)
    local = attribute(IFA_LOCAL, virtual.address.packed)
    found = False
    for length in sorted({virtual.address.max_prefixlen, virtual.prefix_length}, reverse=True):
        body = struct.pack("=BBBBI", _family(virtual.address), length, 0, 0, index)
        found |= _ask(RTM_DELADDR, 0, body + local, absent=errno.EADDRNOTAVAIL)
    return found


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
    _ask(RTM_NEWADDR, NLM_F_CREATE, _on_loopback(address) + attribute(IFA_CACHEINFO, lifetimes), absent=errno.EEXIST)


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
    ignore = attribute(IPV4_DEVCONF_ARP_IGNORE, struct.pack("=I", 1))
    inet = attribute(socket.AF_INET, attribute(IFLA_INET_CONF, ignore))
    _ask(RTM_SETLINK, 0, body + attribute(IFLA_AF_SPEC, inet))


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


def all_addresses() -> list[AddressMessage]:
    """Look at all addresses.

    Raises:
        OSError: the kernel did not answer.
    """
    return [change for datagram in _dump(address_dump()) for change in parse_changes(datagram)]


def all_neighbours() -> list[NeighbourEntry]:
    """Look at all neighbours whose hardware address is known, of both families.

    Raises:
        OSError: the kernel did not answer.
    """
    every = struct.pack("=BBHiHBB", socket.AF_UNSPEC, 0, 0, 0, 0, 0, 0)
    dumped = _dump(message(RTM_GETNEIGH, NLM_F_DUMP, every))
    return [neighbour for datagram in dumped for neighbour in parse_neighbours(datagram)]


def parse_changes(datagram: bytes) -> list[AddressMessage]:
    """Read the address changes of one datagram of the kernel; what is cut off is left out."""
    return [change for one in messages(datagram)[0] if (change := read_address(one)) is not None]


def parse_neighbours(datagram: bytes) -> list[NeighbourEntry]:
    """Read the neighbours of one datagram of the kernel."""
    found = []
    for one in messages(datagram)[0]:
        if one.kind == RTM_NEWNEIGH and len(one.body) >= 12:
            values = attributes(one.body[12:])
            if NDA_DST in values and NDA_LLADDR in values:  # the kernel gives it while it is valid
                index = struct.unpack_from("=i", one.body, 4)[0]
                found.append(NeighbourEntry(values[NDA_DST], values[NDA_LLADDR], index))
    return found


def _local_route(address: Address, protocol: int) -> bytes:
    header = struct.pack(
        "=BBBBBBBBI", _family(address), address.max_prefixlen, 0, 0,
        RT_TABLE_LOCAL, protocol, RT_SCOPE_HOST, RTN_LOCAL, 0,
    )  # fmt: skip
    return (
        header
        + attribute(RTA_DST, address.packed)
        + attribute(RTA_OIF, struct.pack("=I", LOOPBACK))
        + attribute(RTA_PRIORITY, struct.pack("=I", ROUTE_PRIORITY))
    )


def _on_loopback(address: Address) -> bytes:
    header = struct.pack("=BBBBI", _family(address), address.max_prefixlen, IFA_F_NODAD, 0, LOOPBACK)
    return header + attribute(IFA_LOCAL, address.packed)


def _family(address: Address) -> int:
    return socket.AF_INET if address.version == 4 else socket.AF_INET6


def _ask(kind: int, flags: int, body: bytes, absent: int = 0) -> bool:
    """Ask the kernel to do something; False when there was nothing to do (error ``absent``)."""
    with _open() as kernel:
        kernel.bind((0, 0))
        kernel.send(message(kind, flags | NLM_F_ACK, body))
        answer = kernel.recv(4096)
    _, answered, _, _, _, code = struct.unpack_from("=IHHIIi", answer)
    if answered != NLMSG_ERROR:
        raise OSError(errno.EPROTO, "the kernel answered something else")
    if code and -code != absent:
        raise OSError(-code, os.strerror(-code))
    return bool(code == 0)


def _dump(request: bytes) -> list[bytes]:
    """Ask the kernel for all that it has of a kind; return its datagrams."""
    found: list[bytes] = []
    with _open() as kernel:
        kernel.bind((0, 0))
        kernel.send(request)
        while True:
            found.append(kernel.recv(DATAGRAM_BYTES))
            if any(one.kind in (NLMSG_DONE, NLMSG_ERROR) for one in messages(found[-1])[0]):
                return found


def _open() -> socket.socket:
    kernel = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE)
    kernel.settimeout(TIMEOUT_SECONDS)
    return kernel
