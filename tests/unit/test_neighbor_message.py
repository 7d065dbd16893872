"""IPv6 neighbour discovery: the examples are written by hand after RFC 4861; tcpdump agrees with their checksums."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.model.errors import ParseError
from exporter.wire.ip_packet import IpPacket, internet_checksum, parse_ip_packet, pseudo_header
from exporter.wire.neighbor_message import (
    build_neighbor_announcement,
    build_neighbor_probe,
    build_neighbor_solicitation,
    parse_neighbor_advertisement,
)

VIP = IPv6Address("2001:db8::53")
THEIRS = bytes.fromhex("02000000000c")
TARGET = bytes.fromhex("20010db8 00000000 00000000 00000053")


def advertisement(message: bytes, **changes: int) -> IpPacket:
    """A packet from the VIP to all nodes, its checksum put right."""
    packet = IpPacket(VIP, IPv6Address("ff02::1"), 255, 58, message)
    checksum = internet_checksum(pseudo_header(packet) + message)
    return replace(packet, payload=message[:2] + checksum.to_bytes(2, "big") + message[4:], **changes)  # type: ignore[arg-type]


WITH_LINK_LAYER_ADDRESS = bytes.fromhex("88 00 0000 20000000") + TARGET + bytes.fromhex("02 01 02000000000c")


def test_an_advertisement_says_who_has_the_address() -> None:
    seen = parse_neighbor_advertisement(advertisement(WITH_LINK_LAYER_ADDRESS))
    assert (seen.target, seen.hardware) == (VIP, THEIRS)


def test_the_link_layer_address_is_optional() -> None:
    seen = parse_neighbor_advertisement(advertisement(WITH_LINK_LAYER_ADDRESS[:24]))
    assert (seen.target, seen.hardware) == (VIP, None)


def test_other_options_are_skipped() -> None:
    nonce = bytes.fromhex("0e 01 010203040506")
    message = WITH_LINK_LAYER_ADDRESS[:24] + nonce + WITH_LINK_LAYER_ADDRESS[24:]
    assert parse_neighbor_advertisement(advertisement(message)).hardware == THEIRS


@pytest.mark.parametrize(
    "packet, reason",
    [
        (advertisement(WITH_LINK_LAYER_ADDRESS[:23]), "23 bytes"),
        (advertisement(WITH_LINK_LAYER_ADDRESS, protocol=17), "no neighbour advertisement"),
        (advertisement(b"\x87" + WITH_LINK_LAYER_ADDRESS[1:]), "type 135"),
        (advertisement(b"\x88\x01" + WITH_LINK_LAYER_ADDRESS[2:]), "code 1"),
        (advertisement(WITH_LINK_LAYER_ADDRESS, hop_limit=254), "hop limit"),
        (replace(advertisement(WITH_LINK_LAYER_ADDRESS), payload=WITH_LINK_LAYER_ADDRESS), "checksum"),
        (advertisement(WITH_LINK_LAYER_ADDRESS[:24] + b"\x02\x00" + bytes(6)), "option"),
        (advertisement(WITH_LINK_LAYER_ADDRESS[:24] + b"\x02\x02" + bytes(6)), "option"),
        (advertisement(WITH_LINK_LAYER_ADDRESS[:24] + b"\x02"), "option"),
    ],
)
def test_anything_else_is_refused_with_the_reason(packet: IpPacket, reason: str) -> None:
    with pytest.raises(ParseError, match=reason):
        parse_neighbor_advertisement(packet)


def test_a_probe_is_a_solicitation_from_nobody_to_those_who_may_have_the_address() -> None:
    packet, hardware = build_neighbor_probe(VIP)
    assert hardware == bytes.fromhex("3333ff000053")
    assert packet == bytes.fromhex(
        "60000000 0018 3a ff"
        "00000000 00000000 00000000 00000000"
        "ff020000 00000000 00000001 ff000053"
        "87 00 4c49 00000000"
        "20010db8 00000000 00000000 00000053"
    )
    parsed = parse_ip_packet(packet)
    assert internet_checksum(pseudo_header(parsed) + parsed.payload) == 0


def test_a_question_in_the_name_of_an_address_says_where_to_answer() -> None:
    """RFC 4861, 4.3: with the source link-layer address, because the source is specified."""
    packet, hardware = build_neighbor_solicitation(THEIRS, IPv6Address("2001:db8::12"), VIP)
    assert hardware == bytes.fromhex("3333ff000053")
    parsed = parse_ip_packet(packet)
    assert (str(parsed.source), str(parsed.destination)) == ("2001:db8::12", "ff02::1:ff00:53")
    assert parsed.payload[:2] == b"\x87\0"
    assert parsed.payload[4:] == bytes(4) + TARGET + bytes.fromhex("01 01 02000000000c")
    assert internet_checksum(pseudo_header(parsed) + parsed.payload) == 0


def test_an_announcement_overrides_what_all_nodes_have_cached() -> None:
    packet, hardware = build_neighbor_announcement(THEIRS, VIP)
    assert hardware == bytes.fromhex("333300000001")
    assert parse_ip_packet(packet) == advertisement(WITH_LINK_LAYER_ADDRESS)
    assert parse_neighbor_advertisement(parse_ip_packet(packet)).hardware == THEIRS


@given(st.binary(max_size=80).map(lambda noise: advertisement(WITH_LINK_LAYER_ADDRESS[:24] + noise)))
def test_any_options_are_read_or_refused(packet: IpPacket) -> None:
    try:
        seen = parse_neighbor_advertisement(packet)
    except ParseError:
        return
    assert seen.hardware is None or len(seen.hardware) == 6


@given(st.binary(max_size=120), st.integers(0, 255), st.sampled_from([58, 112]))
def test_any_payload_is_an_advertisement_or_refused(payload: bytes, hop_limit: int, protocol: int) -> None:
    packet = IpPacket(VIP, IPv6Address("ff02::1"), hop_limit, protocol, payload)
    try:
        seen = parse_neighbor_advertisement(packet)
    except ParseError:
        return
    assert seen.target.packed in payload
