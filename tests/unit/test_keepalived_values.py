"""Keepalived's values for one node: read from the environment, checked, rendered as keepalived.conf(5) defines them."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.model.addressing import Network
from exporter.model.errors import ConfigurationError
from stack.keepalived.values import KeepalivedSettings, read_environment, render

GOOD = {
    "NODE_ROLE": "primary",
    "NODE_NAME": "alpha",
    "NODE_IP": "192.0.2.11",
    "PEER_IP": "192.0.2.12",
    "VIP_ADDRESS": "192.0.2.53",
    "NETWORK_INTERFACE": "eth0",
}


def networks_of(interface: str) -> list[Network]:
    return [ipaddress.ip_network("192.0.2.0/24")] if interface == "eth0" else []


def read(**changes: str) -> KeepalivedSettings:
    return read_environment({**GOOD, **changes}, networks_of)


def mistakes(environment: Mapping[str, str] | None = None, **changes: str) -> list[str]:
    with pytest.raises(ConfigurationError) as refused:
        read_environment({**(GOOD if environment is None else environment), **changes}, networks_of)
    return refused.value.problems


def rendered(**changes: str) -> dict[str, list[str]]:
    """The definitions by name, each as its lines."""
    return definitions_of(read(**changes))


def definitions_of(settings: KeepalivedSettings) -> dict[str, list[str]]:
    text = render(settings)
    definitions: dict[str, list[str]] = {}
    name, more = "", False
    for line in text.splitlines():
        part = line
        if not more:
            assert line.startswith("$")
            name, _, part = line[1:].partition("=")
            definitions[name] = []
        more = part.endswith("\\")
        part = part.removesuffix("\\").rstrip()
        if part:
            definitions[name].append(part)
    assert not more
    return definitions


def test_a_primary_with_its_defaults() -> None:
    assert rendered() == {
        "NODE_NAME": ["alpha"],
        "VRRP_VERSION": ["3"],
        "INTERFACE": ["eth0"],
        "VIRTUAL_ROUTER_ID": ["53"],
        "ADVERT_INTERVAL": ["0.05"],
        "DOWN_TIMER_ADVERTS": ["5"],
        "AUTHENTICATION": [],
        "TRANSPORT": [
            "unicast_src_ip 192.0.2.11",
            "unicast_fault_no_peer",
            "unicast_ttl 255",
            "unicast_peer {",
            "    192.0.2.12 min_ttl 255 max_ttl 255",
            "}",
        ],
        "VIRTUAL_ADDRESSES": ["192.0.2.53/32"],
        "OTHER_FAMILY": [],
        "ROUTES": [],
    }


def test_the_one_configuration_uses_every_value_and_no_other() -> None:
    configuration = (Path(__file__).parents[2] / "stack" / "keepalived" / "keepalived.conf").read_text()
    used = {word.strip('${}"') for word in configuration.split() if "$" in word}
    assert used == set(rendered())


def test_addresses_of_the_other_family_move_along_without_being_advertised() -> None:
    values = rendered(VIP_ADDRESS="2001:db8::53/64,192.0.2.53/24,192.0.2.54")
    assert values["VIRTUAL_ADDRESSES"] == ["192.0.2.53/32", "192.0.2.54/32"]
    assert values["OTHER_FAMILY"] == ["virtual_ipaddress_excluded {", "    2001:db8::53/128", "}"]


def test_the_kernel_receives_for_a_virtual_ipv6_address_at_once() -> None:
    """keepalived announces the address before the kernel's own route to it is there."""
    values = rendered(VIP_ADDRESS="2001:db8::53/64,192.0.2.53/24,2001:db8::54")
    assert values["ROUTES"] == [
        "virtual_routes {",
        "    local 2001:db8::53/128 dev lo table local metric 5353",
        "    local 2001:db8::54/128 dev lo table local metric 5353",
        "}",
    ]


def test_a_password_selects_the_older_version_with_its_whole_seconds() -> None:
    values = rendered(VRRP_PASSWORD="s3cret", VRRP_ADVERT_INTERVAL="0.05")
    assert values["VRRP_VERSION"] == ["2"]
    assert (values["ADVERT_INTERVAL"], values["DOWN_TIMER_ADVERTS"]) == (["1"], ["3"])
    assert values["AUTHENTICATION"] == ["authentication {", "    auth_type PASS", "    auth_pass s3cret", "}"]
    assert rendered(VRRP_PASSWORD="s3cret", VRRP_ADVERT_INTERVAL="2.5")["ADVERT_INTERVAL"] == ["3"]


def test_multicast_needs_no_peer_list() -> None:
    assert rendered(USE_UNICAST_VRRP="false")["TRANSPORT"] == ["mcast_src_ip 192.0.2.11"]


def test_a_standalone_node_needs_no_peer() -> None:
    assert rendered(NODE_ROLE="standalone", PEER_IP="")["TRANSPORT"] == []


def test_a_node_address_may_tell_its_subnet() -> None:
    assert rendered(NODE_IP="192.0.2.11/24")["TRANSPORT"][0] == "unicast_src_ip 192.0.2.11"


def test_nothing_set_names_everything_that_must_be() -> None:
    assert mistakes({}) == [
        "NODE_ROLE is not set: primary, secondary or standalone.",
        "NODE_NAME is not set: This node's name, as its Unbound's canary gives it.",
        "NODE_IP is not set: This node's own address; ADDRESS/LENGTH also tells its subnet.",
        "VIP_ADDRESS is not set: The virtual IPs, IPv4 and IPv6, comma-separated.",
        "NETWORK_INTERFACE is not set: The interface on the LAN that gets the virtual IPs.",
    ]


def test_a_pair_needs_the_other_node() -> None:
    assert mistakes(PEER_IP="") == [
        "PEER_IP is not set: the other node's address is needed (NODE_ROLE standalone has none)"
    ]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"NODE_ROLE": "master"}, "is not one of primary, secondary, standalone"),
        ({"NODE_NAME": "a b"}, "use letters, digits, dots and hyphens"),
        ({"NODE_NAME": "alpha\n$X=1"}, "use letters, digits, dots and hyphens"),
        ({"NETWORK_INTERFACE": "eth0 }"}, "use letters, digits and"),
        ({"NETWORK_INTERFACE": "eth*"}, "use letters, digits and"),
        ({"NODE_IP": "alpha"}, "NODE_IP: 'alpha' is not an IPv4 or IPv6 address"),
        ({"PEER_IP": "192.0.2.11"}, "192.0.2.11 is this node's own address; name the other node's"),
        ({"PEER_IP": "2001:db8::12"}, "they must be of one family"),
        ({"VIP_ADDRESS": "192.0.2.255"}, "broadcast address"),
        ({"VIP_ADDRESS": "192.0.2.53,fe80::53"}, "fe80::53 is a link-local address"),
        ({"VIP_ADDRESS": "192.0.2.53,fe80::53%eth0"}, "names an interface of this node"),
        ({"VIP_ADDRESS": "192.0.2.53,::ffff:192.0.2.54"}, "never on the wire"),
        ({"VIP_ADDRESS": "169.254.1.53"}, "a link-local address"),
        ({"VIP_ADDRESS": "192.0.2.12"}, "a node's own address"),
        ({"VIP_ADDRESS": "198.51.100.53"}, "outside the interface's subnet"),
        ({"VIP_ADDRESS": "192.0.2.53/" + "0" * 5000}, "no valid prefix length"),
        ({"VIP_ADDRESS": " , "}, "VIP_ADDRESS: names no address"),
        ({"VIP_ADDRESS": "192.0.2.53,192.0.2.53/24"}, "VIP_ADDRESS: names 192.0.2.53 more than once"),
        ({"VIP_ADDRESS": "2001:db8::53"}, "VRRP speaks the family of NODE_IP"),
        ({"VIRTUAL_ROUTER_ID": "0"}, "is not a whole number from 1 to 255"),
        ({"VIRTUAL_ROUTER_ID": "5.5"}, "is not a whole number from 1 to 255"),
        ({"VRRP_ADVERT_INTERVAL": "0.001"}, "is not a number of seconds from 0.01 to 40"),
        ({"VRRP_ADVERT_INTERVAL": "fast"}, "is not a number of seconds"),
        ({"USE_UNICAST_VRRP": "maybe"}, "is not one of true, false"),
        ({"VRRP_PASSWORD": "ninechars"}, "1 to 8 letters"),
        ({"VRRP_PASSWORD": "a b"}, "1 to 8 letters"),
        ({"VRRP_PASSWORD": "}\n$X=1"}, "1 to 8 letters"),
        (
            {
                "VRRP_PASSWORD": "s3cret",
                "NODE_IP": "2001:db8::11",
                "PEER_IP": "2001:db8::12",
                "VIP_ADDRESS": "2001:db8::53",
            },
            "VRRPv2, which is for IPv4",
        ),
    ],
)
def test_each_mistake_is_named_with_its_variable(changes: dict[str, str], words: str) -> None:
    (problem,) = mistakes({**GOOD, **changes})
    assert words in problem
    assert any(variable in problem for variable in changes)


def test_every_mistake_is_reported_at_once() -> None:
    assert len(mistakes(NODE_ROLE="x", NODE_NAME="", VIP_ADDRESS="192.0.2.255,192.0.2.0", VIRTUAL_ROUTER_ID="999")) == 5


def test_a_password_is_never_in_a_message() -> None:
    assert "hunter2" not in " ".join(mistakes(VRRP_PASSWORD="hunter2 is too long"))


printable = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30)


@given(st.dictionaries(st.sampled_from([*GOOD, "VRRP_PASSWORD", "VIRTUAL_ROUTER_ID", "USE_UNICAST_VRRP"]), printable))
def test_whatever_the_environment_holds_no_value_escapes_its_line(changes: dict[str, str]) -> None:
    try:
        values = definitions_of(read(**changes))
    except ConfigurationError:
        return
    assert len(values) == 11
