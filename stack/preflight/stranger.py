"""Tries ports of the other node as a stranger does: from an address of this node that is not the one it speaks from."""

from __future__ import annotations

import contextlib
import select
import socket
import time
from collections.abc import Iterable

from exporter.model.addressing import Address
from stack.preflight.facts import StrangerFacts

SECONDS = 1.0  # of silence, after which a port counts as closed: a LAN answers within some milliseconds


def try_ports(source: Address, target: Address, ports: Iterable[int], seconds: float = SECONDS) -> StrangerFacts:
    """Connect to each port at once; what is refused is as closed as what says nothing."""
    family = socket.AF_INET6 if target.version == 6 else socket.AF_INET
    opened: set[int] = set()
    with contextlib.ExitStack() as stack:
        waiting: dict[socket.socket, int] = {}
        for port in ports:
            one = stack.enter_context(socket.socket(family, socket.SOCK_STREAM))
            one.settimeout(0)
            with contextlib.suppress(OSError):  # the address has just left this node
                one.bind((str(source), 0))
                one.connect_ex((str(target), port))
                waiting[one] = port
        deadline = time.monotonic() + seconds
        while waiting and (left := deadline - time.monotonic()) > 0:
            for one in select.select([], list(waiting), [], left)[1]:
                port = waiting.pop(one)
                if one.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0:
                    opened.add(port)
    return StrangerFacts(str(source), tuple(sorted(ports)), tuple(sorted(opened)))
