"""Where Pi-hole's API is, from the form in which Pi-hole itself takes its ports."""

from __future__ import annotations

import http.client
from ipaddress import ip_address
from urllib.parse import urlsplit

import pytest

from exporter.model.errors import ConfigurationError
from exporter.settings import web_port
from stack.tools import pihole, pihole_http
from stack.tools.errors import RefusedError

from .conftest import MakeNode


@pytest.mark.parametrize(
    ("ports", "host", "url"),
    [
        ("80o,443os,[::]:80o,[::]:443os", "127.0.0.1", "http://127.0.0.1"),
        ("80o,443os,[::]:80o,[::]:443os", "2001:db8::11", "https://[2001:db8::11]"),
        ("80o,443os", "2001:db8::11", "https://[2001:db8::11]"),  # nothing better is known
        ("8080o,8443os", "127.0.0.1", "http://127.0.0.1:8080"),
        ("8443os,8080o", "192.0.2.11", "https://192.0.2.11:8443"),
        ("8080o,[::]:8081o", "2001:db8::11", "http://[2001:db8::11]:8081"),
        ("+8080o", "2001:db8::11", "http://[2001:db8::11]:8080"),
        ("80r,443s", "127.0.0.1", "https://127.0.0.1"),
        ("80r,8443os", "192.0.2.11", "https://192.0.2.11:8443"),
        ("192.0.2.11:8080o", "127.0.0.1", "http://192.0.2.11:8080"),
        ("127.0.0.1:8080o,443s", "192.0.2.11", "https://192.0.2.11"),
        ("8080", "127.0.0.1", "http://127.0.0.1:8080"),
    ],
)
def test_the_api_is_found(ports: str, host: str, url: str) -> None:
    assert web_port.api_url(web_port.parse(ports), ip_address(host)) == url


@pytest.mark.parametrize("text", ["", "http", "80o,", "0", "65536o", "80r", "[::1:80"])
def test_what_is_no_port_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"no port in Pi-hole's form|lead to others"):
        web_port.parse(text)


def test_both_nodes_have_the_port_of_this_one_unless_it_is_said(make_node: MakeNode) -> None:
    node = make_node(PIHOLE_WEB_PORT="8080o,8443os")
    assert pihole.here(node.tasks, 1).url == "http://127.0.0.1:8080"
    assert pihole.url_there(node.settings, node.tasks) == "https://192.0.2.11:8443"
    told = make_node(PIHOLE_WEB_PORT="8080o", PIHOLE_API="http://[::1]:81", PEER_PIHOLE_API="https://192.0.2.11:8443")
    assert pihole.here(told.tasks, 1).url == "http://[::1]:81"
    assert pihole.url_there(told.settings, told.tasks) == "https://192.0.2.11:8443"
    with pytest.raises(ConfigurationError, match="PIHOLE_WEB_PORT"):
        _ = make_node(PIHOLE_WEB_PORT="web").tasks


@pytest.mark.parametrize("url", ["http://localhost:81", "http://127.0.0.1:81", "https://pihole.example"])
def test_a_password_may_go_to_this_machine_or_by_tls(make_node: MakeNode, url: str) -> None:
    node = make_node(PEER_PIHOLE_API=url)
    assert pihole.url_there(node.settings, node.tasks) == url


@pytest.mark.parametrize("url", ["http://192.0.2.11", "http://pihole.example", "http://localhost.example"])
def test_a_password_goes_nowhere_else_in_clear(make_node: MakeNode, url: str) -> None:
    node = make_node(PEER_PIHOLE_API=url)
    with pytest.raises(RefusedError, match="is not encrypted"):
        pihole.url_there(node.settings, node.tasks)


@pytest.mark.parametrize(("url", "port"), [("http://[2001:db8::11]", 80), ("https://[2001:db8::11]", 443)])
def test_the_end_of_an_ipv6_address_is_no_port(url: str, port: int) -> None:
    connection: http.client.HTTPConnection = pihole_http._connection(urlsplit(url), 1)
    assert (connection.host, connection.port) == ("2001:db8::11", port)
