"""The addresses of this host's interfaces, and whether they stay (rtnetlink(7))."""

from __future__ import annotations

import ipaddress
import socket

from stack.guard import netlink
from stack.preflight.facts import InterfaceAddress


def interface_addresses() -> tuple[InterfaceAddress, ...] | None:
    """Ask the kernel; None when it does not tell."""
    try:
        names = dict(socket.if_nameindex())
        found = netlink.all_addresses()
    except OSError:
        return None
    return tuple(
        InterfaceAddress(
            names.get(one.interface_index, str(one.interface_index)),
            str(ipaddress.ip_address(one.packed)),
            one.permanent,
        )
        for one in found
        if len(one.packed) in (4, 16)
    )
