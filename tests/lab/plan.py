"""The pair's address plan and paths: the one home of every name and number that the lab uses.

Only documentation addresses appear (RFC 5737, RFC 3849): nothing that leaks could reach a real host.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

Family = Literal["ipv4", "ipv6"]

REPOSITORY: Final = Path(__file__).resolve().parents[2]
BUILD: Final = REPOSITORY / "build"

IPV4_NETWORK: Final = ipaddress.IPv4Network("192.0.2.0/24")
IPV6_NETWORK: Final = ipaddress.IPv6Network("2001:db8::/64")

VIPS: Final[dict[Family, str]] = {"ipv4": "192.0.2.53", "ipv6": "2001:db8::53"}

# The half up to .177 is alpha's.
DHCP_FIRST: Final = "192.0.2.106"
DHCP_LAST: Final = "192.0.2.249"
DHCP_ROUTER: Final = "192.0.2.1"

INTERFACE: Final = "eth0"
VIRTUAL_ROUTER_ID: Final = 53
DNS_PORT: Final = 53
UNBOUND_PORT: Final = 5335
EXPORTER_PORT: Final = 9753

CANARY_ZONE: Final = "canary.dnsha.example"
STATIC_NAME: Final = "www.example.org"  # not under .test, which FTL does not forward
STATIC_ADDRESS: Final = "192.0.2.80"
STATIC_ADDRESS_IPV6: Final = "2001:db8::80"


@dataclass(frozen=True, slots=True)
class Place:
    """One host on the lab's LAN: its name and its place in the address plan."""

    name: str
    host_number: int

    @property
    def ipv4(self) -> str:
        """The host's IPv4 address, without a prefix length."""
        return str(IPV4_NETWORK.network_address + self.host_number)

    @property
    def ipv6(self) -> str:
        """The host's IPv6 address: the IPv4 host number, read as the digits of the last group."""
        return str(IPV6_NETWORK.network_address + int(str(self.host_number), 16))

    def address(self, family: Family) -> str:
        """The host's address of one family."""
        return self.ipv4 if family == "ipv4" else self.ipv6

    @property
    def mac(self) -> str:
        """A locally administered MAC that survives a reboot, as a real card's does."""
        return f"02:00:00:00:00:{self.host_number:02x}"

    @property
    def port(self) -> str:
        """The name of the bridge port that this host is plugged into."""
        return f"to-{self.name}"


Role = Literal["primary", "secondary"]

ALPHA: Final = Place("alpha", 11)
BETA: Final = Place("beta", 12)
CLIENT: Final = Place("client", 100)
NODES: Final = (ALPHA, BETA)
ROLES: Final[dict[str, Role]] = {ALPHA.name: "primary", BETA.name: "secondary"}


def peer_of(node: str) -> Place:
    """The other node of the pair.

    Raises:
        KeyError: ``node`` is not a node of the pair.
    """
    others = {ALPHA.name: BETA, BETA.name: ALPHA}
    return others[node]
