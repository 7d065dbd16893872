"""What this host knows of its LAN, without any right of root: interfaces, addresses, routes."""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from exporter.model.addressing import interface_networks
from stack.preflight.addresses import interface_addresses

# A larger LAN is not searched as a whole: the kernel remembers a thousand neighbours at most (arp(7), gc_thresh3).
LARGEST_PREFIX = 24
_DEFAULT_ROUTE = "00000000"
_UP_AND_GATEWAY = 0x3  # RTF_UP | RTF_GATEWAY, linux/route.h


@dataclass(frozen=True, slots=True)
class OwnAddress:
    """An IPv4 address of this host; ``fixed`` is False for one that was leased for a time."""

    interface: str
    address: IPv4Address
    fixed: bool


@dataclass(frozen=True, slots=True)
class Lan:
    """This host's place on a LAN."""

    interface: str
    network: IPv4Network
    router: IPv4Address | None
    own: tuple[OwnAddress, ...]  # on this interface

    @property
    def searched(self) -> tuple[IPv4Address, ...]:
        """The addresses among which others are looked for: the LAN's, of a large one those around this host's."""
        near = self.network
        if near.prefixlen < LARGEST_PREFIX and self.own:
            near = IPv4Network(f"{self.own[0].address}/{LARGEST_PREFIX}", strict=False)
        edge = {self.network.network_address, self.network.broadcast_address}
        return tuple(address for address in near.hosts() if address not in edge)


def interfaces(sys: Path = Path("/sys/class/net")) -> tuple[str, ...]:
    """The interfaces that may be on a LAN: no loopback, nothing that Docker made; cables first."""
    found = [
        path for path in sys.iterdir() if path.name != "lo" and not path.name.startswith(("docker", "br-", "veth"))
    ]
    return tuple(path.name for path in sorted(found, key=lambda path: ((path / "phy80211").exists(), path.name)))


def default_route(proc: Path = Path("/proc")) -> tuple[str, IPv4Address] | None:
    """The interface and the router of the way to the internet, by the lowest metric."""
    routes = []
    for line in (proc / "net/route").read_text().splitlines()[1:]:
        name, destination, gateway, flags, _, _, metric, *_ = line.split()
        if destination == _DEFAULT_ROUTE and int(flags, 16) & _UP_AND_GATEWAY == _UP_AND_GATEWAY:
            routes.append((int(metric), name, IPv4Address(struct.pack("=L", int(gateway, 16)))))
    return min(routes)[1:] if routes else None


def look_at(interface: str, route: tuple[str, IPv4Address] | None) -> Lan | None:
    """This host's place on the LAN behind an interface; None where the interface has no IPv4 address."""
    networks = [network for network in interface_networks(interface) if network.version == 4]
    own = own_addresses(interface)
    if not networks or not own:
        return None
    network = next((one for one in networks if own[0].address in one), networks[0])
    return Lan(interface, network, route[1] if route and route[0] == interface else None, own)


def own_addresses(interface: str | None = None) -> tuple[OwnAddress, ...]:
    """The IPv4 addresses of an interface, or of all."""
    found = []
    for one in interface_addresses() or ():
        address = ipaddress.ip_address(one.address)
        if isinstance(address, IPv4Address) and not address.is_loopback and interface in (None, one.interface):
            found.append(OwnAddress(one.interface, address, one.permanent))
    return tuple(found)
