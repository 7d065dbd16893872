"""The kernel's messages about addresses: made by hand from rtnetlink(7), and recorded from Linux 6.18."""

from __future__ import annotations

import ipaddress
import socket
import struct
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.model.errors import ParseError
from exporter.wire.address_message import AddressChange, AddressMessages, parse_address_messages

NEWLINK, NEWADDR, DELADDR, ERROR, DONE = 16, 20, 21, 2, 3
IFA_ADDRESS, IFA_LOCAL, IFA_LABEL, IFA_CACHEINFO, IFA_FLAGS = 1, 2, 3, 6, 8
PERMANENT, TENTATIVE, DADFAILED, DEPRECATED, NODAD = 0x80, 0x40, 0x08, 0x20, 0x02
DUMP_INTERRUPTED = 0x10


def attribute(kind: int, data: bytes) -> bytes:
    """A struct rtattr: length without padding, kind, data padded to four bytes."""
    return struct.pack("=HH", 4 + len(data), kind) + data + b"\0" * (-len(data) % 4)


def message(kind: int, payload: bytes, flags: int = 0) -> bytes:
    """A struct nlmsghdr and what follows it."""
    return struct.pack("=IHHII", 16 + len(payload), kind, flags, 0, 0) + payload


def address_message(kind: int, family: int, index: int, *attributes: bytes, flags: int = PERMANENT) -> bytes:
    """A struct ifaddrmsg with attributes; its own field has room for eight flags."""
    return message(kind, struct.pack("=BBBBI", family, 32, flags & 0xFF, 0, index) + b"".join(attributes))


def added(address: str, *more: bytes, index: int = 3, flags: int = PERMANENT) -> bytes:
    packed = ipaddress.ip_address(address).packed
    family = socket.AF_INET if len(packed) == 4 else socket.AF_INET6
    return address_message(NEWADDR, family, index, attribute(IFA_ADDRESS, packed), *more, flags=flags)


def only(datagram: bytes) -> AddressChange:
    (change,) = parse_address_messages(datagram).changes
    return change


def test_an_address_that_comes_is_read_with_its_interface_and_prefix_length() -> None:
    expected = AddressChange(
        present=True, address="192.0.2.53", interface_index=7, usable=True, created=None, prefix_length=32
    )
    assert only(added("192.0.2.53", index=7)) == expected


def test_an_address_that_goes_is_told_from_one_that_comes() -> None:
    gone = address_message(DELADDR, socket.AF_INET, 3, attribute(IFA_LOCAL, bytes([192, 0, 2, 53])))
    assert not only(gone).present


def test_ipv6_is_written_as_everybody_writes_it() -> None:
    assert only(added("2001:0db8:0000:0000:0000:0000:0000:0053")).address == "2001:db8::53"


def test_on_a_point_to_point_link_the_address_is_the_local_one() -> None:
    """rtnetlink(7): IFA_ADDRESS is the other end's there."""
    local = attribute(IFA_LOCAL, bytes([192, 0, 2, 53]))
    assert only(added("198.51.100.1", local)).address == "192.0.2.53"


def test_the_time_of_its_making_is_in_hundredths_of_a_second_since_boot() -> None:
    """struct ifa_cacheinfo: preferred and valid life time, created, updated."""
    cache = attribute(IFA_CACHEINFO, struct.pack("=IIII", 2**32 - 1, 2**32 - 1, 123_456, 999_999))
    assert only(added("192.0.2.53", cache)).created == 1234.56


@pytest.mark.parametrize(
    ("flags", "usable"),
    [
        (PERMANENT, True),
        (PERMANENT | TENTATIVE, False),
        (PERMANENT | DADFAILED, False),
        (PERMANENT | TENTATIVE | DADFAILED, False),
        (PERMANENT | NODAD | DEPRECATED, True),  # keepalived's IPv6 addresses are deprecated: no source, but answering
    ],
)
def test_duplicate_address_detection_makes_an_address_unusable(flags: int, usable: bool) -> None:
    assert only(added("2001:db8::53", flags=flags)).usable is usable
    wide = attribute(IFA_FLAGS, struct.pack("=I", flags | 0x800))
    assert only(added("2001:db8::53", wide, flags=0)).usable is usable


def test_one_datagram_may_hold_many_messages_and_others_than_ours() -> None:
    link = message(NEWLINK, b"\0" * 16)
    read = parse_address_messages(added("192.0.2.53") + link + added("192.0.2.54") + message(DONE, b"\0" * 4))
    assert [change.address for change in read.changes] == ["192.0.2.53", "192.0.2.54"]
    assert (read.done, read.interrupted) == (True, False)


def test_a_message_whose_length_is_no_multiple_of_four_is_followed_by_padding() -> None:
    label = struct.pack("=HH", 4 + 3, IFA_LABEL) + b"e0\0"  # unpadded, and so is the message
    body = struct.pack("=BBBBI", socket.AF_INET, 32, PERMANENT, 0, 3) + attribute(IFA_LOCAL, bytes([192, 0, 2, 53]))
    odd = message(NEWADDR, body + label)
    assert len(odd) % 4 == 3
    assert len(parse_address_messages(odd + b"\0" + added("192.0.2.54")).changes) == 2


def test_a_dump_that_met_a_change_says_so() -> None:
    assert parse_address_messages(message(DONE, b"\0" * 4, flags=DUMP_INTERRUPTED)).interrupted


def test_a_refused_request_is_an_error_with_its_number() -> None:
    with pytest.raises(ParseError, match=r"refused the request: error 1$"):
        parse_address_messages(message(ERROR, struct.pack("=i", -1) + b"\0" * 16))


def test_a_message_without_an_address_is_no_change() -> None:
    assert parse_address_messages(address_message(NEWADDR, socket.AF_INET, 3)).changes == ()


def test_nothing_is_no_change() -> None:
    assert parse_address_messages(b"") == AddressMessages((), done=False, interrupted=False)


@pytest.mark.parametrize("end", range(17, len(added("192.0.2.53"))))
def test_a_message_that_is_cut_off_is_refused(end: int) -> None:
    with pytest.raises(ParseError, match="cut off"):
        parse_address_messages(added("192.0.2.53")[:end])


def test_a_length_of_zero_does_not_go_on_for_ever() -> None:
    with pytest.raises(ParseError, match="cut off"):
        parse_address_messages(b"\0" * 64)


def test_an_address_of_a_wrong_size_is_refused() -> None:
    with pytest.raises(ParseError, match="cannot be decoded"):
        parse_address_messages(address_message(NEWADDR, socket.AF_INET, 3, attribute(IFA_ADDRESS, b"\x01\x02\x03")))


# Recorded in a network namespace while ip(8) did what stands beside each, on v0 with index 3 unless said otherwise.
RECORDED = {
    "addr add 192.0.2.53/32": (
        (
            "4c00000014000000ab64036b97610000022080000300000008000100c000023508000200c00002350700030076300000"
            "080008008000000014000600ffffffffffffffffa0060700a0060700"
        ),
        AddressChange(True, "192.0.2.53", 3, True, 4604.48, 32),
    ),
    "addr add 192.0.2.54/24 label v0:vip": (
        (
            "5000000014000000ac64036b7c620000021880000300000008000100c000023608000200c00002360b00030076303a76"
            "69700000080008008000000014000600ffffffffffffffff0207070002070700"
        ),
        AddressChange(True, "192.0.2.54", 3, True, 4605.46, 24),
    ),
    "addr add 192.0.2.60 peer 198.51.100.1": (
        (
            "4c00000014000000ac64036bda620000022080000300000008000100c633640108000200c000023c0700030076300000"
            "080008008000000014000600ffffffffffffffff3907070039070700"
        ),
        AddressChange(True, "192.0.2.60", 3, True, 4606.01, 32),
    ),
    "addr add 2001:db8::53/128, at first": (
        (
            "480000001400000000000000000000000a80c000030000001400010020010db800000000000000000000005314000600"
            "ffffffffffffffff6d0707006d07070008000800c0000000"
        ),
        AddressChange(True, "2001:db8::53", 3, False, 4606.53, 128),
    ),
    "addr add 2001:db8::53/128, a second later": (
        (
            "480000001400000000000000000000000a808000030000001400010020010db800000000000000000000005314000600"
            "ffffffffffffffff6d0707006d0707000800080080000000"
        ),
        AddressChange(True, "2001:db8::53", 3, True, 4606.53, 128),
    ),
    "addr add 2001:db8::54/128 nodad preferred_lft 0": (
        (
            "480000001400000000000000000000000a80a200030000001400010020010db800000000000000000000005414000600"
            "00000000ffffffff690807006908070008000800a2000000"
        ),
        AddressChange(True, "2001:db8::54", 3, True, 4609.05, 128),
    ),
    "addr add 2001:db8::55/64, which a neighbour has": (
        (
            "480000001400000000000000000000000a40c800030000001400010020010db800000000000000000000005514000600"
            "ffffffffffffffff9c0807009c08070008000800c8000000"
        ),
        AddressChange(True, "2001:db8::55", 3, False, 4609.56, 64),
    ),
    "addr del 192.0.2.53/32": (
        (
            "4c00000015000000b364036be2660000022080000300000008000100c000023508000200c00002350700030076300000"
            "080008008000000014000600ffffffffffffffffa0060700a0060700"
        ),
        AddressChange(False, "192.0.2.53", 3, True, 4604.48, 32),
    ),
    "addr del 2001:db8::53/128": (
        (
            "480000001500000000000000000000000a808000030000001400010020010db800000000000000000000005314000600"
            "ffffffffffffffff6d0707006d0707000800080080000000"
        ),
        AddressChange(False, "2001:db8::53", 3, True, 4606.53, 128),
    ),
}


@pytest.mark.skipif(sys.byteorder != "little", reason="recorded on a little-endian machine")
@pytest.mark.parametrize("command", RECORDED)
def test_what_the_kernel_really_says_is_understood(command: str) -> None:
    datagram, expected = RECORDED[command]
    assert only(bytes.fromhex(datagram)) == expected


def test_pyroute2_is_imported_where_the_kernel_is_asked_and_not_before() -> None:
    """All of it takes 200 ms and 13 MiB, which ``--once`` beside a running exporter does not need."""
    program = "import sys, exporter.app, exporter.once, exporter.cli; sys.exit('pyroute2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@given(st.ip_addresses(), st.integers(1, 2**31 - 1), st.booleans())
def test_every_address_is_read_as_its_bytes_say(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address, index: int, gone: bool
) -> None:
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    kind = DELADDR if gone else NEWADDR
    change = only(address_message(kind, family, index, attribute(IFA_ADDRESS, address.packed)))
    assert ipaddress.ip_address(change.address) == address
    assert (change.interface_index, change.present) == (index, not gone)


@given(
    st.binary(max_size=200)
    | st.builds(message, st.sampled_from([NEWADDR, DELADDR, ERROR, DONE]), st.binary(max_size=80))
    | st.builds(
        address_message,
        st.sampled_from([NEWADDR, DELADDR]),
        st.integers(0, 255),
        st.integers(0, 2**32 - 1),
        st.builds(attribute, st.integers(0, 2**16 - 1), st.binary(max_size=40)),
        st.builds(attribute, st.integers(0, 12), st.binary(max_size=40)),
    )
    | st.tuples(st.integers(0, 71), st.integers(0, 255)).map(
        lambda change: (
            bytes.fromhex(RECORDED["addr del 2001:db8::53/128"][0])[: change[0]]
            + bytes([change[1]])
            + bytes.fromhex(RECORDED["addr del 2001:db8::53/128"][0])[change[0] + 1 :]
        )
    )
)
def test_any_bytes_are_read_or_refused(datagram: bytes) -> None:
    try:
        read = parse_address_messages(datagram)
    except ParseError:
        return
    assert all(isinstance(change.address, str) for change in read.changes)
