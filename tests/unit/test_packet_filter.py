"""Given a packet, the programs for the kernel's filter keep it or drop it as their conditions say.

The kernel's interpreter needs a socket and a privilege; the one here knows the six instructions that we use, after
the kernel's ``Documentation/networking/filter.rst``. tests/wire runs the same programs in the kernel.
"""

from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st

from exporter.sources.packet_filter import Field, assemble, not_all, one_of, words

LOAD_BYTES = {0x30: 1, 0x28: 2, 0x20: 4}


def keeps(program: bytes, packet: bytes) -> bool:
    """Run a program over a packet."""
    instructions = list(struct.iter_unpack("=HBBI", program))
    accumulator = at = 0
    while True:
        code, if_true, if_false, operand = instructions[at]
        at += 1
        if code in LOAD_BYTES:
            loaded = packet[operand : operand + LOAD_BYTES[code]]
            if len(loaded) < LOAD_BYTES[code]:
                return False  # as the kernel does for what lies behind the end
            accumulator = int.from_bytes(loaded, "big")
        elif code == 0x15:
            at += if_true if accumulator == operand else if_false
        elif code == 0x05:
            at += operand
        else:
            assert code == 0x06
            return bool(operand)


def test_a_program_without_conditions_keeps_everything() -> None:
    assert keeps(assemble(), b"")


def test_each_condition_must_hold() -> None:
    program = assemble(one_of(Field(0, 1), [1]), one_of(Field(1, 2), [0x0203, 0x0405]))
    assert keeps(program, b"\1\2\3")
    assert keeps(program, b"\1\4\5")
    assert not keeps(program, b"\1\2\5")
    assert not keeps(program, b"\2\2\3")
    assert not keeps(program, b"\1\2")


@given(st.integers(0, 600), st.integers(1, 500))
def test_any_number_of_values_can_be_asked_for(value: int, count: int) -> None:
    program = assemble(one_of(Field(0, 4), range(count)))
    assert keeps(program, value.to_bytes(4, "big")) == (value < count)


@given(st.binary(min_size=16, max_size=16), st.binary(min_size=16, max_size=16), st.integers(0, 15))
def test_one_hosts_packets_and_everybody_elses_are_all_packets(ours: bytes, theirs: bytes, same: int) -> None:
    theirs = ours[:same] + theirs[same:]
    everybody_else = assemble(not_all(words(4, ours)))
    one_host = assemble(*(one_of(field, [value]) for field, value in words(4, ours)))
    for source in (ours, theirs):
        assert keeps(one_host, bytes(4) + source) == (source == ours)
        assert keeps(everybody_else, bytes(4) + source) == (source != ours)


def test_nothing_at_all_fits_none_of_no_values() -> None:
    assert not keeps(assemble(one_of(Field(0, 1), [])), b"\0")
