"""Keepalived's values for one node: read from the environment, checked, and rendered as definitions."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from exporter.model.addressing import (
    Address,
    AddressError,
    Network,
    VirtualAddress,
    family,
    parse_address,
    parse_virtual_address,
    virtual_address_problem,
)
from exporter.model.errors import ConfigurationError
from stack.guard.netlink import ROUTE_PRIORITY

ROLES = ("primary", "secondary", "standalone")
DEFAULT_ADVERT_INTERVAL_SECONDS = 0.05
DOWN_TIMER_ADVERTS = 5
# VRRPv2 counts whole seconds and waits for three adverts (RFC 3768).
V2_ADVERT_INTERVAL_SECONDS = 1
V2_DOWN_TIMER_ADVERTS = 3
V2_PASSWORD_LENGTH = 8


@dataclass(frozen=True, slots=True)
class KeepalivedSettings:
    """What keepalived needs to know of one node; intervals in seconds."""

    role: str
    name: str
    interface: str
    virtual_router_id: int
    virtual_addresses: tuple[VirtualAddress, ...]
    address: Address
    peer: Address | None
    unicast: bool
    password: str
    advert_interval: float

    @property
    def vrrp_version(self) -> int:
        """Only VRRPv2 has passwords."""
        return 2 if self.password else 3

    @property
    def advert_interval_units(self) -> int:
        """The interval as adverts carry it: hundredths of a second, in VRRPv2 whole seconds (RFC 9568, RFC 3768)."""
        if self.vrrp_version == 2:
            return max(V2_ADVERT_INTERVAL_SECONDS, math.ceil(self.advert_interval))
        return max(1, math.floor(self.advert_interval * 100 + 0.5))


def read_environment(
    environment: Mapping[str, str], networks_of: Callable[[str], Sequence[Network]]
) -> KeepalivedSettings:
    """Read and check every value before complaining once.

    Raises:
        ConfigurationError: with every mistake found.
    """
    problems: list[str] = []

    def text(name: str, default: str | None = None) -> str:
        value = environment.get(name, "").strip() or (default or "")
        if not value and default is None:
            problems.append(f"{name} is not set")
        return value

    def address(name: str, default: str | None = None) -> Address | None:
        value = text(name, default)
        try:
            return parse_address(value.partition("/")[0]) if value else None
        except AddressError as error:
            problems.append(f"{name}: {error}")
            return None

    def decimal(name: str, default: str, low: float, high: float, form: str = r"\d+(\.\d+)?") -> float:
        value = text(name, default)
        if not re.fullmatch(form, value, re.ASCII) or not low <= float(value) <= high:
            problems.append(f"{name} is {value!r}; it must be a number from {low:g} to {high:g}")
            return low
        return float(value)

    role = text("NODE_ROLE")
    if role and role not in ROLES:
        problems.append(f"NODE_ROLE is {role!r}; it must be one of {', '.join(ROLES)}")
    name = text("NODE_NAME")
    if name and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.-]{0,62}", name):
        problems.append(f"NODE_NAME is {name!r}; use letters, digits, dots and hyphens, 63 at most")
    interface = text("NETWORK_INTERFACE")
    networks: Sequence[Network] = ()
    # The kernel takes more, but keepalived's configuration and nftables have meanings for some of it.
    if interface and not re.fullmatch(r"[A-Za-z0-9_.:@+-]{1,15}", interface):
        problems.append(f"NETWORK_INTERFACE is {interface!r}; use letters, digits and _ . : @ + -, 15 at most")
    elif interface:
        networks = networks_of(interface)
    node = address("NODE_IP")
    standalone = role == "standalone"
    peer = address("PEER_IP", "" if standalone else None)
    if node and peer and node == peer:
        problems.append(f"PEER_IP and NODE_IP are both {node}; PEER_IP is the other node's address")
    virtual = _virtual_addresses(text("VIP_ADDRESS"), networks, [a for a in (node, peer) if a], problems)
    unicast = text("USE_UNICAST_VRRP", "true").lower()
    if unicast not in ("true", "false"):
        problems.append(f"USE_UNICAST_VRRP is {unicast!r}; it must be true or false")
    password = text("VRRP_PASSWORD", "")
    if password and not re.fullmatch(rf"[A-Za-z0-9_.-]{{1,{V2_PASSWORD_LENGTH}}}", password):
        problems.append(
            f"VRRP_PASSWORD must be 1 to {V2_PASSWORD_LENGTH} letters, digits, dots, hyphens or underscores: "
            "VRRPv2 has room for no more"
        )
    if node and virtual and not any(v.address.version == node.version for v in virtual):
        problems.append(
            f"VIP_ADDRESS has no {family(node)} address, but NODE_IP is one: VRRP speaks the family of NODE_IP"
        )
    if node and peer and node.version != peer.version:
        problems.append(f"NODE_IP is {family(node)} and PEER_IP {family(peer)}; they must be of one family")
    if password and node and node.version == 6:
        problems.append("VRRP_PASSWORD selects VRRPv2, which is for IPv4: set an IPv4 NODE_IP, or no password")
    settings_number = int(decimal("VIRTUAL_ROUTER_ID", "53", 1, 255, r"\d+"))
    interval = decimal("VRRP_ADVERT_INTERVAL", str(DEFAULT_ADVERT_INTERVAL_SECONDS), 0.01, 40)
    if problems or node is None:
        raise ConfigurationError(problems)
    return KeepalivedSettings(
        role=role,
        name=name,
        interface=interface,
        virtual_router_id=settings_number,
        virtual_addresses=virtual,
        address=node,
        peer=peer,
        unicast=unicast == "true" and not standalone,
        password=password,
        advert_interval=interval,
    )


def _virtual_addresses(
    value: str, networks: Sequence[Network], nodes: list[Address], problems: list[str]
) -> tuple[VirtualAddress, ...]:
    found: list[VirtualAddress] = []
    for part in filter(str.strip, value.split(",")):
        try:
            virtual = parse_virtual_address(part)
        except AddressError as error:
            problems.append(f"VIP_ADDRESS: {error}")
            continue
        problem = virtual_address_problem(virtual, networks, nodes)
        if problem:
            problems.append(f"VIP_ADDRESS: {problem}")
        if str(virtual) in map(str, found):
            problems.append(f"VIP_ADDRESS names {virtual} more than once")
        found.append(virtual)
    if value and not value.strip(", "):
        problems.append("VIP_ADDRESS names no address")
    return tuple(found)


def render(settings: KeepalivedSettings) -> str:
    """Render the definitions that ``keepalived.conf`` refers to.

    A VRRP instance speaks for one address family, the node's; addresses of the other one move with
    it as excluded addresses, as keepalived.conf(5) calls those that its adverts do not list.
    """
    spoken = settings.address.version
    advertised = [v.with_prefix for v in settings.virtual_addresses if v.address.version == spoken]
    others = [v.with_prefix for v in settings.virtual_addresses if v.address.version != spoken]
    advert_interval = settings.advert_interval_units / 100
    down_timer = DOWN_TIMER_ADVERTS
    authentication: list[str] = []
    if settings.vrrp_version == 2:
        advert_interval = settings.advert_interval_units
        down_timer = V2_DOWN_TIMER_ADVERTS
        authentication = ["authentication {", "    auth_type PASS", f"    auth_pass {settings.password}", "}"]
    definitions: dict[str, str | list[str]] = {
        "NODE_NAME": settings.name,
        "VRRP_VERSION": str(settings.vrrp_version),
        "INTERFACE": settings.interface,
        "VIRTUAL_ROUTER_ID": str(settings.virtual_router_id),
        "ADVERT_INTERVAL": f"{advert_interval:g}",
        "DOWN_TIMER_ADVERTS": str(down_timer),
        "AUTHENTICATION": authentication,
        "TRANSPORT": _transport(settings),
        "VIRTUAL_ADDRESSES": advertised,
        "ROUTES": _routes(settings.virtual_addresses),
        "OTHER_FAMILY": ["virtual_ipaddress_excluded {", *(f"    {a}" for a in others), "}"] if others else [],
    }
    return "".join(_definition(name, value) for name, value in definitions.items())


def _routes(addresses: Sequence[VirtualAddress]) -> list[str]:
    """Make the kernel receive what is sent to an IPv6 address from the moment it is announced.

    It makes its own route to a new IPv6 address later, in a thread of its own (addrconf_dad_work in Linux's
    net/ipv6/addrconf.c), some 30 ms after keepalived has led the clients here. To an IPv4 address it makes it at once.
    Not ``no_track``: keepalived would not see that it has set the route, and never delete it.
    """
    routes = [
        f"    local {virtual.address}/128 dev lo table local metric {ROUTE_PRIORITY}"
        for virtual in addresses
        if virtual.address.version == 6
    ]
    return ["virtual_routes {", *routes, "}"] if routes else []


def _transport(settings: KeepalivedSettings) -> list[str]:
    if not settings.unicast or settings.peer is None:
        return [f"mcast_src_ip {settings.address}"] if settings.role != "standalone" else []
    return [
        f"unicast_src_ip {settings.address}",
        "unicast_fault_no_peer",
        "unicast_ttl 255",
        "unicast_peer {",
        # Only a neighbour's packet still has its full TTL (RFC 5082); this also checks the source.
        f"    {settings.peer} min_ttl 255 max_ttl 255",
        "}",
    ]


def _definition(name: str, value: str | list[str]) -> str:
    if isinstance(value, str):
        return f"${name}={value}\n"
    if not value:
        return f"${name}=\n"
    return f"${name}= \\\n" + " \\\n".join(value) + "\n"
