"""Given a packet, the programs for the kernel's filter keep it or drop it as their conditions say.

The kernel's interpreter needs a socket and a privilege; the one here knows the six instructions that we use, after
the kernel's ``Documentation/networking/filter.rst``. tests/wire runs the same programs in the kernel.
"""

from __future__ import annotations

import struct
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.wire.packet_filter import Field, assemble, not_all, one_of, sender, words
from exporter.wire.wire import AdvertShape

LOAD_BYTES = {0x30: 1, 0x28: 2, 0x20: 4}


LINK_HEADER = 0xFFE00000  # from here on an offset counts from the frame's beginning
RECORDINGS = Path(__file__).parents[1] / "fixtures" / "vrrp" / "2.3.3"


def keeps(program: bytes, packet: bytes, link_header: bytes = b"") -> bool:
    """Run a program over a packet and what stands before it."""
    instructions = list(struct.iter_unpack("=HBBI", program))
    accumulator = at = 0
    while True:
        code, if_true, if_false, operand = instructions[at]
        at += 1
        if code in LOAD_BYTES:
            data, offset = (link_header, operand - LINK_HEADER) if operand >= LINK_HEADER else (packet, operand)
            loaded = data[offset : offset + LOAD_BYTES[code]]
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


ALPHA, BETA = ip_address("192.0.2.11"), ip_address("192.0.2.12")
ALPHA_6, BETA_6 = ip_address("2001:db8::11"), ip_address("2001:db8::12")
VERSION_3 = AdvertShape(family=4, version=3, virtual_router_id=53, timing=5, source=ALPHA)


@pytest.mark.parametrize(
    "name, shape",
    [
        ("v3-ipv4-unicast", replace(VERSION_3, destination=BETA)),
        ("v3-ipv4-unicast-giving-up", VERSION_3),
        ("v3-ipv4-multicast", replace(VERSION_3, destination=ip_address("224.0.0.18"))),
        ("v3-ipv4-multicast", replace(VERSION_3, source=None)),
        ("v2-password", replace(VERSION_3, version=2, timing=0x0101)),
        ("v3-ipv6-unicast", replace(VERSION_3, family=6, source=ALPHA_6, destination=BETA_6)),
        ("v3-ipv6-multicast", replace(VERSION_3, family=6, source=ALPHA_6, destination=ip_address("ff02::12"))),
    ],
)
def test_the_shape_of_a_nodes_adverts_is_what_keepalived_sends_and_nothing_else(name: str, shape: AdvertShape) -> None:
    packet = bytes.fromhex((RECORDINGS / f"{name}.hex").read_text())
    unexpected = assemble(not_all(shape.fields()))
    assert not keeps(unexpected, packet)
    ttl, router = (8, 21) if shape.family == 4 else (7, 41)
    for offset in (ttl, router, router - 1, router + 4):  # and its version, its interval
        forged = bytearray(packet)
        forged[offset] ^= 1
        assert keeps(unexpected, bytes(forged)), offset
    for changes in ({"source": BETA if shape.family == 4 else BETA_6}, {"virtual_router_id": 54}, {"timing": 6}):
        assert keeps(assemble(not_all(replace(shape, **changes).fields())), packet)


def test_the_same_packet_from_other_hardware_is_another_hosts() -> None:
    packet = bytes.fromhex((RECORDINGS / "v3-ipv4-unicast.hex").read_text())
    theirs, others = bytes.fromhex("02000000000c"), bytes.fromhex("02000000000d")
    unexpected = assemble(not_all([*VERSION_3.fields(), *sender(theirs)]))
    assert not keeps(unexpected, packet, bytes(6) + theirs + b"\x08\0")
    assert keeps(unexpected, packet, bytes(6) + others + b"\x08\0")
