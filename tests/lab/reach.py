"""Which ports a host of the lab reaches on another one, with real packets."""

from __future__ import annotations

import json
import select
import socket
import time
from collections.abc import Iterable
from contextlib import ExitStack

from .host import Host
from .namespaces import family_of
from .plan import INTERFACE
from .waiting import wait_for

SILENT_SECONDS = 0.5  # a LAN in one machine answers within a millisecond


def link_local(host: Host) -> str:
    """The host's own link-local address, once it may be used (RFC 4862, 5.4)."""
    return wait_for("a usable link-local address", lambda: _link_local(host), timeout=10.0) or ""


def _link_local(host: Host) -> str | None:
    listed = json.loads(host.run("ip", "-6", "-json", "address", "show", "dev", INTERFACE))
    usable = [one["local"] for one in listed[0]["addr_info"] if one["scope"] == "link" and not one.get("tentative")]
    return usable[0] if usable else None


def open_tcp(seen_from: Host, address: str, ports: Iterable[int], seconds: float = SILENT_SECONDS) -> set[int]:
    """The ports that take a connection from this host. Who refuses has no listener; who drops says nothing."""
    with ExitStack() as stack:
        waiting: dict[socket.socket, int] = {}
        found: set[int] = set()
        for port in ports:
            one = stack.enter_context(seen_from.socket(family_of(address), socket.SOCK_STREAM))
            one.setblocking(False)
            one.connect_ex(_destination(seen_from, address, port))
            waiting[one] = port
        deadline = time.monotonic() + seconds
        while waiting and (left := deadline - time.monotonic()) > 0:
            for one in select.select([], list(waiting), [], left)[1]:
                port = waiting.pop(one)
                if one.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0:
                    found.add(port)
        return found


def answering_udp(seen_from: Host, address: str, ports: Iterable[int], seconds: float = SILENT_SECONDS) -> set[int]:
    """The ports from which something comes back for a datagram of this host."""
    with ExitStack() as stack:
        waiting: dict[socket.socket, int] = {}
        found: set[int] = set()
        for port in ports:
            one = stack.enter_context(seen_from.socket(family_of(address), socket.SOCK_DGRAM))
            one.sendto(b"anybody there?", _destination(seen_from, address, port))
            waiting[one] = port
        deadline = time.monotonic() + seconds
        while waiting and (left := deadline - time.monotonic()) > 0:
            for one in select.select(list(waiting), [], [], left)[0]:
                one.recv(2048)
                found.add(waiting.pop(one))
        return found


def _destination(seen_from: Host, address: str, port: int) -> tuple[str, int] | tuple[str, int, int, int]:
    if not address.startswith("fe80:"):
        return (address, port)
    listed = json.loads(seen_from.run("ip", "-json", "link", "show", "dev", INTERFACE))
    return (address, port, 0, int(listed[0]["ifindex"]))


_PING = """
import socket, sys
family, kind = (socket.AF_INET6, 128) if ":" in sys.argv[1] else (socket.AF_INET, 8)
protocol = socket.IPPROTO_ICMPV6 if kind == 128 else socket.IPPROTO_ICMP
with socket.socket(family, socket.SOCK_RAW, protocol) as one:
    one.settimeout(3)
    checksum = 0 if kind == 128 else ~(kind << 8 | 1) & 0xFFFF  # the kernel fills in that of IPv6
    request = bytes([kind, 0]) + checksum.to_bytes(2, "big") + bytes([0, 0, 0, 1])
    one.sendto(request, socket.getaddrinfo(sys.argv[1], None, family)[0][4])
    while one.recv(2048)[20 if kind == 8 else 0] != (0 if kind == 8 else 129):
        pass
"""


def ping(seen_from: Host, address: str) -> None:
    """Ask a host for an ICMP echo.

    Raises:
        CommandError: none came within three seconds.
    """
    scoped = f"{address}%{INTERFACE}" if address.startswith("fe80:") else address
    seen_from.run("python3", "-c", _PING, scoped)
