"""IP packets: the examples are written by hand after the RFCs, or taken from keepalived's packets."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from exporter.model.errors import ParseError
from exporter.wire.ip_packet import internet_checksum, parse_ip_packet

IPV4 = bytes.fromhex("45c00018 00010000 ff703691 c000020b c000020c") + b"\x31\x35\xbe\x02"
IPV6 = bytes.fromhex("6c000000 000470ff 20010db8 00000000 00000000 00000011 ff020000 00000000 00000000 00000012")
IPV6 += b"\x31\x35\xbe\x02"


def test_an_ipv4_packet_is_read_without_what_the_link_added_behind_it() -> None:
    packet = parse_ip_packet(IPV4 + bytes(22))
    assert str(packet.source) == "192.0.2.11"
    assert str(packet.destination) == "192.0.2.12"
    assert packet.hop_limit == 255
    assert packet.protocol == 112
    assert packet.payload == b"\x31\x35\xbe\x02"


def test_ipv4_options_are_no_payload() -> None:
    packet = parse_ip_packet(b"\x46" + IPV4[1:3] + b"\x1c" + IPV4[4:20] + b"\x94\x04\0\0" + IPV4[20:])
    assert packet.payload == b"\x31\x35\xbe\x02"


def test_an_ipv6_packet_is_read() -> None:
    packet = parse_ip_packet(IPV6 + b"behind")
    assert packet.source == ip_address("2001:db8::11")
    assert packet.destination == ip_address("ff02::12")
    assert packet.hop_limit == 255
    assert packet.protocol == 112
    assert packet.payload == b"\x31\x35\xbe\x02"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x45",
        IPV4[:19],
        IPV4[:23],
        b"\x44" + IPV4[1:],  # a header shorter than a header
        b"\x47" + IPV4[1:],  # a header longer than the packet
        IPV6[:39],
        IPV6[:43],
        b"\x55" + IPV4[1:],
    ],
)
def test_what_is_cut_off_or_no_ip_is_refused(data: bytes) -> None:
    with pytest.raises(ParseError):
        parse_ip_packet(data)


@pytest.mark.parametrize("fragment", [b"\x20\x00", b"\x00\x01", b"\x20\x05"])
def test_a_fragment_is_refused(fragment: bytes) -> None:
    with pytest.raises(ParseError, match="fragment"):
        parse_ip_packet(IPV4[:6] + fragment + IPV4[8:])


def test_a_packet_that_must_not_be_fragmented_is_none() -> None:
    assert parse_ip_packet(IPV4[:6] + b"\x40\x00" + IPV4[8:]).hop_limit == 255


def test_the_checksum_is_that_of_rfc_1071() -> None:
    # Its section 3 adds these words up to ddf2.
    assert internet_checksum(bytes.fromhex("0001 f203 f4f5 f6f7")) == 0xFFFF - 0xDDF2
    assert internet_checksum(b"\x01") == 0xFFFF - 0x0100
    assert internet_checksum(b"") == 0xFFFF


@given(st.binary(max_size=64))
def test_data_with_its_own_checksum_gives_zero(data: bytes) -> None:
    data += bytes(len(data) % 2)
    assert internet_checksum(data + internet_checksum(data).to_bytes(2, "big")) == 0


@given(st.one_of(st.binary(max_size=128), st.binary(max_size=128).map(lambda noise: b"\x45" + noise)))
@example(IPV4)
@example(IPV6)
def test_any_bytes_are_a_packet_or_refused(data: bytes) -> None:
    try:
        packet = parse_ip_packet(data)
    except ParseError:
        return
    assert packet.payload in data
    assert packet.source.version == packet.destination.version
