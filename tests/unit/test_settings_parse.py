"""Every form that a setting can have, and what is none."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.parsers.dns_answer import CanaryQuestion
from exporter.settings import parse
from exporter.settings.parse import Endpoint, NodeAddress
from exporter.settings.table import SETTINGS

V4, V6 = ipaddress.IPv4Address, ipaddress.IPv6Address


@pytest.mark.parametrize(
    ("form", "text", "value"),
    [
        (parse.choice("a", "b"), "b", "b"),
        (parse.node_name, "pi-4.lan", "pi-4.lan"),
        (parse.node_name, "x" * 63, "x" * 63),
        (parse.interface, "eth0", "eth0"),
        (parse.interface, "br-0.100@x", "br-0.100@x"),
        (parse.domain, "canary.dnsha.example", "canary.dnsha.example"),
        (parse.integer(1, 255), "255", 255),
        (parse.integer(1, 255), "007", 7),
        (parse.seconds(0.05, 30), "0.05", 0.05),
        (parse.seconds(0.05, 30), "30", 30.0),
        (parse.optional_address, "", None),
        (parse.optional_address, "2001:db8::12", V6("2001:db8::12")),
        (parse.node_address, "192.0.2.11", NodeAddress(V4("192.0.2.11"), None)),
        (parse.node_address, "192.0.2.11/24", NodeAddress(V4("192.0.2.11"), ipaddress.ip_network("192.0.2.0/24"))),
        (parse.endpoints(53), "127.0.0.1", (Endpoint(V4("127.0.0.1"), 53),)),
        (parse.endpoints(53), "127.0.0.1:5353", (Endpoint(V4("127.0.0.1"), 5353),)),
        (parse.endpoints(53), "::1", (Endpoint(V6("::1"), 53),)),
        (parse.endpoints(53), "[::1]", (Endpoint(V6("::1"), 53),)),
        (
            parse.endpoints(53),
            "[::1]:5353, 127.0.0.1:54,",
            (Endpoint(V6("::1"), 5353), Endpoint(V4("127.0.0.1"), 54)),
        ),
        (parse.directory, "/run/dnsha", Path("/run/dnsha")),
        (parse.docker_host, "", ""),
        (parse.docker_host, "unix:///run/docker.sock", "unix:///run/docker.sock"),
        (parse.docker_host, "tcp://proxy:2375", "tcp://proxy:2375"),
        (parse.docker_host, "tcp://[2001:db8::1]:2375", "tcp://[2001:db8::1]:2375"),
        (
            parse.containers,
            "pihole, grafana@primary,,pihole",
            (parse.ExpectedContainer("pihole", None), parse.ExpectedContainer("grafana", "primary")),
        ),
        (parse.durations, "pihole=3h,backup=26h", {"pihole": 10_800.0, "backup": 93_600.0}),
        (parse.durations, "a=90s,b=30m,c=2d", {"a": 90.0, "b": 1800.0, "c": 172_800.0}),
        (parse.paths, "unbound=/etc/unbound/shared", {"unbound": Path("/etc/unbound/shared")}),
        (parse.paths, "x=/a=b", {"x": Path("/a=b")}),
    ],
)
def test_what_people_write_is_understood(form: Callable[[str], object], text: str, value: object) -> None:
    assert form(text) == value


def test_several_virtual_ips_keep_their_order() -> None:
    assert [str(v) for v in parse.virtual_addresses("2001:db8::53/64, 192.0.2.53")] == ["2001:db8::53", "192.0.2.53"]


@pytest.mark.parametrize(
    ("form", "text", "words"),
    [
        (parse.choice("primary", "secondary"), "Primary", "'Primary' is not one of primary, secondary"),
        (parse.node_name, "", "no name"),
        (parse.node_name, "x" * 64, "63 at most"),
        (parse.node_name, "pi 4", "no name"),
        (parse.node_name, "-pi", "no name"),
        (parse.node_name, "pí", "no name"),
        (parse.node_name, "pi\n", "no name"),
        (parse.interface, "x" * 16, "15 characters"),
        (parse.interface, "eth 0", "no interface"),
        (parse.interface, "../eth0", "no slash"),
        (parse.domain, "a..b", "no domain name"),
        (parse.domain, "a." * 118 + "a", "the name has 237 characters; 236 leave room for a label below it"),
        (parse.integer(1, 255), "0", "whole number from 1 to 255"),
        (parse.integer(1, 255), "256", "whole number"),
        (parse.integer(1, 255), "5.0", "whole number"),
        (parse.integer(1, 255), "\u0665", "whole number"),
        (parse.integer(1, 255), "9" * 5000, "whole number"),
        (parse.seconds(0.05, 30), "0.04", "from 0.05 to 30"),
        (parse.seconds(0.05, 30), "31", "number of seconds"),
        (parse.seconds(0.05, 30), "nan", "number of seconds"),
        (parse.seconds(0.05, 30), "1e1", "number of seconds"),
        (parse.seconds(0.05, 30), "-1", "number of seconds"),
        (parse.optional_address, "beta", "'beta' is not an IPv4 or IPv6 address"),
        (parse.node_address, "192.0.2.11/33", "no valid prefix length: 1 to 32"),
        (parse.node_address, "192.0.2.11/", "no valid prefix length"),
        (parse.virtual_addresses, ",", "names no address"),
        (parse.virtual_addresses, "192.0.2.53,192.0.2.53/24", "names 192.0.2.53 more than once"),
        (parse.endpoints(53), "127.0.0.1:0", "from 1 to 65535"),
        (parse.endpoints(53), "127.0.0.1:99999", "from 1 to 65535"),
        (parse.endpoints(53), "localhost:53", "'localhost' is not an IPv4 or IPv6 address"),
        (parse.endpoints(53), "127.0.0.1,127.0.0.1:53", "the same address and port more than once"),
        (parse.endpoints(53), "[::1", "not an IPv4 or IPv6 address"),
        (parse.directory, "run/dnsha", "not an absolute path"),
        (parse.directory, "/run\0dnsha", "not an absolute path"),
        (parse.docker_host, "/run/docker.sock", "neither unix:///PATH nor tcp://HOST:PORT"),
        (parse.docker_host, "tcp://proxy", "neither"),
        (parse.docker_host, "tcp://proxy:0", "port from 1 to 65535"),
        (parse.docker_host, "tcp://proxy:99999", "port from 1 to 65535"),
        (parse.docker_host, "ssh://pi@proxy", "neither"),
        (parse.containers, "pihole,un bound", "'un bound' is no container's name"),
        (parse.containers, "grafana@master", "'master' is not one of primary, secondary, standalone"),
        (parse.containers, "@primary", "'' is no container's name"),
        (parse.durations, "pihole", "'pihole' is not NAME=VALUE"),
        (parse.durations, "pihole=3", "pihole=3: the age must be a number and s, m, h or d, such as 3h"),
        (parse.durations, "pihole=0h", "the age must be"),
        (parse.durations, "pihole=-3h", "the age must be"),
        (parse.durations, "pihole=1h,pihole=2h", "more than once"),
        (parse.durations, "Pi hole=3h", "lower-case letters"),
        (parse.paths, "unbound=shared", "not an absolute path"),
    ],
)
def test_what_is_wrong_is_refused_with_the_reason(form: Callable[[str], object], text: str, words: str) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011 (its words are looked at below)
        form(text)
    assert words in str(refused.value)


def test_the_longest_zone_that_is_taken_has_room_for_the_prober_s_label() -> None:
    CanaryQuestion(parse.domain("a." * 117 + "aa"))


@given(st.data())
def test_any_text_is_a_value_or_refused(data: st.DataObject) -> None:
    setting = data.draw(st.sampled_from(SETTINGS))
    text = data.draw(st.text(max_size=40) | st.text("0123456789.:/,=[]abh", max_size=20))
    try:
        setting.parse(text)
    except ValueError as error:
        assert str(error)  # noqa: PT017 (any other error fails the test)
