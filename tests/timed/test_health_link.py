"""Does a link work both ways? Two namespaces and a cable between them, and the kernel's own answers."""

from __future__ import annotations

import ipaddress
import subprocess
import time
from pathlib import Path

from stack.health.link import Link, gateways
from tests.unit.network_namespace import in_network_namespace

ROUTE = """\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t010200C0\t0003\t0\t0\t100\t00000000\t0\t0\t0
wlan0\t00000000\t020200C0\t0003\t0\t0\t600\t00000000\t0\t0\t0
eth0\t000200C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0
ppp0\t00000000\t00000000\t0001\t0\t0\t0\t00000000\t0\t0\t0
"""
NONE, GLOBAL, LINK_LOCAL = "0" * 32, "20010db8" + "0" * 24, "fe80" + "0" * 27 + "1"
IPV6_ROUTE = f"""\
{GLOBAL} 40 {NONE} 00 {NONE} 00000100 00000001 00000000 00000001     eth0
{NONE} 00 {NONE} 00 {LINK_LOCAL} 00000400 00000001 00000000 00000003     eth0
{NONE} 00 {NONE} 00 {NONE} ffffffff 00000001 00000000 00200200       lo
"""


def test_the_gateways_are_those_of_the_interfaces_default_routes(tmp_path: Path) -> None:
    (tmp_path / "route").write_text(ROUTE)
    (tmp_path / "ipv6_route").write_text(IPV6_ROUTE)
    assert list(map(str, gateways("eth0", tmp_path))) == ["192.0.2.1", "fe80::1"]
    assert list(map(str, gateways("wlan0", tmp_path))) == ["192.0.2.2"]
    assert list(gateways("ppp0", tmp_path)) == []


def test_a_kernel_that_tells_of_no_routes_has_no_gateway(tmp_path: Path) -> None:
    assert list(gateways("eth0", tmp_path)) == []


def run(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True, timeout=10)


def asked_for(link: Link, version: int, seconds: float) -> str:
    """Ask for a while, as the check does; return the doubt that is left."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and link.doubt(time.monotonic(), version):
        link.ask(time.monotonic(), version)
        time.sleep(0.05)
        link.receive(time.monotonic())
    return link.doubt(time.monotonic(), version)


@in_network_namespace
def test_an_answer_proves_the_link_and_an_entry_in_the_neighbour_table_does_not(tmp_path: Path) -> None:
    other = subprocess.Popen(["unshare", "--net", "sh", "-c", "echo ready; exec sleep 50"], stdout=subprocess.PIPE)
    try:
        assert other.stdout is not None
        other.stdout.readline()
        run("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", str(other.pid))
        there = ("nsenter", f"--net=/proc/{other.pid}/ns/net")
        for prefix, host in (((), "11"), (there, "12")):
            run(*prefix, "ip", "link", "set", "eth0", "up")
            run(*prefix, "ip", "address", "add", f"192.0.2.{host}/24", "dev", "eth0")
            run(*prefix, "ip", "address", "add", f"2001:db8::{host}/64", "dev", "eth0", "nodad")
        for version, peer in ((4, "192.0.2.12"), (6, "2001:db8::12")):
            link = Link("eth0", ipaddress.ip_address(peer))
            assert "so its own link may be broken" in link.doubt(time.monotonic(), version)
            assert asked_for(link, version, 5.0) == ""
            link.close()
        run(
            "ip", "neighbour", "replace", "192.0.2.99", "lladdr", "02:00:00:00:00:99", "dev", "eth0", "nud", "permanent"
        )
        link = Link("eth0", ipaddress.ip_address("192.0.2.99"))
        assert asked_for(link, 4, 1.0).startswith("neither the gateway nor the other node answers ARP")
        # Who announces himself to everybody, without having been asked, proves one direction alone.
        run(*there, "ip", "address", "add", "192.0.2.99/32", "dev", "eth0")
        run(
            *there,
            "sh",
            "-c",
            "echo 1 >/proc/sys/net/ipv4/conf/eth0/arp_notify; echo 8 >/proc/sys/net/ipv4/conf/eth0/arp_ignore",
        )
        run(*there, "ip", "link", "set", "eth0", "down")
        run(*there, "ip", "link", "set", "eth0", "up")
        assert asked_for(link, 4, 1.0) != ""
        link.close()
    finally:
        other.kill()
        other.wait()


def test_an_interface_that_is_not_there_is_named() -> None:
    link = Link("gone0", ipaddress.ip_address("192.0.2.12"))
    now = time.monotonic()
    link.ask(now, 4)
    assert link.doubt(now, 4).startswith("gone0 cannot be asked: ")
    assert link.descriptors == []


@in_network_namespace
def test_whoever_else_has_an_address_of_the_other_node_is_named_for_a_while(tmp_path: Path) -> None:
    vip, vip6, peer = map(ipaddress.ip_address, ("192.0.2.53", "2001:db8::53", "192.0.2.12"))
    run("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "eth9")
    run("ip", "link", "set", "eth0", "up")

    def told(*words: str) -> list[str]:
        run("ip", "neighbour", "replace", *words, "dev", "eth0", "nud", "permanent")
        link = Link("eth0", peer)
        link.poll(100.0, [vip, vip6])
        return [link.stranger_at(100.0, vip), link.stranger_at(100.0, vip6), link.stranger_at(106.0, vip)]

    assert told("192.0.2.53", "lladdr", "02:00:00:00:00:66") == ["", "", ""], "the other node's is not known"
    first, second, later = told("192.0.2.12", "lladdr", "02:00:00:00:00:0c")
    assert first == "another device, 02:00:00:00:00:66, claims that address, and would go on if 192.0.2.53 moved"
    assert (second, later) == ("", "")
    assert told("2001:db8::53", "lladdr", "02:00:00:00:00:67")[1].startswith("another device, 02:00:00:00:00:67, ")
    assert told("192.0.2.53", "lladdr", "02:00:00:00:00:0c")[0] == ""
