"""What the firewall needs to know of one node: read from the environment, checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, get_args

from exporter.model.addressing import Address, Network
from exporter.settings.read import read_environment
from stack.preflight.port import PEER_ONLY, needed

Audience = Literal["nobody", "peer", "admins", "lan"]
"""Who may reach a port besides the node itself: the other node; it and ADMIN_NETWORKS; it and the LAN, unless
ADMIN_NETWORKS narrows that."""

# By the container that listens. Whatever is not here listens on loopback alone.
_AUDIENCE: Final[Mapping[str, Audience]] = {
    **dict.fromkeys(PEER_ONLY, "peer"),
    "node-exporter": "peer",
    "prometheus": "admins",
    "exporter": "lan",
    "grafana": "lan",
    "pihole": "lan",
    "pihole-b": "lan",
}
# Set by the files that add services: port.needed looks for them in COMPOSE_FILE. Layout B's Pi-holes listen on these
# ports for dnsdist, on every address.
_FILES: Final = {"OBSERVABILITY": "observability", "PIHOLE_PORTS": "layout-b"}
# Whatever .env says: a node that nobody can reach is no node.
NEVER_JUDGED: Final = frozenset({22, 53})


@dataclass(frozen=True, slots=True)
class FirewallSettings:
    """Who may reach which port of one node."""

    on: bool
    interface: str
    peer: Address | None
    admins: tuple[Network, ...]
    ports: Mapping[Audience, frozenset[int]]

    @property
    def closed(self) -> tuple[int, ...]:
        """The ports that a host of the LAN does not reach."""
        closed = {audience for audience in self.ports if audience != "lan" or self.admins}
        return tuple(sorted(port for audience in closed for port in self.ports[audience]))


def read_firewall(environment: Mapping[str, str]) -> FirewallSettings:
    """Read and check every value before complaining once.

    Raises:
        ConfigurationError: with every mistake found.
    """
    # Who runs this service has it on unless told otherwise; an exporter elsewhere expects no firewall.
    values = read_environment("firewall", {**environment, "FIREWALL": environment.get("FIREWALL", "").strip() or "on"})
    return FirewallSettings(
        values["firewall"],
        values["network_interface"],
        values["peer_ip"],
        values["admin_networks"],
        _ports(environment),
    )


def _ports(environment: Mapping[str, str]) -> Mapping[Audience, frozenset[int]]:
    files = [file for variable, file in _FILES.items() if environment.get(variable)]
    found = needed({**environment, "COMPOSE_FILE": ":".join(files)})
    # Where no Prometheus is part of the stack, one elsewhere may scrape the node.
    scraped: dict[str, Audience] = {} if "observability" in files else {"node-exporter": "admins"}
    audiences = {**_AUDIENCE, **scraped}
    inside = {int(port) for port in environment.get("PIHOLE_PORTS", "").split(",") if port.strip().isdecimal()}
    ports: dict[Audience, set[int]] = {audience: set() for audience in get_args(Audience)}
    for port, (container, _) in found.items():
        if container in audiences and port not in NEVER_JUDGED and port <= 65535:
            ports["nobody" if port in inside else audiences[container]].add(port)
    return {audience: frozenset(numbers) for audience, numbers in ports.items() if numbers}
