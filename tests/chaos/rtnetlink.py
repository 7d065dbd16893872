"""Addresses and carriers of one network namespace as the kernel tells them: every change, in order (rtnetlink(7)).

The oracle's own reader, written for this alone, so that no mistake of the exporter's can be in it.
"""

from __future__ import annotations

import ipaddress
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from tests.lab.namespaces import socket_in

_GROUPS: Final = 0x1 | 0x10 | 0x100  # RTMGRP_LINK, RTMGRP_IPV4_IFADDR, RTMGRP_IPV6_IFADDR
_NEWLINK, _DELLINK, _GETLINK, _NEWADDR, _DELADDR, _GETADDR = 16, 17, 18, 20, 21, 22
_DONE, _REQUEST_DUMP = 3, 0x301
_IFA_ADDRESS, _IFA_LOCAL, _IFLA_IFNAME = 1, 2, 3
_LOOPBACK: Final = 1
"""The index of lo: no other host is led to an address there, so nobody holds a virtual IP by it."""
_IFF_LOWER_UP: Final = 0x10000
_HEADER: Final = struct.Struct("=IHHII")
_ADDRESS: Final = struct.Struct("=BBBBi")
_LINK: Final = struct.Struct("=BxHiII")
_ATTRIBUTE: Final = struct.Struct("=HH")
_BUFFER: Final = 4 << 20

Change = tuple[str, str, bool]
"""``address`` or ``carrier``, which one, and whether it is there now."""


@dataclass(slots=True)
class Kernel:
    """What one namespace has, kept up to date; ``interface`` is the one whose carrier matters."""

    interface: str
    channel: socket.socket
    _held: dict[str, set[tuple[int, int]]] = field(default_factory=dict)
    """By address: interface and prefix length of each entry; an address may be there twice."""
    _carrier: bool = False

    @classmethod
    def of(cls, pid: int, interface: str) -> Kernel:
        """Listen in the network namespace of a process, and ask for everything once.

        Raises:
            OSError: the process is gone.
        """
        channel = socket_in(pid, socket.AF_NETLINK, socket.SOCK_RAW)
        channel.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        channel.bind((0, _GROUPS))
        channel.settimeout(2)
        found = cls(interface, channel)
        for kind, body in ((_GETADDR, _ADDRESS.pack(0, 0, 0, 0, 0)), (_GETLINK, _LINK.pack(0, 0, 0, 0, 0))):
            channel.send(_HEADER.pack(_HEADER.size + len(body), kind, _REQUEST_DUMP, 0, 0) + body)
            while not any(done for done, _ in found._messages()):
                pass
        channel.setblocking(False)
        return found

    @property
    def everything(self) -> Iterator[Change]:
        """What is there now."""
        yield from (("address", address, True) for address in self._held)
        yield ("carrier", self.interface, self._carrier)

    def changes(self) -> list[Change]:
        """What has changed since the last call.

        Raises:
            OSError: the kernel dropped messages (ENOBUFS), which spoils the record.
        """
        found = []
        while True:
            try:
                found += [change for _, change in self._messages() if change is not None]
            except BlockingIOError:
                return found

    def _messages(self) -> Iterator[tuple[bool, Change | None]]:
        data = self.channel.recv(1 << 17)
        while len(data) >= _HEADER.size:
            length, kind, *_ = _HEADER.unpack_from(data)
            body, data = data[_HEADER.size : length], data[(length + 3) & ~3 :]
            if kind in (_NEWADDR, _DELADDR):
                yield False, self._address(body, there=kind == _NEWADDR)
            elif kind in (_NEWLINK, _DELLINK):
                yield False, self._link(body, there=kind == _NEWLINK)
            else:
                yield kind == _DONE, None

    def _address(self, body: bytes, *, there: bool) -> Change | None:
        _, prefix, _, _, index = _ADDRESS.unpack_from(body)
        if index == _LOOPBACK:
            return None
        attributes = dict(_attributes(body[_ADDRESS.size :]))
        address = str(ipaddress.ip_address(attributes.get(_IFA_LOCAL) or attributes[_IFA_ADDRESS]))
        entries = self._held.setdefault(address, set())
        before = bool(entries)
        (entries.add if there else entries.discard)((index, prefix))
        if not entries:
            del self._held[address]
        return None if before == bool(entries) else ("address", address, bool(entries))

    def _link(self, body: bytes, *, there: bool) -> Change | None:
        _, _, _, flags, _ = _LINK.unpack_from(body)
        name = dict(_attributes(body[_LINK.size :])).get(_IFLA_IFNAME, b"").rstrip(b"\0").decode()
        carrier = there and bool(flags & _IFF_LOWER_UP)
        if name != self.interface or carrier == self._carrier:
            return None
        self._carrier = carrier
        return ("carrier", name, carrier)


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    while len(data) >= _ATTRIBUTE.size:
        length, kind = _ATTRIBUTE.unpack_from(data)
        if length < _ATTRIBUTE.size:
            return
        yield kind, data[_ATTRIBUTE.size : length]
        data = data[(length + 3) & ~3 :]
