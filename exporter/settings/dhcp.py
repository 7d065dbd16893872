"""The settings of the stack's DHCP server, and how they must fit together."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from exporter.model.addressing import Network, parse_address

# Half of it is each node's, and one address for each is too few to be meant.
FEWEST = 4


@dataclass(frozen=True, slots=True)
class AddressRange:
    """IPv4 addresses from the first to the last, both included."""

    first: ipaddress.IPv4Address
    last: ipaddress.IPv4Address

    def __str__(self) -> str:
        return f"{self.first}-{self.last}"

    def __contains__(self, address: object) -> bool:
        return isinstance(address, ipaddress.IPv4Address) and self.first <= address <= self.last

    def __len__(self) -> int:
        return int(self.last) - int(self.first) + 1


def parse_range(text: str) -> AddressRange | None:
    """``FIRST-LAST``, or nothing."""
    if not text:
        return None
    ends = [_ipv4(part) for part in text.split("-")]
    if len(ends) != 2 or int(ends[1]) - int(ends[0]) + 1 < FEWEST:
        msg = f"{text!r} is not FIRST-LAST with at least {FEWEST} addresses, such as 192.168.8.100-192.168.8.199"
        raise ValueError(msg)
    first, last = ends
    return AddressRange(first, last)


def parse_router(text: str) -> ipaddress.IPv4Address | None:
    """An IPv4 address, or nothing."""
    return _ipv4(text) if text else None


def problems(values: Mapping[str, Any], networks: Sequence[Network]) -> Iterator[tuple[str, str]]:
    """What does not fit: a setting's key and why. ``networks`` are the interface's subnets, as far as known."""
    if not values["dhcp"]:
        return
    offered: AddressRange | None = values["dhcp_range"]
    router: ipaddress.IPv4Address | None = values["dhcp_router"]
    if not any(virtual.address.version == 4 for virtual in values["vip_address"]):
        yield "dhcp", "DHCP gives devices an IPv4 address as their DNS server, and VIP_ADDRESS has none"
    if router is None:
        yield "dhcp_router", "write the router's IPv4 address: devices are told that it leads to the internet"
    if offered is None:
        yield "dhcp_range", "write the addresses that devices get: FIRST-LAST, such as 192.168.8.100-192.168.8.199"
        return
    for address, whose in _taken(values):
        if address in offered:
            yield "dhcp_range", f"{offered} contains {address}, {whose}: leave it out of the range"
    subnet = subnet_of(offered, networks)
    if any(network.version == 4 for network in networks):
        if subnet is None:
            yield "dhcp_range", f"{offered} is not inside a subnet of the interface: {_listed(networks)}"
        elif router is not None and router not in subnet:
            yield "dhcp_router", f"{router} is not in the range's subnet, {subnet}: devices could not reach it"


def subnet_of(offered: AddressRange, networks: Sequence[Network]) -> ipaddress.IPv4Network | None:
    """The subnet in which every address of the range can be a device's."""
    for network in networks:
        if isinstance(network, ipaddress.IPv4Network) and network.prefixlen < 31:
            hosts = AddressRange(network.network_address + 1, network.broadcast_address - 1)
            if offered.first in hosts and offered.last in hosts:
                return network
    return None


def _taken(values: Mapping[str, Any]) -> Iterator[tuple[object, str]]:
    yield values["node_ip"].address, "this node's own address"
    yield values["peer_ip"], "the other node's address"
    yield values["dhcp_router"], "the router's address"
    for virtual in values["vip_address"]:
        yield virtual.address, "a virtual IP"


def _listed(networks: Sequence[Network]) -> str:
    return ", ".join(str(network) for network in networks if network.version == 4)


def _ipv4(text: str) -> ipaddress.IPv4Address:
    address = parse_address(text)
    if not isinstance(address, ipaddress.IPv4Address):
        msg = f"{text!r} is not an IPv4 address"
        raise ValueError(msg)  # noqa: TRY004 (what a form raises)
    return address
