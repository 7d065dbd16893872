"""Delete one address through rtnetlink(7), without another program that could be missing or not be started."""

from __future__ import annotations

import errno
import os
import socket
import struct

from exporter.addressing import VirtualAddress

RTM_DELADDR = 21
NLM_F_REQUEST_ACK = 0x05
NLMSG_ERROR = 2
IFA_LOCAL = 2
TIMEOUT_SECONDS = 1.0


def delete_address(virtual: VirtualAddress, interface: str) -> bool:
    """Take an address off an interface; say whether it was there.

    Raises:
        OSError: the interface is not there, or the kernel refused.
    """
    index = socket.if_nametoindex(interface)
    packed = virtual.address.packed
    family = socket.AF_INET if virtual.address.version == 4 else socket.AF_INET6
    attribute = struct.pack("=HH", 4 + len(packed), IFA_LOCAL) + packed
    body = struct.pack("=BBBBI", family, virtual.prefix_length, 0, 0, index) + attribute
    request = struct.pack("=IHHII", 16 + len(body), RTM_DELADDR, NLM_F_REQUEST_ACK, 1, 0) + body
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE) as kernel:
        kernel.settimeout(TIMEOUT_SECONDS)
        kernel.bind((0, 0))
        kernel.send(request)
        answer = kernel.recv(4096)
    _, kind, _, _, _, code = struct.unpack_from("=IHHIIi", answer)
    if kind != NLMSG_ERROR:
        raise OSError(errno.EPROTO, "the kernel answered something else")
    if code == -errno.EADDRNOTAVAIL:
        return False
    if code:
        raise OSError(-code, os.strerror(-code))
    return True
