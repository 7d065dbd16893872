"""Programs for the kernel's packet filter (classic BPF), so that only packets that matter wake this process.

The source is the kernel's ``Documentation/networking/filter.rst``; offsets count from the IP or ARP header.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

Instruction = tuple[int, int, int, int]  # code, jump if true, jump if false, operand

_JUMP = 0x05
_JUMP_IF_EQUAL = 0x15
_RETURN = 0x06
_LOAD = {1: 0x30, 2: 0x28, 4: 0x20}  # absolute, by size in bytes
_ANCILLARY = 0xFFFFF000  # SKF_AD_OFF: what the kernel knows besides the packet's bytes
_LINK_HEADER = 0xFFE00000  # SKF_LL_OFF: what stands before the packet
_WHOLE_PACKET = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Field:
    """A number in a packet: where it is, and its size of 1, 2 or 4 bytes."""

    offset: int
    size: int

    @property
    def load(self) -> Instruction:
        """The instruction that reads it."""
        return (_LOAD[self.size], 0, 0, self.offset)


ETHERTYPE = Field(_ANCILLARY, 4)
PACKET_TYPE = Field(_ANCILLARY + 4, 4)  # PACKET_HOST and the like, packet(7)
INTERFACE_INDEX = Field(_ANCILLARY + 8, 4)


def one_of(field: Field, values: Iterable[int]) -> list[Instruction]:
    """Drop packets in which a field has none of the values."""
    program = [field.load]
    wanted = list(values)
    for index, value in enumerate(wanted):
        rest = 2 * (len(wanted) - 1 - index) + 1  # conditional jumps reach only 255 instructions
        program += [(_JUMP_IF_EQUAL, 0, 1, value), (_JUMP, 0, 0, rest)]
    return [*program, (_RETURN, 0, 0, 0)]


def not_all(fields: Sequence[tuple[Field, int]]) -> list[Instruction]:
    """Drop packets in which every field has its value."""
    program: list[Instruction] = []
    for index, (field, value) in enumerate(fields):
        rest = 2 * (len(fields) - 1 - index) + 1
        program += [field.load, (_JUMP_IF_EQUAL, 0, rest, value)]
    return [*program, (_RETURN, 0, 0, 0)]


def words(offset: int, value: bytes) -> list[tuple[Field, int]]:
    """An address as fields of four bytes and their values."""
    return [(Field(offset + at, 4), int.from_bytes(value[at : at + 4], "big")) for at in range(0, len(value), 4)]


def sender(hardware: bytes) -> list[tuple[Field, int]]:
    """An Ethernet frame's source as fields and their values."""
    return [
        (Field(_LINK_HEADER + 6, 4), int.from_bytes(hardware[:4], "big")),
        (Field(_LINK_HEADER + 10, 2), int.from_bytes(hardware[4:], "big")),
    ]


def assemble(*conditions: Iterable[Instruction]) -> bytes:
    """Make a program that keeps the packets that every condition lets through (``struct sock_filter``)."""
    program = [instruction for condition in conditions for instruction in condition]
    program.append((_RETURN, 0, 0, _WHOLE_PACKET))
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in program)
