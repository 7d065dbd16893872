"""VRRP advertisements: recorded from keepalived, and written by hand after the RFCs where it sends none such."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.model.errors import ParseError
from exporter.wire.ip_packet import IpPacket, parse_ip_packet
from exporter.wire.vrrp_advertisement import Advertisement, parse_advertisement, virtual_router_id

RECORDINGS = Path(__file__).parents[1] / "fixtures" / "vrrp"
ALPHA, ALPHA6 = IPv4Address("192.0.2.11"), IPv6Address("2001:db8::11")
VIPS = (IPv4Address("192.0.2.53"), IPv4Address("192.0.2.54"))
VIPS6 = (IPv6Address("2001:db8::53"),)
V3 = Advertisement(ALPHA, 255, 3, 53, 190, 0.05, VIPS, None, checksum_valid=True)
EXPECTED = {
    "v3-ipv4-unicast": V3,
    "v3-ipv4-multicast": V3,
    "v3-ipv4-unicast-giving-up": replace(V3, priority=0),
    "v3-ipv6-unicast": replace(V3, source=ALPHA6, addresses=VIPS6),
    "v3-ipv6-multicast": replace(V3, source=ALPHA6, addresses=VIPS6),
    "v2-password": Advertisement(ALPHA, 255, 2, 53, 190, 1.0, VIPS, 1, checksum_valid=True),
}


def from_alpha(message: str) -> IpPacket:
    return IpPacket(ALPHA, IPv4Address("224.0.0.18"), 255, 112, bytes.fromhex(message))


@pytest.mark.parametrize("version", ["2.2.7", "2.3.3"])
@pytest.mark.parametrize("name", EXPECTED)
def test_what_keepalived_sends_is_understood(version: str, name: str) -> None:
    recorded = bytes.fromhex((RECORDINGS / version / f"{name}.hex").read_text())
    packet = parse_ip_packet(recorded)
    assert parse_advertisement(packet) == EXPECTED[name]
    assert virtual_router_id(packet) == 53


def test_every_recording_is_expected() -> None:
    recorded = {file.relative_to(RECORDINGS).as_posix() for file in RECORDINGS.glob("*/*.hex")}
    assert recorded == {f"{version}/{name}.hex" for version in ("2.2.7", "2.3.3") for name in EXPECTED}


def test_a_checksum_without_pseudo_header_is_right_over_ipv4() -> None:
    assert parse_advertisement(from_alpha("3135be02 00058c56 c0000235 c0000236")).checksum_valid


def test_but_not_over_ipv6() -> None:
    message = "3135be00 000510c5"
    assert parse_advertisement(from_alpha(message)).checksum_valid
    packet = IpPacket(ALPHA6, IPv6Address("ff02::12"), 255, 112, bytes.fromhex(message))
    assert not parse_advertisement(packet).checksum_valid


def test_a_wrong_checksum_is_told() -> None:
    assert not parse_advertisement(from_alpha("3135be02 00058c57 c0000235 c0000236")).checksum_valid


def test_reserved_bits_are_no_interval() -> None:
    assert parse_advertisement(from_alpha("3135be00 f0640000")).interval == 1.0


def test_the_longest_interval_is_forty_seconds_and_some() -> None:
    assert parse_advertisement(from_alpha("3135be00 0fff0000")).interval == 40.95


@pytest.mark.parametrize(
    "message, kind", [("2135be00 00010000", 0), ("2135be00 01010000", 1), ("2135be00 02010000", 2)]
)
def test_vrrpv2_says_how_it_authenticates(message: str, kind: int) -> None:
    seen = parse_advertisement(from_alpha(message + "00000000 00000000"))
    assert (seen.version, seen.interval, seen.authentication_type) == (2, 1.0, kind)


def test_a_password_stays_out_of_what_is_told() -> None:
    recorded = bytes.fromhex((RECORDINGS / "2.3.3" / "v2-password.hex").read_text())
    assert b"secret" in recorded
    assert "secret" not in repr(parse_advertisement(parse_ip_packet(recorded)))


@pytest.mark.parametrize(
    "message, reason",
    [
        ("", "0 bytes"),
        ("3135be02 0005", "6 bytes"),
        ("3135be02 000507be c0000235", "VRRPv3 with 2 addresses has 12 bytes instead of 16"),
        ("3135be01 000507be c0000235 c0000236", "VRRPv3 with 1 addresses has 16 bytes instead of 12"),
        ("2135be01 01010000 c0000235", "VRRPv2 with 1 addresses has 12 bytes instead of 20"),
        ("1135be00 00050000", "version 1, type 1"),
        ("4135be00 00050000", "version 4, type 1"),
        ("3235be00 00050000", "version 3, type 2"),
        # CARP has the same protocol number; it counts the words of its authentication, 7.
        ("21350007 00010000" + "00" * 28, "VRRPv2 with 7 addresses has 36 bytes instead of 44"),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_reason(message: str, reason: str) -> None:
    with pytest.raises(ParseError, match=reason):
        parse_advertisement(from_alpha(message))


def test_vrrpv2_knows_no_ipv6() -> None:
    packet = IpPacket(ALPHA6, IPv6Address("ff02::12"), 255, 112, bytes.fromhex("2135be00 01010000") + bytes(8))
    with pytest.raises(ParseError, match="over IPv6"):
        parse_advertisement(packet)


def test_another_protocol_is_refused() -> None:
    with pytest.raises(ParseError):
        parse_advertisement(replace(from_alpha("3135be00 00050000"), protocol=17))


_starts = st.sampled_from([b"", b"\x31\x35\xbe\x01", b"\x21\x35\xbe\x00"])


@given(
    st.builds(bytes.__add__, _starts, st.binary(max_size=64)),
    st.sampled_from([(ALPHA, IPv4Address("224.0.0.18")), (ALPHA6, IPv6Address("ff02::12"))]),
)
def test_any_bytes_are_an_advertisement_or_refused(
    payload: bytes, ends: tuple[IPv4Address | IPv6Address, IPv4Address | IPv6Address]
) -> None:
    packet = IpPacket(*ends, 255, 112, payload)
    assert virtual_router_id(packet) in (None, *payload[1:2])
    try:
        seen = parse_advertisement(packet)
    except ParseError:
        return
    assert seen.version in (2, 3)
    assert len(seen.addresses) == payload[3]
