"""ARP: the examples are written by hand after RFC 826 and RFC 5227."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from exporter.model.errors import ParseError
from exporter.wire.arp import ArpOperation, build_arp_announcement, build_arp_probe, build_arp_request, parse_arp

OURS = bytes.fromhex("02000000000b")
THEIRS = bytes.fromhex("02000000000c")
VIP = IPv4Address("192.0.2.53")
REPLY_TO_A_PROBE = bytes.fromhex("0001 0800 06 04 0002 02000000000c c0000235 02000000000b 00000000")
GRATUITOUS_REQUEST = bytes.fromhex("0001 0800 06 04 0001 02000000000c c0000235 000000000000 c0000235")


def test_a_reply_says_who_has_the_address() -> None:
    packet = parse_arp(REPLY_TO_A_PROBE)
    assert packet.operation is ArpOperation.REPLY
    assert (packet.sender_hardware, packet.sender) == (THEIRS, VIP)
    assert (packet.target_hardware, packet.target) == (OURS, IPv4Address("0.0.0.0"))


def test_an_announcement_says_it_without_being_asked() -> None:
    packet = parse_arp(GRATUITOUS_REQUEST)
    assert packet.operation is ArpOperation.REQUEST
    assert (packet.sender_hardware, packet.sender, packet.target) == (THEIRS, VIP, VIP)


def test_ethernets_padding_is_left_out() -> None:
    assert parse_arp(REPLY_TO_A_PROBE + bytes(18)) == parse_arp(REPLY_TO_A_PROBE)


def test_a_probe_asks_for_an_address_and_claims_none() -> None:
    probe = build_arp_probe(OURS, VIP)
    assert probe == bytes.fromhex("0001 0800 06 04 0001 02000000000b 00000000 000000000000 c0000235")
    assert parse_arp(probe).sender == IPv4Address("0.0.0.0")


def test_a_request_asks_in_the_name_of_an_address_that_the_host_has() -> None:
    request = build_arp_request(OURS, IPv4Address("192.0.2.11"), IPv4Address("192.0.2.12"))
    assert request == bytes.fromhex("0001 0800 06 04 0001 02000000000b c000020b 000000000000 c000020c")


def test_an_announcement_asks_for_the_address_that_it_is_from() -> None:
    assert build_arp_announcement(THEIRS, VIP) == GRATUITOUS_REQUEST


@pytest.mark.parametrize(
    "data, reason",
    [
        (REPLY_TO_A_PROBE[:27], "cut off at 27 bytes"),
        (b"", "cut off at 0 bytes"),
        (b"\x00\x06" + REPLY_TO_A_PROBE[2:], "not about IPv4 over Ethernet"),
        (REPLY_TO_A_PROBE[:2] + b"\x86\xdd" + REPLY_TO_A_PROBE[4:], "not about IPv4 over Ethernet"),
        (REPLY_TO_A_PROBE[:4] + b"\x08" + REPLY_TO_A_PROBE[5:], "not about IPv4 over Ethernet"),
        (REPLY_TO_A_PROBE[:6] + b"\x00\x03" + REPLY_TO_A_PROBE[8:], "unknown operation 3"),
    ],
)
def test_anything_else_is_refused_with_the_reason(data: bytes, reason: str) -> None:
    with pytest.raises(ParseError, match=reason):
        parse_arp(data)


@given(st.one_of(st.binary(max_size=64), st.binary(min_size=20).map(lambda noise: REPLY_TO_A_PROBE[:8] + noise)))
@example(REPLY_TO_A_PROBE)
def test_any_bytes_are_a_packet_or_refused(data: bytes) -> None:
    try:
        packet = parse_arp(data)
    except ParseError:
        return
    assert len(packet.sender_hardware) == len(packet.target_hardware) == 6
