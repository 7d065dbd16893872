"""What this host knows of its LAN, without any right of root: interfaces, addresses, and who answers ARP."""

from __future__ import annotations

import ipaddress
import socket
import struct
import time
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from exporter.model.addressing import interface_networks
from stack.preflight.addresses import interface_addresses

# The kernel asks three times, a second apart (arp(7), mcast_solicit).
ARP_SECONDS = 3.2
# For one address, after all were asked: twice.
ARP_AGAIN_SECONDS = 1.5
# A larger LAN is not searched as a whole: the kernel remembers a thousand neighbours at most (arp(7), gc_thresh3).
LARGEST_PREFIX = 24
_DISCARD = 9
_COMPLETE = 0x2  # ATF_COM, linux/if_arp.h
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


def neighbours(interface: str, addresses: Iterable[IPv4Address], seconds: float) -> dict[IPv4Address, str]:
    """The hardware addresses of those that answer ARP.

    A datagram to the port "discard" makes the kernel ask for the address, which needs no right; so a host is found
    whatever its firewall does. Nothing is sent to one that does not answer.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
        for address in addresses:
            try:
                sender.sendto(b"", (str(address), _DISCARD))
            except OSError:  # no buffer left, no route: then it is not found
                time.sleep(0.01)
    time.sleep(seconds)
    return parse_arp_table(Path("/proc/net/arp").read_text(), interface)


def parse_arp_table(text: str, interface: str) -> dict[IPv4Address, str]:
    """Read ``/proc/net/arp`` (proc(5)): the neighbours of an interface that have answered."""
    found = {}
    for line in text.splitlines()[1:]:
        fields = line.split()
        if len(fields) >= 6 and fields[5] == interface and int(fields[2], 16) & _COMPLETE:
            found[IPv4Address(fields[0])] = fields[3]
    return found
