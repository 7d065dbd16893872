"""What dnsmasq is told as the DHCP server of a node, and which settings are refused before."""

from __future__ import annotations

import ipaddress
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from exporter.model.addressing import Network
from exporter.model.errors import ConfigurationError
from stack.dhcp.leases import Lease
from stack.dhcp.ranges import own_part
from stack.dhcp.server import hosts, render, static_leases
from stack.dhcp.settings import DhcpSettings, read_dhcp

GOOD = {
    "NODE_ROLE": "primary",
    "NODE_NAME": "alpha",
    "NODE_IP": "192.0.2.11",
    "PEER_IP": "192.0.2.12",
    "VIP_ADDRESS": "192.0.2.53,2001:db8::53",
    "NETWORK_INTERFACE": "eth0",
    "DHCP": "yes",
    "DHCP_RANGE": "192.0.2.100-192.0.2.199",
    "DHCP_ROUTER": "192.0.2.1",
    "DHCP_LEASE_TIME": "1h",
}
LAN: list[Network] = [ipaddress.ip_network("192.0.2.0/24"), ipaddress.ip_network("2001:db8::/64")]


def settings(**changes: str) -> DhcpSettings:
    found = read_dhcp({**GOOD, **changes}, lambda _: LAN)
    assert found is not None
    return found


def mistakes(**changes: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        read_dhcp({**GOOD, **changes}, lambda _: LAN)
    return list(caught.value.problems)


def configuration(role: str) -> list[str]:
    return render(settings(NODE_ROLE=role), Path("/leases"), Path("/hosts")).splitlines()


def test_each_node_gives_new_devices_addresses_of_its_own_half_alone() -> None:
    assert "dhcp-range=192.0.2.100,192.0.2.149,255.255.255.0,3600" in configuration("primary")
    assert "dhcp-range=192.0.2.150,192.0.2.199,255.255.255.0,3600" in configuration("secondary")
    for role in ("primary", "secondary"):
        assert "dhcp-range=192.0.2.0,static,255.255.255.0,3600" in configuration(role)


def test_devices_are_told_the_virtual_ip_as_dns_server_and_the_router() -> None:
    assert {"port=0", "dhcp-option=3,192.0.2.1", "dhcp-option=6,192.0.2.53"} <= set(configuration("primary"))


def test_leases_of_the_other_half_are_named_one_by_one() -> None:
    lower, upper, odd = (
        Lease(1.0, "02:00:00:00:00:01", IPv4Address("192.0.2.101")),
        Lease(1.0, "02:00:00:00:00:02", IPv4Address("192.0.2.151")),
        Lease(1.0, "06-02:00:00:00:00:03", IPv4Address("192.0.2.152")),
    )
    own = own_part(settings().whole, "primary")
    assert hosts([], [lower, upper, odd], own) == "02:00:00:00:00:02,192.0.2.151\n"


def test_of_a_device_with_two_addresses_the_later_one_counts() -> None:
    own = own_part(settings().whole, "primary")
    here, there = (Lease(2.0, "02:00:00:00:00:02", IPv4Address(f"192.0.2.{number}")) for number in (101, 151))
    later = replace(there, end=3.0)
    assert hosts([], [here, there], own) == ""
    assert hosts([], [later, here], own) == "02:00:00:00:00:02,192.0.2.151\n"


@pytest.mark.parametrize("static", ["02:00:00:00:00:02,192.0.2.9,printer", "02:00:00:00:00:0A,192.0.2.151"])
def test_a_static_lease_is_named_once_and_wins(static: str) -> None:
    copied = Lease(1.0, "02:00:00:00:00:02", IPv4Address("192.0.2.151"))
    assert hosts([static], [copied], own_part(settings().whole, "primary")) == f"{static}\n"


def test_static_leases_are_those_of_pihole_by_the_inventory() -> None:
    inventory = "cname a,b\nstatic-lease 02:00:00:00:00:02,192.0.2.9,printer\nstatic-lease \x1b,\nsetting x y\n"
    assert static_leases(inventory) == ("02:00:00:00:00:02,192.0.2.9,printer",)


def test_without_dhcp_nothing_is_asked_for() -> None:
    off = {key: value for key, value in GOOD.items() if not key.startswith("DHCP")}
    assert read_dhcp(off, lambda _: LAN) is None
    assert read_dhcp({**off, "DHCP": "no"}, lambda _: LAN) is None


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"DHCP_RANGE": ""}, "DHCP_RANGE is not set: write the addresses"),
        ({"DHCP_ROUTER": ""}, "DHCP_ROUTER is not set: write the router's"),
        ({"DHCP_RANGE": "192.0.2.200-192.0.2.100"}, "is not FIRST-LAST"),
        ({"DHCP_RANGE": "192.0.2.100"}, "is not FIRST-LAST"),
        ({"DHCP_RANGE": "2001:db8::1-2001:db8::9"}, "is not an IPv4 address"),
        ({"DHCP_RANGE": "198.51.100.1-198.51.100.9"}, "is not inside a subnet of the interface: 192.0.2.0/24"),
        ({"DHCP_RANGE": "192.0.2.100-192.0.2.255"}, "is not inside a subnet of the interface"),
        ({"DHCP_RANGE": "192.0.2.10-192.0.2.100", "PEER_IP": "192.0.2.212", "VIP_ADDRESS": "192.0.2.253"}, "own"),
        ({"DHCP_RANGE": "192.0.2.12-192.0.2.50"}, "contains 192.0.2.12, the other node's address"),
        ({"DHCP_RANGE": "192.0.2.50-192.0.2.60"}, "contains 192.0.2.53, a virtual IP"),
        ({"DHCP_ROUTER": "192.0.2.150"}, "contains 192.0.2.150, the router's address"),
        ({"DHCP_ROUTER": "198.51.100.1"}, "is not in the range's subnet"),
        ({"DHCP_LEASE_TIME": "30"}, "is no time from 120 seconds"),
        ({"DHCP": "maybe"}, "'maybe' is not one of yes, no"),
    ],
)
def test_what_does_not_fit_is_refused_and_said(changes: dict[str, str], says: str) -> None:
    (mistake,) = mistakes(**changes)
    assert says in mistake


def test_a_pair_whose_virtual_ips_are_all_ipv6_cannot_serve_dhcp() -> None:
    (mistake,) = mistakes(NODE_IP="2001:db8::11", PEER_IP="2001:db8::12", VIP_ADDRESS="2001:db8::53")
    assert "VIP_ADDRESS has none" in mistake
