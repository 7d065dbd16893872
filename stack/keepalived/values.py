"""Keepalived's values for one node: read from the environment, checked, and rendered as definitions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from exporter.model.addressing import Address, VirtualAddress
from exporter.settings import read
from exporter.settings.rules import NetworksOf
from stack.guard.netlink import ROUTE_PRIORITY

DOWN_TIMER_ADVERTS = 5
# VRRPv2 counts whole seconds and waits for three adverts (RFC 3768).
V2_ADVERT_INTERVAL_SECONDS = 1
V2_DOWN_TIMER_ADVERTS = 3


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


def read_environment(environment: Mapping[str, str], networks_of: NetworksOf) -> KeepalivedSettings:
    """Read and check every value, those of the health check too, before complaining once.

    Raises:
        ConfigurationError: with every mistake found.
    """
    values = read.read_environment("keepalived", environment, networks_of)
    return KeepalivedSettings(
        role=values["node_role"],
        name=values["node_name"],
        interface=values["network_interface"],
        virtual_router_id=values["virtual_router_id"],
        virtual_addresses=values["vip_address"],
        address=values["node_ip"].address,
        peer=values["peer_ip"],
        unicast=values["use_unicast_vrrp"] and values["node_role"] != "standalone",
        password=values["vrrp_password"],
        advert_interval=values["vrrp_advert_interval"],
    )


def render(settings: KeepalivedSettings) -> str:
    """Render the definitions that ``keepalived.conf`` refers to.

    A VRRP instance speaks for one address family, the node's; addresses of the other one move with
    it as excluded addresses, as keepalived.conf(5) calls those that its adverts do not list.
    """
    spoken = settings.address.version
    advertised = [v.host_route for v in settings.virtual_addresses if v.address.version == spoken]
    others = [v.host_route for v in settings.virtual_addresses if v.address.version != spoken]
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
