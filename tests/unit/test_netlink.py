"""Our own decoder of the kernel's messages about addresses: as the kernel sends them, and as nobody should."""

from __future__ import annotations

import ipaddress
import socket
import struct
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.wire import netlink
from exporter.wire.netlink import AddressMessage
from stack.guard.netlink import parse_changes
from stack.preflight.addresses import interface_addresses
from stack.preflight.facts import InterfaceAddress
from tests.unit.test_address_message import (
    DELADDR,
    IFA_LOCAL,
    NEWLINK,
    PERMANENT,
    RECORDED,
    added,
    address_message,
    attribute,
    message,
)

LOCAL = bytes([192, 0, 2, 53])


def test_an_address_that_comes_is_read_with_its_interface_and_whether_it_stays() -> None:
    datagram = added("192.0.2.53", index=7) + added("2001:db8::53", index=7, flags=0)
    assert parse_changes(datagram) == [
        AddressMessage(present=True, packed=LOCAL, interface_index=7, permanent=True),
        AddressMessage(True, ipaddress.ip_address("2001:db8::53").packed, 7, permanent=False),
    ]


def test_an_address_that_goes_is_told_from_one_that_comes() -> None:
    (gone,) = parse_changes(address_message(DELADDR, socket.AF_INET, 3, attribute(IFA_LOCAL, LOCAL)))
    assert not gone.present


def test_on_a_point_to_point_link_the_address_is_the_local_one() -> None:
    """rtnetlink(7): IFA_ADDRESS is the other end's there."""
    (one,) = parse_changes(added("198.51.100.1", attribute(IFA_LOCAL, LOCAL)))
    assert one.packed == LOCAL


def test_messages_about_other_things_and_without_an_address_are_no_changes() -> None:
    other = message(NEWLINK, bytes(16)) + address_message(netlink.RTM_NEWADDR, socket.AF_INET, 3)
    assert parse_changes(other + added("192.0.2.53"))[0].packed == LOCAL
    assert len(parse_changes(other + added("192.0.2.53"))) == 1


def test_a_message_whose_length_is_no_multiple_of_four_is_followed_by_padding() -> None:
    body = (
        struct.pack("=BBBBI", socket.AF_INET, 32, PERMANENT, 0, 3) + attribute(IFA_LOCAL, LOCAL) + b"\x07\0\x03\0e0\0"
    )
    assert len(parse_changes(message(netlink.RTM_NEWADDR, body) + b"\0" + added("192.0.2.54"))) == 2


@pytest.mark.parametrize("end", range(17, len(added("192.0.2.53"))))
def test_what_comes_before_a_message_that_is_cut_off_counts(end: int) -> None:
    found, whole = netlink.messages(added("192.0.2.54") + added("192.0.2.53")[:end])
    assert (len(found), whole) == (1, False)


@pytest.mark.skipif(sys.byteorder != "little", reason="recorded on a little-endian machine")
@pytest.mark.parametrize("command", RECORDED)
def test_it_reads_what_pyroute2_reads_of_what_the_kernel_really_says(command: str) -> None:
    datagram, expected = RECORDED[command]
    (one,) = parse_changes(bytes.fromhex(datagram))
    assert str(ipaddress.ip_address(one.packed)) == expected.address
    assert (one.present, one.interface_index) == (expected.present, expected.interface_index)


def test_the_kernel_s_own_list_has_this_host_s_loopback_address() -> None:
    seen = interface_addresses()
    assert seen is not None
    assert InterfaceAddress("lo", "127.0.0.1", permanent=True) in seen


@given(st.binary(max_size=300))
def test_no_datagram_breaks_it(datagram: bytes) -> None:
    found, _ = netlink.messages(datagram)
    assert sum(len(one.data) for one in found) <= len(datagram)
    for one in found:
        netlink.address(one)


@given(st.ip_addresses(), st.integers(1, 2**31 - 1))
def test_every_address_is_read_as_its_bytes_say(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address, index: int
) -> None:
    (one,) = parse_changes(added(str(address), index=index))
    assert (one.packed, one.interface_index) == (address.packed, index)
