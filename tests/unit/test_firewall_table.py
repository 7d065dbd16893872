"""Who may reach which port: the firewall's settings and its table, as it is written and as nft understands it."""

from __future__ import annotations

import ipaddress
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.model.addressing import Network
from exporter.model.errors import ConfigurationError
from stack.firewall.settings import FirewallSettings, read_firewall
from stack.firewall.table import REMOVE, render
from tests.unit.network_namespace import in_network_namespace

NODE = {
    "NODE_ROLE": "primary",
    "NETWORK_INTERFACE": "eth0",
    "PEER_IP": "192.0.2.12",
    "PIHOLE_WEB_PORT": "80o,443os,[::]:80o,[::]:443os",
    "OBSERVABILITY": "yes",
}
LAN: tuple[Network, ...] = (ipaddress.ip_network("192.0.2.0/24"), ipaddress.ip_network("2001:db8::/64"))


def read(**changes: str) -> FirewallSettings:
    return read_firewall({**NODE, **changes})


def lines(**changes: str) -> list[str]:
    """The rules of the input chain."""
    return [line.strip() for line in render(read(**changes), LAN).splitlines() if " dport " in line]


def chain(name: str, /, **changes: str) -> list[str]:
    """Whom a chain lets in."""
    found = re.search(rf"  chain {name} {{\n(.*?)\n  }}", render(read(**changes), LAN), re.DOTALL)
    assert found is not None
    rules = [line.strip() for line in found[1].splitlines()]
    assert rules.pop() == "counter drop"
    return [rule.removesuffix(" accept") for rule in rules]


def test_the_ports_of_the_whole_stack_are_filtered_by_whom_they_are_for() -> None:
    assert lines() == [
        "tcp dport { 9093, 9094, 9100, 9754, 9755 } jump peer",
        "tcp dport { 9090 } jump admins",
        "tcp dport { 80, 443, 3000, 9753 } jump lan",
        "udp dport { 9094 } jump peer",
    ]


def test_only_the_other_node_reaches_what_has_no_password() -> None:
    assert chain("peer") == ["ip saddr { 192.0.2.12/32 }"]
    assert chain("admins") == ["ip saddr { 192.0.2.12/32 }"]
    assert chain("peer", PEER_IP="2001:db8::12") == ["ip6 saddr { 2001:db8::12/128 }"]


def test_the_lan_is_the_interfaces_subnets_and_link_local_on_that_interface_alone() -> None:
    assert chain("lan", PEER_IP="198.51.100.7") == [
        "ip saddr { 192.0.2.0/24, 198.51.100.7/32 }",
        "ip6 saddr { 2001:db8::/64 }",
        'iifname "eth0" ip6 saddr { fe80::/10 }',
    ]


def test_named_networks_take_the_place_of_the_lan_and_of_all_of_ipv6() -> None:
    named = {"ADMIN_NETWORKS": "192.0.2.20, 10.8.0.9/24"}
    assert chain("lan", **named) == ["ip saddr { 10.8.0.0/24, 192.0.2.12/32, 192.0.2.20/32 }"]
    assert chain("admins", **named) == ["ip saddr { 10.8.0.0/24, 192.0.2.12/32, 192.0.2.20/32 }"]
    assert chain("peer", **named) == ["ip saddr { 192.0.2.12/32 }"]


def test_named_networks_of_ipv6_are_as_narrow_as_they_are_named() -> None:
    found = chain("admins", ADMIN_NETWORKS="2001:db8::20,fe80::20,fd00::/64,2001:db8::/64")
    assert found == [
        "ip saddr { 192.0.2.12/32 }",
        "ip6 saddr { 2001:db8::/64, fd00::/64 }",
        'iifname "eth0" ip6 saddr { fe80::20/128 }',
    ]


def test_a_node_alone_has_no_other_one_to_let_in() -> None:
    assert chain("peer", PEER_IP="", NODE_ROLE="standalone") == []


def test_ports_follow_the_settings() -> None:
    found = lines(
        EXPORTER_PORT="19753", NODE_EXPORTER_PORT="19100", GRAFANA_PORT="13000", PIHOLE_WEB_PORT="8080o,[::]:8443os"
    )
    assert "tcp dport { 9093, 9094, 9754, 9755, 19100 } jump peer" in found
    assert "tcp dport { 8080, 8443, 13000, 19753 } jump lan" in found


def test_what_is_not_part_of_the_stack_is_not_filtered() -> None:
    assert lines(OBSERVABILITY="") == [
        "tcp dport { 9755 } jump peer",
        "tcp dport { 9100 } jump admins",
        "tcp dport { 80, 443, 9753 } jump lan",
    ]
    assert "tcp dport { 80, 443, 9753 } jump lan" in lines(NODE_ROLE="secondary")  # it has no Grafana


def test_piholes_behind_dnsdist_are_for_nobody_and_the_second_one_s_web_for_the_lan() -> None:
    found = lines(PIHOLE_PORTS="5301,5302")
    assert "tcp dport { 5301, 5302 } jump nobody" in found
    assert "udp dport { 5301, 5302 } jump nobody" in found
    assert "tcp dport { 80, 443, 3000, 8081, 9753 } jump lan" in found
    assert chain("nobody", PIHOLE_PORTS="5301,5302") == []


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(
    ["EXPORTER_PORT", "NODE_EXPORTER_PORT", "GRAFANA_PORT", "PIHOLE_WEB_PORT"],
    st.sampled_from(["22", "53", "9753"]) | st.integers(1, 65535).map(str),
)))  # fmt: skip
def test_dns_and_ssh_are_never_filtered_whatever_the_settings_say(ports: dict[str, str]) -> None:
    filtered = {
        int(port)
        for line in lines(**ports, PIHOLE_PORTS="5301,5302")
        for port in line[line.index("{") + 1 : line.index("}")].split(",")
    }
    assert filtered
    assert filtered.isdisjoint({22, 53})


def test_every_mistake_is_told_at_once() -> None:
    with pytest.raises(ConfigurationError) as caught:
        read(FIREWALL="maybe", ADMIN_NETWORKS="192.0.2.0/33,10.0.0.0/8", PEER_IP="beta", GRAFANA_PORT="70000")
    assert [problem.split(":")[0] for problem in caught.value.problems] == [
        "PEER_IP",
        "FIREWALL",
        "ADMIN_NETWORKS",
        "GRAFANA_PORT",
    ]


@pytest.mark.parametrize(("text", "on"), [("", True), ("on", True), ("off", False), ("OFF", False)])
def test_it_is_on_unless_the_owner_says_off(text: str, on: bool) -> None:
    assert read(FIREWALL=text).on is on


def test_what_the_lan_does_not_reach_is_named() -> None:
    assert read().closed == (9090, 9093, 9094, 9100, 9754, 9755)
    assert read(ADMIN_NETWORKS="192.0.2.20").closed == (80, 443, 3000, 9090, 9093, 9094, 9100, 9753, 9754, 9755)
    assert read(PIHOLE_PORTS="5301,5302").closed == (5301, 5302, 9090, 9093, 9094, 9100, 9754, 9755)


VARIANTS: dict[str, dict[str, str]] = {
    "plain": {},
    "IPv6": {"PEER_IP": "2001:db8::12"},
    "link-local peer": {"PEER_IP": "fe80::12"},
    "standalone": {"PEER_IP": "", "NODE_ROLE": "standalone"},
    "unobserved": {"OBSERVABILITY": ""},
    "layout B": {"PIHOLE_PORTS": "5301,5302"},
    "admins": {"ADMIN_NETWORKS": "192.0.2.0/25,192.0.2.20,2001:db8::/32,2001:db8::20,fe80::20"},
    "everybody": {"ADMIN_NETWORKS": "0.0.0.0/0,::/0"},
}


@in_network_namespace
def test_nft_takes_every_variant_again_and_again_and_leaves_other_tables_alone(tmp_path: Path) -> None:
    nft = shutil.which("nft", path="/usr/sbin:/sbin:/usr/bin")
    assert nft is not None, "install nftables"

    def run(*arguments: str, text: str = "") -> str:
        done = subprocess.run([nft, *arguments], input=text, capture_output=True, text=True, check=False, timeout=10)
        assert done.returncode == 0, done.stderr + text
        return done.stdout

    run(
        "-f", "-", text="table ip owners { chain input { type filter hook input priority 0; tcp dport 9090 accept; }; }"
    )
    before = run("list", "ruleset")
    for variant in VARIANTS.values():
        for lan in (LAN, ()):
            for _ in range(2):
                run("-f", "-", text=render(read(**variant), lan))
            assert len(re.findall("hook input", run("list", "table", "inet", "dnsha"))) == 1
    for _ in range(2):
        run("-f", "-", text=REMOVE)
    assert run("list", "ruleset") == before
