"""Given the firewall's service on a node, strangers and the other node reach exactly what they may: by real packets."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest

from tests.lab.host import Host
from tests.lab.plan import ALPHA, BETA, CLIENT, EXPORTER_PORT, INTERFACE
from tests.lab.reach import answering_udp, link_local, open_tcp, ping
from tests.lab.service import Daemon
from tests.lab.waiting import wait_for
from tests.wire.sandbox import in_private_namespaces
from tests.wire.stage import STRANGER, Stage

# What must never be cut: SSH, DNS, and a service of the owner's that is no part of the stack.
ALWAYS = {22, 53, 12345}
LAN = {80, 443, 3000, 8081, EXPORTER_PORT}
PEER = {9090, 9093, 9094, 9100, 9754, 9755}
INNER = {5301, 5302}  # layout B's Pi-holes, behind dnsdist
TCP = ALWAYS | LAN | PEER | INNER
UDP_ALWAYS = {53, 12345}
UDP = UDP_ALWAYS | {9094} | INNER
SETTINGS = {
    "NODE_ROLE": "primary",
    "NETWORK_INTERFACE": INTERFACE,
    "PEER_IP": BETA.ipv4,
    "OBSERVABILITY": "yes",
    "PIHOLE_PORTS": "5301,5302",
    "PIHOLE_WEB_PORT": "80o,443os,[::]:80o,[::]:443os",
}


def listening(stage: Stage) -> Host:
    """The node, with a listener on every port."""
    alpha = stage.host(ALPHA)
    ports = [",".join(map(str, sorted(ports))) for ports in (TCP, UDP)]
    argv = (sys.executable, str(Path(__file__).with_name("listeners.py")), *ports)
    alpha.install(Daemon("listeners", argv, lambda host: open_tcp(host, "127.0.0.1", TCP) == TCP)).start()
    return alpha


def guard(alpha: Host, **changes: str) -> None:
    """Run the service as the stack does."""
    report = alpha.path("/run/dnsha/firewall.json")
    report.unlink(missing_ok=True)
    argv = (sys.executable, "-m", "stack.firewall")
    daemon = Daemon("firewall", argv, lambda host: report.exists() and loaded(host), {**SETTINGS, **changes})
    alpha.install(daemon).start()


def loaded(host: Host) -> bool:
    return "table inet dnsha\n" in host.run("nft", "list", "tables")


def ways(host: Host) -> dict[str, str]:
    """The addresses by which a neighbour may try."""
    return {"IPv4": host.place.ipv4, "IPv6": host.place.ipv6, "link-local": link_local(host)}


def reached(seen_from: Host, alpha: Host) -> dict[str, tuple[set[int], set[int]]]:
    """The TCP and the UDP ports that this host reaches, by the way it takes; and it pings."""
    link_local(seen_from)
    for address in ways(alpha).values():
        ping(seen_from, address)
    return {
        way: (open_tcp(seen_from, address, TCP), answering_udp(seen_from, address, UDP))
        for way, address in ways(alpha).items()
    }


@in_private_namespaces
def test_a_stranger_reaches_what_is_for_the_lan_by_every_way_and_nothing_else() -> None:
    with Stage() as stage:
        alpha, stranger = listening(stage), stage.host(STRANGER)
        everything = dict.fromkeys(("IPv4", "IPv6", "link-local"), (TCP, UDP))
        assert reached(stranger, alpha) == everything  # without a firewall, so this test can fail
        guard(alpha)
        assert reached(stranger, alpha) == dict.fromkeys(everything, (ALWAYS | LAN, UDP_ALWAYS))
        alpha.remove("firewall")  # killed: the table stays, and still cuts nothing that a client needs
        assert reached(stranger, alpha) == dict.fromkeys(everything, (ALWAYS | LAN, UDP_ALWAYS))
        guard(alpha)
        alpha.service("firewall").stop()
        assert not loaded(alpha)
        assert reached(stranger, alpha) == everything


@in_private_namespaces
def test_the_other_node_reaches_what_it_needs_from_its_address_alone() -> None:
    with Stage() as stage:
        alpha, beta = listening(stage), stage.host(BETA)
        guard(alpha)
        assert reached(beta, alpha) == {
            "IPv4": (TCP - INNER, UDP - INNER),
            "IPv6": (ALWAYS | LAN, UDP_ALWAYS),
            "link-local": (ALWAYS | LAN, UDP_ALWAYS),
        }


@in_private_namespaces
def test_a_pair_that_speaks_ipv6_is_guarded_as_well() -> None:
    with Stage() as stage:
        alpha, beta, stranger = listening(stage), stage.host(BETA), stage.host(STRANGER)
        guard(alpha, PEER_IP=BETA.ipv6)
        assert reached(beta, alpha)["IPv6"] == (TCP - INNER, UDP - INNER)
        assert reached(beta, alpha)["IPv4"] == (ALWAYS | LAN, UDP_ALWAYS)
        assert reached(stranger, alpha) == dict.fromkeys(ways(alpha), (ALWAYS | LAN, UDP_ALWAYS))


@in_private_namespaces
def test_the_node_itself_reaches_everything_by_loopback_and_by_its_own_addresses() -> None:
    with Stage() as stage:
        alpha = listening(stage)
        guard(alpha, ADMIN_NETWORKS="198.51.100.1")
        for address in ("127.0.0.1", "::1", ALPHA.ipv4, ALPHA.ipv6):
            assert (open_tcp(alpha, address, TCP), answering_udp(alpha, address, UDP)) == (TCP, UDP)


@in_private_namespaces
def test_named_networks_take_the_place_of_the_lan_by_ipv6_too() -> None:
    with Stage() as stage:
        alpha, beta, stranger, client = listening(stage), stage.host(BETA), stage.host(STRANGER), stage.host(CLIENT)
        guard(alpha, ADMIN_NETWORKS=CLIENT.ipv4)
        nothing = (ALWAYS, UDP_ALWAYS)
        assert reached(stranger, alpha) == dict.fromkeys(ways(alpha), nothing)
        assert reached(client, alpha) == {
            "IPv4": (ALWAYS | LAN | {9090}, UDP_ALWAYS),
            "IPv6": nothing,
            "link-local": nothing,
        }
        assert reached(beta, alpha)["IPv4"] == (TCP - INNER, UDP - INNER)


@in_private_namespaces
def test_a_connection_older_than_the_table_does_not_outlive_it_but_an_answer_does() -> None:
    with Stage() as stage:
        alpha, stranger = listening(stage), stage.host(STRANGER)
        argv = (sys.executable, str(Path(__file__).with_name("listeners.py")), "", "53")
        stranger.install(Daemon("listeners", argv, lambda host: answering_udp(host, "127.0.0.1", {53}) == {53})).start()
        with stranger.socket(socket.AF_INET, socket.SOCK_STREAM) as old:
            old.settimeout(1.0)
            old.connect((ALPHA.ipv4, 9093))
            old.sendall(b"before")
            assert old.recv(16) == b"before"
            guard(alpha)
            old.sendall(b"after")
            with pytest.raises(TimeoutError):
                old.recv(16)
        alpha.service("listeners").stop()
        with alpha.socket(socket.AF_INET, socket.SOCK_DGRAM) as question:
            question.settimeout(2.0)
            question.bind(("0.0.0.0", 9094))  # as Unbound may choose it, where no Alertmanager has it
            question.sendto(b"a question", (STRANGER.ipv4, 53))
            assert question.recv(16) == b"a question"


@in_private_namespaces
def test_a_new_prefix_of_the_lan_is_let_in_by_itself() -> None:
    with Stage() as stage:
        alpha, stranger = listening(stage), stage.host(STRANGER)
        guard(alpha)
        for host, number in ((alpha, 11), (stranger, 66)):
            host.run("ip", "address", "add", f"2001:db8:9::{number}/64", "dev", INTERFACE, "nodad")
        wait_for(
            "the new prefix to be let in",
            lambda: open_tcp(stranger, "2001:db8:9::11", LAN | PEER),
            until=lambda found: found == LAN,
            timeout=20.0,
        )
