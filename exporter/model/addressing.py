"""Rules for the addresses of the pair: what may be a virtual IP and what may not.

Used by the exporter, by preflight and by keepalived's start, so it uses the standard library alone.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Family = Literal["ipv4", "ipv6"]


_WRITE_A_LAN_ADDRESS = "clients cannot use it as a DNS server: write an address of the LAN's own subnet"
# By the special-purpose registries of IANA (RFC 6890).
_NEVER_A_HOST: tuple[tuple[Network, str], ...] = tuple(
    (ipaddress.ip_network(network), kind)
    for network, kind in (
        ("255.255.255.255/32", "the limited broadcast address"),
        ("0.0.0.0/8", "an unspecified address"),
        ("127.0.0.0/8", "a loopback address"),
        ("169.254.0.0/16", "a link-local address, which a host gives itself when nobody gave it one"),
        ("224.0.0.0/4", "a multicast address"),
        ("240.0.0.0/4", "a reserved address"),
        ("::/128", "the unspecified address"),
        ("::1/128", "the loopback address"),
        ("fe80::/10", "a link-local address, which clients can use only together with the name of their own interface"),
        ("ff00::/8", "a multicast address"),
    )
)


class AddressError(ValueError):
    """A value is not the address it should be; the message says which and why."""


def family(address: Address) -> Family:
    """Return the family's name as metrics and messages spell it."""
    return "ipv4" if address.version == 4 else "ipv6"


@dataclass(frozen=True, slots=True)
class VirtualAddress:
    """A virtual IP, and the prefix length that the owner wrote, by which its subnet is judged."""

    address: Address
    prefix_length: int

    def __str__(self) -> str:
        return str(self.address)

    @property
    def with_prefix(self) -> str:
        """``ADDRESS/LENGTH`` as the owner wrote it."""
        return f"{self.address}/{self.prefix_length}"

    @property
    def host_route(self) -> str:
        """``ADDRESS/32`` or ``ADDRESS/128``, whatever the owner wrote: what keepalived puts on the interface.

        Of two addresses in one subnet the kernel deletes the second with the first (promote_secondaries in
        its ip-sysctl.rst), so a virtual IP that came first, while a DHCP lease was lost, took the node's own with it.
        """
        return f"{self.address}/{self.address.max_prefixlen}"


def parse_address(text: str) -> Address:
    """Parse one address without a prefix.

    Raises:
        AddressError: the text is not an IPv4 or IPv6 address, or one with a scope (RFC 4007).
    """
    text = text.strip()
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        msg = f"{text!r} is not an IPv4 or IPv6 address"
        raise AddressError(msg) from None
    if address.version == 6 and address.scope_id is not None:
        msg = f"{text!r} names an interface; write {text.partition('%')[0]}"
        raise AddressError(msg)
    return address


def parse_virtual_address(text: str) -> VirtualAddress:
    """Parse ``ADDRESS`` or ``ADDRESS/LENGTH``.

    Raises:
        AddressError: the text is neither.
    """
    host, slash, length = text.strip().partition("/")
    if "%" in host:
        msg = f"{text.strip()!r} names an interface of this node, which clients know nothing of; {_WRITE_A_LAN_ADDRESS}"
        raise AddressError(msg)
    address = parse_address(host)
    if not slash:
        return VirtualAddress(address, address.max_prefixlen)
    if not re.fullmatch("[0-9]{1,3}", length) or not 1 <= int(length) <= address.max_prefixlen:
        msg = f"{text.strip()!r} has no valid prefix length: 1 to {address.max_prefixlen}"
        raise AddressError(msg)
    return VirtualAddress(address, int(length))


def virtual_address_problem(
    virtual: VirtualAddress,
    networks: Sequence[Network],
    node_addresses: Iterable[Address] = (),
) -> str | None:
    """Say why clients could not use this virtual IP, or None when they can.

    ``networks`` are the subnets of the interface, as far as they are known; where none of the
    address's family is known, only what holds everywhere is checked (RFC 919, RFC 4291).
    """
    address = virtual.address
    if address in set(node_addresses):
        return f"{address} is a node's own address; the VIP must be one that no host has"
    never = _never_a_host(address)
    if never:
        return f"{address} is {never}; {_WRITE_A_LAN_ADDRESS}"
    own = ipaddress.ip_network(virtual.with_prefix, strict=False)
    known = [network for network in (*networks, own) if network.version == address.version]
    for network in known:
        if network.num_addresses <= 2:
            continue
        if address.version == 4 and address == network.broadcast_address:
            return f"{address} is the broadcast address of {network}; clients cannot use it as a DNS server"
        if address == network.network_address:
            return f"{address} is the network address of {network}; clients cannot use it as a DNS server"
    subnets = [network for network in networks if network.version == address.version]
    if subnets and not any(address in network for network in subnets):
        listed = ", ".join(map(str, subnets))
        return f"{address} is outside the interface's subnet ({listed}); clients on the LAN could not reach it"
    return None


def _never_a_host(address: Address) -> str | None:
    """Say what kind of address this is, if no host of a LAN is reached by it from every other one."""
    if address.version == 6 and address.ipv4_mapped is not None:
        return f"{address.ipv4_mapped} in a notation that is never on the wire (RFC 4291, 2.5.5.2)"
    for network, kind in _NEVER_A_HOST:
        if address in network:
            return kind
    return None


def interface_networks(device: str, proc: Path = Path("/proc")) -> list[Network]:
    """Return the subnets directly connected to a device, link-local ones left out.

    Read from ``/proc/net/route`` and ``/proc/net/if_inet6`` (proc(5)); empty when the device is
    absent, down or has no address yet.
    """
    networks: set[Network] = set()
    for line in _lines(proc / "net" / "route")[1:]:
        fields = line.split()
        if len(fields) < 8 or fields[0] != device or fields[2] != "00000000":
            continue
        destination, mask = (socket.inet_ntoa(struct.pack("=L", int(fields[i], 16))) for i in (1, 7))
        network = ipaddress.ip_network(f"{destination}/{mask}")
        # IPv4LL (RFC 3927) is what a host gives itself while no DHCP server answers.
        if 0 < network.prefixlen < 32 and not network.is_link_local:
            networks.add(network)
    for line in _lines(proc / "net" / "if_inet6"):
        fields = line.split()
        if len(fields) != 6 or fields[5] != device:
            continue
        network = ipaddress.ip_network((int(fields[0], 16), int(fields[2], 16)), strict=False)
        if not network.is_link_local and network.prefixlen < 128:
            networks.add(network)
    return sorted(networks, key=lambda network: (network.version, network))


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text("ascii", "replace").split("\n")  # a device's name may be any bytes
    except OSError:
        return []
