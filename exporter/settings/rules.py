"""The rules that connect settings. Each holds for every program that reads all of what it connects."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from exporter.model.addressing import Network, family, virtual_address_problem
from exporter.settings import dhcp
from exporter.settings.setting import Reader

Values = Mapping[str, Any]
NetworksOf = Callable[[str], Sequence[Network]]
"""The subnets of an interface."""
Wrong = Iterator[tuple[str, str]]
"""A setting's key and the reason."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Evaluates good values. ``needs`` must be among them; with a ``reader`` it is that program's alone."""

    needs: tuple[str, ...]
    evaluate: Callable[[Values, NetworksOf], Wrong]
    reader: Reader | None = None


def _a_pair_has_a_peer(values: Values, _: NetworksOf) -> Wrong:
    if values["node_role"] != "standalone" and values["peer_ip"] is None:
        yield "peer_ip", "the other node's address is needed (NODE_ROLE standalone has none)"


def _a_node_alone_has_none(values: Values, _: NetworksOf) -> Wrong:
    if values["node_role"] == "standalone" and values["peer_ip"] is not None:
        yield "peer_ip", "a standalone node has no peer; leave it empty or change NODE_ROLE"


def _two_nodes(values: Values, _: NetworksOf) -> Wrong:
    if values["peer_ip"] == values["node_ip"].address:
        yield "peer_ip", f"{values['peer_ip']} is this node's own address; name the other node's"


def _virtual_addresses(values: Values, networks_of: NetworksOf) -> Wrong:
    node, peer = values["node_ip"], values.get("peer_ip")
    networks = [node.network] if node.network is not None else []
    if "network_interface" in values:
        networks.extend(networks_of(values["network_interface"]))
    for virtual in values["vip_address"]:
        problem = virtual_address_problem(virtual, networks, [node.address, *([peer] if peer else ())])
        if problem:
            yield "vip_address", problem


def _containers(values: Values, _: NetworksOf) -> Wrong:
    for key in ("expected_containers", "additional_containers"):
        if not values["docker_host"] and values.get(key):
            yield key, "containers are expected, but DOCKER_HOST does not say where to ask"


def _the_stack_has_a_recursor(values: Values, _: NetworksOf) -> Wrong:
    if not values["recursor_address"] and values.get("keepalived", "stack") == "stack":
        yield "recursor_address", "the stack's health check asks it; none is for KEEPALIVED=own or none"


def _a_fifo_is_an_own_keepalived_s(values: Values, _: NetworksOf) -> Wrong:
    if values["notify_fifo"] is not None and values["keepalived"] != "own":
        yield "notify_fifo", "it is read with KEEPALIVED=own alone: set that, or delete this"


def _vrrp_of_one_family(values: Values, _: NetworksOf) -> Wrong:
    node, peer = values["node_ip"].address, values["peer_ip"]
    if peer is not None and node.version != peer.version:
        yield "peer_ip", f"it is {family(peer)}, and NODE_IP {family(node)}; they must be of one family"


def _vrrp_has_an_address_to_advertise(values: Values, _: NetworksOf) -> Wrong:
    node = values["node_ip"].address
    if not any(virtual.address.version == node.version for virtual in values["vip_address"]):
        yield (
            "vip_address",
            f"none of its addresses is {family(node)}, as NODE_IP is: VRRP speaks the family of NODE_IP",
        )


def _vrrp_with_a_password_is_of_ipv4(values: Values, _: NetworksOf) -> Wrong:
    if values["vrrp_password"] and values["node_ip"].address.version == 6:
        yield "vrrp_password", "it selects VRRPv2, which is for IPv4: set an IPv4 NODE_IP, or no password"


def _peer_name(values: Values, _: NetworksOf) -> Wrong:
    peer, alone = values["peer_name"], values["node_role"] == "standalone"
    if alone and peer:
        yield "peer_name", "a standalone node has no peer; leave it empty or change NODE_ROLE"
    elif not alone and not peer:
        yield "peer_name", "write the other node's NODE_NAME"
    elif peer and peer == values.get("node_name"):
        yield "peer_name", f"{peer} is this node's own name; write the other node's"


def _address_for_alertmanager(values: Values, _: NetworksOf) -> Wrong:
    if values["node_ip"].network is not None:
        yield "node_ip", "write the address without a prefix length; Alertmanager takes it as it is"


def _a_broker_has_an_address(values: Values, _: NetworksOf) -> Wrong:
    for key in ("mqtt_port", "mqtt_user", "mqtt_password", "mqtt_ca_file"):
        if values.get(key) and not values["mqtt_host"]:
            yield key, "MQTT_HOST is empty, so nothing is told to Home Assistant: name the broker there, or delete this"


def _a_password_has_a_user(values: Values, _: NetworksOf) -> Wrong:
    if values["mqtt_password"] and not values["mqtt_user"]:
        yield "mqtt_password", "MQTT_USER is empty, and MQTT has no password without a user: set it too"


def _a_ca_is_for_tls(values: Values, _: NetworksOf) -> Wrong:
    if values["mqtt_ca_file"] and not values["mqtt_tls"]:
        yield "mqtt_ca_file", "MQTT_TLS is off, so nothing is encrypted: set MQTT_TLS=on, or delete this"


def _dhcp(values: Values, networks_of: NetworksOf) -> Wrong:
    yield from dhcp.problems(values, networks_of(values["network_interface"]))


RULES = (
    Rule(("node_role", "peer_ip"), _a_pair_has_a_peer),
    # Keepalived has no use for one, and runs.
    Rule(("node_role", "peer_ip"), _a_node_alone_has_none, "exporter"),
    Rule(("node_ip", "peer_ip"), _two_nodes),
    Rule(("node_ip", "vip_address"), _virtual_addresses),
    Rule(("docker_host",), _containers),
    Rule(("recursor_address",), _the_stack_has_a_recursor),
    Rule(("keepalived", "notify_fifo"), _a_fifo_is_an_own_keepalived_s),
    Rule(("node_ip", "peer_ip"), _vrrp_of_one_family, "keepalived"),
    Rule(("node_ip", "vip_address"), _vrrp_has_an_address_to_advertise, "keepalived"),
    Rule(("node_ip", "vrrp_password"), _vrrp_with_a_password_is_of_ipv4, "keepalived"),
    Rule(("mqtt_host",), _a_broker_has_an_address, "homeassistant"),
    Rule(("mqtt_user", "mqtt_password"), _a_password_has_a_user, "homeassistant"),
    Rule(("mqtt_ca_file", "mqtt_tls"), _a_ca_is_for_tls, "homeassistant"),
    Rule(
        ("dhcp", "dhcp_range", "dhcp_router", "node_ip", "peer_ip", "vip_address", "network_interface"), _dhcp, "dhcp"
    ),
    Rule(("node_role", "peer_name"), _peer_name, "prometheus"),
    Rule(("node_ip",), _address_for_alertmanager, "prometheus"),
)
