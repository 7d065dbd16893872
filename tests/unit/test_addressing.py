"""What may be a virtual IP and what may not (RFC 919, RFC 4291), and what /proc says of an interface (proc(5))."""

from __future__ import annotations

import ipaddress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.model.addressing import (
    AddressError,
    VirtualAddress,
    family,
    interface_networks,
    parse_address,
    parse_virtual_address,
    virtual_address_problem,
)

LAN = ipaddress.ip_network("192.0.2.0/24")
LAN_6 = ipaddress.ip_network("2001:db8::/64")
NODES = [ipaddress.ip_address("192.0.2.11"), ipaddress.ip_address("192.0.2.12")]


def problem(text: str, *networks: ipaddress.IPv4Network | ipaddress.IPv6Network) -> str | None:
    return virtual_address_problem(parse_virtual_address(text), networks, NODES)


@pytest.mark.parametrize(
    ("text", "address", "length"),
    [
        ("192.0.2.53", "192.0.2.53", 32),
        (" 192.0.2.53/24 ", "192.0.2.53", 24),
        ("2001:DB8::53", "2001:db8::53", 128),
        ("2001:db8::53/64", "2001:db8::53", 64),
    ],
)
def test_a_virtual_address_is_a_host_route_unless_it_says_otherwise(text: str, address: str, length: int) -> None:
    virtual = parse_virtual_address(text)
    assert (str(virtual), virtual.with_prefix) == (address, f"{address}/{length}")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "dns.example",
        "192.0.2.256",
        "192.0.2",
        "192.0.2.053",
        "192.0.2.53/",
        "192.0.2.53/0",
        "192.0.2.53/33",
        "192.0.2.53/-1",
        "192.0.2.53/255.255.255.0",
        "192.0.2.53/٢٤",
        "192.0.2.53/2⁴",
        "192.0.2.53/" + "0" * 5000 + "24",
        "2001:db8::53/129",
        "2001:db8::53::1",
        "[2001:db8::53]",
        "fe80::53%eth0",
        "fe80::53%eth0/64",
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(AddressError):
        parse_virtual_address(text)


def test_a_scope_is_refused_with_what_to_write_instead() -> None:
    with pytest.raises(AddressError, match=r"'fe80::53%eth0' names an interface; write fe80::53"):
        parse_address("fe80::53%eth0")


def test_a_virtual_ip_with_a_scope_is_not_led_from_one_refusal_to_the_next() -> None:
    with pytest.raises(AddressError, match=r"names an interface of this node.*the LAN's own subnet"):
        parse_virtual_address("fe80::53%eth0/64")


@pytest.mark.parametrize("text", ["fec0::53", "fd00:db8::53", "2001:db8::53", "223.255.255.53", "10.0.0.53"])
def test_what_is_beside_a_special_range_is_good(text: str) -> None:
    assert problem(text) is None


def test_the_families_have_the_names_that_metrics_have() -> None:
    assert [family(parse_address(text)) for text in ("192.0.2.53", "2001:db8::53")] == ["ipv4", "ipv6"]


def test_an_address_of_the_lan_that_no_host_has_is_good() -> None:
    assert problem("192.0.2.53", LAN) is None
    assert problem("2001:db8::53", LAN, LAN_6) is None


def test_the_quick_reference_s_virtual_ip_is_refused_as_the_broadcast_address() -> None:
    said = problem("192.0.2.255", LAN)
    assert said == "192.0.2.255 is the broadcast address of 192.0.2.0/24; clients cannot use it as a DNS server"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("192.0.2.0", "the network address of 192.0.2.0/24"),
        ("192.0.2.11", "a node's own address"),
        ("192.0.2.12", "a node's own address"),
        ("198.51.100.53", "outside the interface's subnet (192.0.2.0/24)"),
        ("127.0.0.1", "loopback"),
        ("224.0.0.18", "multicast"),
        ("0.0.0.0", "unspecified"),
        ("255.255.255.255", "limited broadcast"),
        ("::1", "loopback"),
        ("::", "unspecified"),
        ("ff02::12", "multicast"),
        ("0.0.0.53", "unspecified"),
        ("127.8.8.8", "loopback"),
        ("169.254.7.53", "a link-local address"),
        ("169.254.7.53/16", "a link-local address"),
        ("240.0.0.1", "reserved"),
        ("fe80::53", "a link-local address"),
        ("febf::53/64", "a link-local address"),
        ("::ffff:192.0.2.53", "192.0.2.53 in a notation that is never on the wire"),
    ],
)
def test_an_address_that_clients_could_not_use_is_refused_with_the_reason(text: str, words: str) -> None:
    said = problem(text, LAN)
    assert said is not None
    assert words in said


@pytest.mark.parametrize(("text", "word"), [("198.51.100.127/25", "broadcast"), ("198.51.100.0/25", "network")])
def test_the_subnet_that_the_address_itself_names_counts_too(text: str, word: str) -> None:
    assert f"{word} address of 198.51.100.0/25" in str(problem(text))


def test_the_first_address_of_an_ipv6_subnet_belongs_to_its_routers() -> None:
    """RFC 4291, section 2.6.1: the subnet-router anycast address."""
    assert "network address" in str(problem("2001:db8::", LAN_6))


def test_ipv6_has_no_broadcast_address() -> None:
    assert problem("2001:db8::ffff:ffff:ffff:ffff", LAN_6) is None


def test_both_addresses_of_a_link_between_two_are_hosts() -> None:
    """RFC 3021 and RFC 6164."""
    link = ipaddress.ip_network("192.0.2.52/31")
    assert [problem(text, link) for text in ("192.0.2.52", "192.0.2.53")] == [None, None]


def test_any_of_several_subnets_will_do_and_one_of_the_other_family_says_nothing() -> None:
    assert problem("198.51.100.53", LAN, ipaddress.ip_network("198.51.100.0/24")) is None
    assert problem("2001:db8:ffff::53", LAN) is None


# Recorded from /proc of a namespace: eth0 192.0.2.11/24 and 2001:db8::11/64, a VIP, a default route, other devices.
ROUTE = """\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0
eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
eth0\t350200C0\t00000000\t0005\t0\t0\t0\tFFFFFFFF\t0\t0\t0
eth0\t006433C6\t010200C0\t0003\t0\t0\t0\t00FFFFFF\t0\t0\t0
wlan0\t007100CB\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
"""
IF_INET6 = """\
00000000000000000000000000000001 01 80 10 80       lo
20010db8000000000000000000000011 02 40 00 80     eth0
20010db8000000000000000000000053 02 80 00 80     eth0
fe80000000000000c0d1d6fffeb26fc9 02 40 20 80     eth0
20010db8111100000000000000000001 03 40 00 80    wlan0
"""


def proc(root: Path, route: bytes = ROUTE.encode(), if_inet6: bytes = IF_INET6.encode()) -> Path:
    (root / "net").mkdir()
    (root / "net" / "route").write_bytes(route)
    (root / "net" / "if_inet6").write_bytes(if_inet6)
    return root


def test_the_subnets_of_an_interface_are_those_that_need_no_gateway(tmp_path: Path) -> None:
    assert interface_networks("eth0", proc(tmp_path)) == [LAN, LAN_6]


def test_an_interface_that_does_not_exist_yet_has_no_subnets(tmp_path: Path) -> None:
    assert interface_networks("eth7", proc(tmp_path)) == []
    assert interface_networks("eth0", tmp_path / "nowhere") == []


def test_a_device_with_an_outlandish_name_does_not_hide_the_others(tmp_path: Path) -> None:
    strange = b"caf\xe9\xff\t00000000\t00000000\t0001\t0\t0\t0\t00000000\t0\t0\t0\n"
    assert interface_networks("eth0", proc(tmp_path, ROUTE.encode() + strange)) == [LAN, LAN_6]


@given(st.text(max_size=30))
def test_any_text_is_an_address_or_refused(text: str) -> None:
    try:
        virtual = parse_virtual_address(text)
    except AddressError:
        return
    assert parse_virtual_address(virtual.with_prefix) == virtual
    virtual_address_problem(virtual, [LAN], NODES)


@given(st.ip_addresses(), st.integers(1, 32))
def test_whatever_is_written_is_read_back(address: ipaddress.IPv4Address | ipaddress.IPv6Address, length: int) -> None:
    virtual = VirtualAddress(address, length)
    assert parse_virtual_address(virtual.with_prefix) == virtual
    assert parse_virtual_address(str(virtual)) == VirtualAddress(address, address.max_prefixlen)


@given(st.ip_addresses(v=4), st.integers(8, 30))
def test_exactly_the_two_ends_of_a_subnet_are_no_hosts(address: ipaddress.IPv4Address, length: int) -> None:
    network = ipaddress.ip_network((int(address), length), strict=False)
    said = virtual_address_problem(VirtualAddress(address, 32), [network])
    # The first octets of what is never a host's: 0/8, 127/8, 169.254/16, 224/4 and 240/4.
    first, second = address.packed[:2]
    if first not in (0, 127) and first < 224 and (first, second) != (169, 254):
        host_bits = int(address) % 2 ** (32 - length)
        assert (said is None) == (0 < host_bits < 2 ** (32 - length) - 1)
