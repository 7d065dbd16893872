"""What the DHCP server needs to know of one node: read from the environment, checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from exporter.model.addressing import Address, interface_networks
from exporter.model.errors import ConfigurationError
from exporter.settings.dhcp import AddressRange, subnet_of
from exporter.settings.read import read_environment
from exporter.settings.rules import NetworksOf


@dataclass(frozen=True, slots=True)
class DhcpSettings:
    """One node's. Times in seconds."""

    role: str
    node: Address
    peer: Address | None
    vips: tuple[IPv4Address, ...]
    interface: str
    subnet: IPv4Network
    whole: AddressRange
    router: IPv4Address
    lease_time: int
    directory: Path
    inventory: Path  # of Pi-hole's settings, static leases among them
    pair_key_file: Path | None


def read_dhcp(environment: Mapping[str, str], networks_of: NetworksOf = interface_networks) -> DhcpSettings | None:
    """Read and check every value before complaining once; None where DHCP is off.

    Raises:
        ConfigurationError: with every mistake found.
    """
    values = read_environment("dhcp", environment, networks_of)
    if not values["dhcp"]:
        return None
    whole: AddressRange = values["dhcp_range"]
    subnet = subnet_of(whole, networks_of(values["network_interface"]))
    if subnet is None:
        raise ConfigurationError([f"{values['network_interface']} has no address in a subnet with {whole} yet"])
    return DhcpSettings(
        values["node_role"],
        values["node_ip"].address,
        values["peer_ip"],
        tuple(one.address for one in values["vip_address"] if one.address.version == 4),
        values["network_interface"],
        subnet,
        whole,
        values["dhcp_router"],
        int(values["dhcp_lease_time"]),
        values["dhcp_directory"],
        values["task_directory"] / "shared" / "pihole.txt",
        values["pair_key_file"],
    )
