"""Given this node's settings, when a VRRP packet of another host passes, then it fits or it is said how not."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.wire.ip_packet import IpPacket, internet_checksum
from exporter.wire.vrrp_mismatch import MismatchReason, OwnVrrp, vrrp_mismatches

ALPHA, BETA, STRANGER = IPv4Address("192.0.2.11"), IPv4Address("192.0.2.12"), IPv4Address("192.0.2.66")
VIP, OTHER_VIP = IPv4Address("192.0.2.53"), IPv4Address("192.0.2.54")
OWN = OwnVrrp(53, ALPHA, frozenset({VIP}), BETA, version=3, priority=250, interval=0.05)
OWN_V2 = replace(OWN, version=2, interval=1.0)


def v3(source: str = str(BETA), *addresses: str, router: int = 53, priority: int = 240, interval: int = 5) -> IpPacket:
    """A VRRPv3 packet as RFC 9568 has it; the interval in hundredths of a second."""
    listed = [ip_address(address) for address in addresses or (str(VIP),)]
    head = bytes([0x31, router, priority, len(listed)]) + interval.to_bytes(2, "big")
    return signed(source, head, b"".join(address.packed for address in listed))


def v2(source: str = str(BETA), *, interval: int = 1, authentication: int = 1) -> IpPacket:
    """A VRRPv2 packet as RFC 3768 has it, with the VIP."""
    return signed(source, bytes([0x21, 53, 240, 1, authentication, interval]), VIP.packed + b"secret\0\0")


def signed(source: str, head: bytes, rest: bytes) -> IpPacket:
    checksum = internet_checksum(head + b"\0\0" + rest).to_bytes(2, "big")
    return IpPacket(IPv4Address(source), IPv4Address("224.0.0.18"), 255, 112, head + checksum + rest)


def reasons(packet: IpPacket, own: OwnVrrp = OWN) -> list[MismatchReason]:
    return [mismatch.reason for mismatch in vrrp_mismatches(packet, own)]


def said(packet: IpPacket, own: OwnVrrp = OWN) -> str:
    (mismatch,) = vrrp_mismatches(packet, own)
    return mismatch.seen


@pytest.mark.parametrize(
    "packet, own",
    [
        (v3(), OWN),
        (v3(priority=0), OWN),  # a master that gives up
        (v3(priority=255), OWN),
        (v2(), OWN_V2),
        (v3(interval=100), replace(OWN, version=None, priority=None, interval=None)),
        (v2(authentication=0), replace(OWN, version=None, priority=None, interval=None)),
        (v3(str(BETA), str(OTHER_VIP), str(VIP)), replace(OWN, addresses=frozenset({VIP, OTHER_VIP}))),
    ],
)
def test_a_packet_that_fits_or_that_nothing_is_known_against_contradicts_nothing(
    packet: IpPacket, own: OwnVrrp
) -> None:
    assert reasons(packet, own) == []


def test_another_virtual_router_on_the_lan_is_counted_and_is_no_fault() -> None:
    assert reasons(v3(str(STRANGER), "192.0.2.1", router=1)) == [MismatchReason.OTHER_VRID]
    assert reasons(v3(str(BETA), "192.0.2.1", router=1)) == [MismatchReason.OTHER_VRID]


@pytest.mark.parametrize("source", [str(BETA), str(STRANGER)])
def test_our_virtual_ip_under_another_virtual_router_is_one(source: str) -> None:
    packet = v3(source, str(OTHER_VIP), str(VIP), router=54)
    assert reasons(packet) == [MismatchReason.WRONG_VRID]
    assert said(packet) == "it advertises 192.0.2.53 as virtual router 54; here it is 53"


def test_carp_with_another_router_id_is_another_router() -> None:
    carp = IpPacket(STRANGER, IPv4Address("224.0.0.18"), 255, 112, bytes.fromhex("21010007 00010000") + bytes(28))
    assert reasons(carp) == [MismatchReason.OTHER_VRID]
    assert reasons(replace(carp, payload=b"\x21\x35" + carp.payload[2:])) == [MismatchReason.MALFORMED]


def test_a_stranger_with_our_virtual_router_is_named_whatever_else_it_says() -> None:
    packet = v3(str(STRANGER), str(OTHER_VIP), priority=250, interval=100)
    assert reasons(packet) == [MismatchReason.FOREIGN_SOURCE]
    assert said(packet) == "it is neither this node nor its peer, but advertises virtual router 53 too"


def test_a_standalone_node_expects_nobody() -> None:
    assert reasons(v3(), replace(OWN, peer=None)) == [MismatchReason.FOREIGN_SOURCE]


def test_a_host_with_this_nodes_address_is_a_stranger() -> None:
    assert said(v3(str(ALPHA))) == "it has this node's address, but advertises virtual router 53 too"


def test_the_other_version_is_told_and_what_only_it_has_is_not_compared() -> None:
    assert reasons(v2(interval=7, authentication=0)) == [MismatchReason.VERSION]
    assert reasons(v3(interval=7), OWN_V2) == [MismatchReason.VERSION]
    assert said(v2()).startswith("it speaks VRRPv2, this node VRRPv3")


def test_equal_priorities_are_told() -> None:
    assert reasons(v3(priority=250)) == [MismatchReason.PRIORITY]
    assert reasons(v3(priority=0), replace(OWN, priority=0)) == []


@pytest.mark.parametrize(
    "priority, expected", [(240, []), (241, [MismatchReason.PRIORITY]), (255, [MismatchReason.PRIORITY])]
)
def test_a_priority_that_the_other_node_cannot_have_is_told(priority: int, expected: list[MismatchReason]) -> None:
    assert reasons(v3(priority=priority), replace(OWN, highest=240)) == expected


def test_another_interval_is_told_in_seconds() -> None:
    assert said(v3(interval=100)) == "its interval is 1 s, this node's 0.05 s"
    assert said(v2(interval=3), OWN_V2) == "its interval is 3 s, this node's 1 s"


@pytest.mark.parametrize(("own", "fits"), [(0.054, True), (0.046, True), (0.056, False), (0.044, False)])
def test_an_interval_that_is_the_same_in_hundredths_fits(own: float, fits: bool) -> None:
    """An advert has its interval in whole hundredths of a second (RFC 9568, 5.2.7); keepalived says it exactly."""
    assert reasons(v3(interval=5), replace(OWN, interval=own)) == ([] if fits else [MismatchReason.INTERVAL])


@pytest.mark.parametrize("kind", [0, 2, 3])
def test_vrrpv2_without_a_password_is_told(kind: int) -> None:
    assert reasons(v2(authentication=kind), OWN_V2) == [MismatchReason.AUTHENTICATION]


def test_another_list_of_addresses_is_told() -> None:
    assert said(v3(str(BETA), str(OTHER_VIP))) == "it advertises 192.0.2.54, this node 192.0.2.53"
    assert reasons(v3(str(BETA), str(VIP), str(OTHER_VIP))) == [MismatchReason.ADDRESS_LIST]
    assert (
        said(signed(str(BETA), bytes.fromhex("3135f0000005"), b"")) == "it advertises no address, this node 192.0.2.53"
    )


def test_a_long_list_is_cut_short_in_the_sentence() -> None:
    packet = v3(str(BETA), *(f"198.51.100.{last}" for last in range(255)))
    assert said(packet) == (
        "it advertises 198.51.100.0, 198.51.100.1, 198.51.100.10, 198.51.100.100 and 251 more, this node 192.0.2.53"
    )


def test_a_packet_from_beyond_a_router_is_told() -> None:
    assert said(replace(v3(), hop_limit=254)) == "its TTL is 254 instead of 255"


def test_several_mismatches_are_all_told() -> None:
    packet = replace(v3(str(BETA), str(OTHER_VIP), priority=250, interval=10), hop_limit=1)
    assert reasons(packet) == [
        MismatchReason.TTL,
        MismatchReason.INTERVAL,
        MismatchReason.PRIORITY,
        MismatchReason.ADDRESS_LIST,
    ]


def test_nothing_is_believed_of_a_packet_with_a_wrong_checksum() -> None:
    packet = v3(priority=250)
    damaged = replace(packet, payload=packet.payload[:-1] + b"\x99")
    assert reasons(damaged) == [MismatchReason.CHECKSUM]


@pytest.mark.parametrize("payload", [b"", b"\x31", b"\x31\x35", bytes.fromhex("3135f0ff00050000")])
def test_what_makes_no_sense_is_malformed(payload: bytes) -> None:
    assert reasons(replace(v3(), payload=payload)) == [MismatchReason.MALFORMED]


OWN_IPV6 = OwnVrrp(
    53, IPv6Address("2001:db8::11"), frozenset({IPv6Address("2001:db8::53")}), IPv6Address("2001:db8::12"), 3, 250, 0.05
)


def test_over_ipv6_a_link_local_source_and_a_link_local_first_address_pass() -> None:
    head = bytes([0x31, 53, 240, 2, 0, 5])
    rest = IPv6Address("fe80::53").packed + IPv6Address("2001:db8::53").packed
    source, group = IPv6Address("fe80::c"), IPv6Address("ff02::12")
    ends = source.packed + group.packed + bytes.fromhex("00000028 00000070")
    checksum = internet_checksum(ends + head + b"\0\0" + rest).to_bytes(2, "big")
    packet = IpPacket(source, group, 255, 112, head + checksum + rest)
    assert reasons(packet, OWN_IPV6) == []
    assert reasons(packet, replace(OWN_IPV6, peer=None)) == [MismatchReason.FOREIGN_SOURCE]


@given(st.binary(max_size=48), st.sampled_from([BETA, STRANGER, ALPHA]), st.integers(0, 255), st.booleans())
def test_any_payload_gives_bounded_words(payload: bytes, source: IPv4Address, hop_limit: int, ours: bool) -> None:
    start = b"\x31\x35" if ours else b""
    packet = IpPacket(source, IPv4Address("224.0.0.18"), hop_limit, 112, start + payload)
    for mismatch in vrrp_mismatches(packet, OWN):
        assert mismatch.seen.isprintable()
        assert len(mismatch.seen) < 300
