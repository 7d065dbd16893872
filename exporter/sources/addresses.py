"""The kernel's addresses: a look at all of them, and a subscription to their changes (rtnetlink(7)).

Those of the loopback interface are left out: no other host can be led there, so a node does not own what is there. The
guard puts a virtual IPv6 address there to answer for a moment after it has left (stack/guard/grace_route.py).
"""

from __future__ import annotations

import errno
import socket
import time

from exporter.model.errors import ParseError
from exporter.wire.address_message import AddressChange, parse_address_messages
from exporter.wire.netlink import DATAGRAM_BYTES, RTMGRP_ADDRESSES, address_dump

# Room for thousands of messages; the kernel caps it at net.core.rmem_max.
RECEIVE_BUFFER_BYTES = 4 << 20
DUMP_TIMEOUT_SECONDS = 1.0
DUMP_ATTEMPTS = 5
LOOPBACK = 1  # the index of lo in every network namespace (LOOPBACK_IFINDEX in Linux's include/linux/netdevice.h)


class AddressSubscription:
    """A socket on which the kernel announces every address that comes or goes."""

    def __init__(self) -> None:
        """Subscribe.

        Raises:
            OSError: this process may not use netlink.
        """
        self._buffer = memoryview(
            bytearray(DATAGRAM_BYTES)
        )  # one for all: large buffers that come and go cut up the heap
        self._socket = _netlink_socket()
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
            self._socket.bind((0, RTMGRP_ADDRESSES))
            self._socket.settimeout(0)
        except OSError:
            self._socket.close()
            raise

    def fileno(self) -> int:
        """The descriptor, for poll(2)."""
        return self._socket.fileno()

    def read(self) -> tuple[list[AddressChange], bool]:
        """Return the changes announced so far, without waiting, and whether some were lost.

        The kernel drops messages when they come faster than they are read; what is queued is older
        than the loss, so a look at all addresses afterwards makes up for it.
        """
        datagrams: list[bytes] = []
        lost = False
        while True:
            try:
                length, (port, _) = self._socket.recvfrom_into(self._buffer)
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                lost = True
                continue
            if port == 0:  # from the kernel, not from another process
                datagrams.append(bytes(self._buffer[:length]))
        changes = [change for datagram in datagrams for change in parse_address_messages(datagram).changes]
        return [change for change in changes if change.interface_index != LOOPBACK], lost

    def close(self) -> None:
        """Unsubscribe."""
        self._socket.close()


def all_addresses() -> list[AddressChange]:
    """Look at all addresses of this network namespace.

    Raises:
        OSError: this process may not use netlink, or the kernel did not answer in time.
        ParseError: the answer makes no sense.
    """
    for _ in range(DUMP_ATTEMPTS):
        found = _dump()
        if found is not None:
            return found
    msg = "the kernel's addresses changed during every look at them"
    raise ParseError(msg)


def _dump() -> list[AddressChange] | None:
    with _netlink_socket() as sock:
        sock.bind((0, 0))
        sock.settimeout(DUMP_TIMEOUT_SECONDS)
        sock.send(address_dump())
        changes: list[AddressChange] = []
        deadline = time.monotonic() + DUMP_TIMEOUT_SECONDS
        while time.monotonic() < deadline:
            messages = parse_address_messages(sock.recv(DATAGRAM_BYTES))
            if messages.interrupted:
                return None
            changes.extend(change for change in messages.changes if change.interface_index != LOOPBACK)
            if messages.done:
                return changes
    msg = f"the kernel did not list its addresses within {DUMP_TIMEOUT_SECONDS:g} s"
    raise TimeoutError(msg)


def _netlink_socket() -> socket.socket:
    return socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE)
