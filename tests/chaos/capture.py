"""VRRP advertisements as the switch sees them: from whom, and with what priority."""

from __future__ import annotations

import ctypes
import socket
import struct
from typing import Final

from tests.lab.namespaces import socket_in

_ETH_P_ALL: Final = 3
_SO_ATTACH_FILTER: Final = 26
_VRRP: Final = 112
# Classic BPF (linux/filter.h): IPv4, and of protocol 112.
_FILTER: Final = (
    (0x28, 0, 0, 12),  # the frame's type
    (0x15, 0, 3, 0x0800),
    (0x30, 0, 0, 23),  # the packet's protocol
    (0x15, 0, 1, _VRRP),
    (0x06, 0, 0, 256),
    (0x06, 0, 0, 0),
)

Advert = tuple[str, str, int]
"""The sender's MAC and IPv4 address, and the priority."""


def open_capture(pid: int) -> socket.socket:
    """A socket that hears every VRRP packet in the network namespace of a process, the switch's.

    Raises:
        OSError: not allowed, or the process is gone.
    """
    # Every protocol: a frame that is bridged is shown to nobody else.
    channel = socket_in(pid, socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL))
    program = b"".join(struct.pack("HBBI", *step) for step in _FILTER)
    buffer = ctypes.create_string_buffer(program)
    channel.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HL", len(_FILTER), ctypes.addressof(buffer)))
    channel.setblocking(False)
    return channel


def receive(channel: socket.socket) -> list[Advert]:
    """What has been heard since the last call: each advert once, where it entered the switch."""
    found: list[Advert] = []
    while True:
        try:
            frame, (_, _, kind, *_) = channel.recvfrom(256)
        except BlockingIOError:
            return found
        if kind == socket.PACKET_OUTGOING:  # on its way out of another port
            continue
        if len(frame) < 34 or frame[23] != _VRRP:  # came before the filter
            continue
        header = (frame[14] & 0xF) * 4
        if len(frame) >= 14 + header + 8:
            found.append((frame[6:12].hex(":"), socket.inet_ntoa(frame[26:30]), frame[14 + header + 2]))
