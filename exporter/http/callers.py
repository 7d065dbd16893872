"""Who asks, told apart by the kernel before a connection waits anywhere: this machine, the peer, anybody else.

Each has a listening socket, and so a queue, of its own on the one port (SO_REUSEPORT). A program for the kernel's
packet filter chooses the socket from the addresses in the client's first packet (SO_ATTACH_REUSEPORT_CBPF, socket(7),
Linux 4.6), so that a flood from one kind of caller never delays another's connection.
"""

from __future__ import annotations

import ctypes
import logging
import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from exporter.model.addressing import Address
from exporter.wire.packet_filter import Field, Instruction, words

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Caller:
    """A kind of caller, and what is kept for it alone.

    Attributes:
        connections: as many may be served at once.
        each: so many of them for one IPv4 address or one /64 of IPv6, which is what one host can have to itself.
        answers: as many answers are made for it at once; those that others make wait for Python's one lock too.
        backlog: connections that the kernel holds until they are taken.
    """

    connections: int
    each: int
    answers: int
    backlog: int = 128


# In the order of the sockets: until all of them listen, the first takes what is for the others.
ANYBODY: Final = Caller(connections=32, each=8, answers=1)
PEER: Final = Caller(connections=32, each=32, answers=4)
THIS_MACHINE: Final = Caller(connections=64, each=64, answers=64)
CALLERS: Final = (ANYBODY, PEER, THIS_MACHINE)

_ATTACH_REUSEPORT_CBPF: Final = 51  # SO_ATTACH_REUSEPORT_CBPF, asm-generic/socket.h
_NETWORK_HEADER: Final = 0xFFF00000  # SKF_NET_OFF: offsets count from the IP header
_PROTOCOL: Final = Field(0xFFFFF000, 4)  # SKF_AD_OFF + SKF_AD_PROTOCOL
_IPV4, _IPV6 = 0x0800, 0x86DD  # linux/if_ether.h
_TO_X: Final[Instruction] = (0x07, 0, 0, 0)
_JUMP_IF_X, _JUMP_IF_CONSTANT, _RETURN = 0x1D, 0x15, 0x06

_Condition = list[Instruction]  # its last instruction goes on when it holds


def listen_apart(sockets: Sequence[socket.socket], peer: Address | None) -> Sequence[socket.socket]:
    """Let bound sockets listen, one for each of ``CALLERS``; return those that do, one if no choice can be made."""
    program = choose_socket(peer)
    buffer = ctypes.create_string_buffer(program)
    try:
        sockets[0].setsockopt(
            socket.SOL_SOCKET, _ATTACH_REUSEPORT_CBPF, struct.pack("HL", len(program) // 8, ctypes.addressof(buffer))
        )
    except OSError as error:
        log.warning(
            "this kernel cannot tell callers apart (%s): who floods the port from the LAN keeps Prometheus and the "
            "other node out too; it takes Linux 4.6",
            error.strerror,
        )
        sockets, others = sockets[:1], sockets[1:]
        for other in others:
            other.close()
    for one, caller in zip(sockets, CALLERS, strict=False):
        one.listen(caller.backlog)
    return sockets


def choose_socket(peer: Address | None) -> bytes:
    """The program, which returns the caller's place in ``CALLERS`` (``struct sock_filter``).

    From this machine is what comes from the address it goes to: the kernel takes no such packet from the wire, or
    answers it to itself, so that nobody else can open a connection with it.
    """
    ipv4, ipv6 = _equals(_PROTOCOL, _IPV4), _equals(_PROTOCOL, _IPV6)
    same_ipv4 = _same(Field(_NETWORK_HEADER + 12, 4), Field(_NETWORK_HEADER + 16, 4))
    same_ipv6 = [
        _same(Field(_NETWORK_HEADER + 8 + at, 4), Field(_NETWORK_HEADER + 24 + at, 4)) for at in range(0, 16, 4)
    ]
    this_machine = CALLERS.index(THIS_MACHINE)
    program = [*_when([ipv4, same_ipv4], this_machine), *_when([ipv6, *same_ipv6], this_machine)]
    if peer is not None:
        version, source = (ipv4, 12) if peer.version == 4 else (ipv6, 8)
        address = [_equals(field, value) for field, value in words(_NETWORK_HEADER + source, peer.packed)]
        program += _when([version, *address], CALLERS.index(PEER))
    program.append((_RETURN, 0, 0, CALLERS.index(ANYBODY)))
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in program)


def _equals(field: Field, value: int) -> _Condition:
    return [field.load, (_JUMP_IF_CONSTANT, 0, 0, value)]


def _same(one: Field, other: Field) -> _Condition:
    return [one.load, _TO_X, other.load, (_JUMP_IF_X, 0, 0, 0)]


def _when(conditions: Sequence[_Condition], index: int) -> list[Instruction]:
    """Return the index when all conditions hold, and otherwise go on after this."""
    length = sum(map(len, conditions))
    program: list[Instruction] = []
    for condition in conditions:
        *rest, (code, _, _, value) = condition
        program += rest
        # One more to jump over: the return.
        program.append((code, 0, length - len(program), value))
    return [*program, (_RETURN, 0, 0, index)]
