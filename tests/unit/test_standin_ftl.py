"""The configuration that stands in for FTL's own: what each setting writes, by FTL v6.4.1's source."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.standin_ftl import Settings, WebPort, dnsmasq_configuration, read_env_file, read_only_keys, web_ports

SHIPPED = Path(__file__).parents[2] / "stack" / "pihole" / "settings.env"

# What src/config/dnsmasq_config.c writes for the shipped settings, its comments left out.
OF_SHIPPED_SETTINGS = """\
hostsdir=/etc/pihole/hosts
no-resolv
port=53
server=127.0.0.1#5335
cache-size=10000
localise-queries
log-facility=/var/log/pihole/pihole.log
bogus-priv
domain-needed
local-service
local=//
local=/home.arpa/
local=/internal/
domain=lan
local=/lan/
local=/pi.hole/
host-record=pi.hole,0.0.0.0,::
server=/test/
server=/invalid/
address=/localhost/127.0.0.1
address=/localhost/::1
server=/bind/
server=/onion/
cache-rr=ANY
filter-rr=ANY
"""


def lines(**variables: str) -> list[str]:
    """What is written with these variables alone, their names without the prefix."""
    settings = Settings.read({f"FTLCONF_{name}": value for name, value in variables.items()})
    return dnsmasq_configuration(settings).splitlines()


def test_the_shipped_settings_give_what_ftl_writes() -> None:
    assert dnsmasq_configuration(Settings.read(read_env_file(SHIPPED))) == OF_SHIPPED_SETTINGS


def test_without_a_setting_ftl_s_defaults_hold() -> None:
    written = lines()
    assert {"use-stale-cache=3600", "log-queries", "log-async", "bogus-priv", "local-service"} <= set(written)
    assert not {"domain-needed", "local=//", "dnssec", "expand-hosts"} & set(written)
    assert not [line for line in written if line.startswith(("server=1", "interface"))]


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("LOCAL", ["local-service"]),
        ("all", ["except-interface=nonexisting"]),
        ("SINGLE", ["interface=lo"]),
        ("BIND", ["interface=lo", "bind-interfaces"]),
        ("NONE", []),
    ],
)
def test_every_listening_mode_has_its_options(mode: str, expected: list[str]) -> None:
    written = lines(dns_listeningMode=mode, dns_interface="lo")
    about = ("local-service", "except-interface", "interface", "bind-interfaces")
    assert [line for line in written if line.partition("=")[0] in about] == expected


def test_without_an_interface_the_gateway_s_is_taken() -> None:
    settings = Settings(dns_listeningMode="SINGLE")
    assert "interface=eth0" in dnsmasq_configuration(settings, gateway_interface="eth0").splitlines()


@pytest.mark.parametrize(("seconds", "expected"), [("-1", []), ("0", ["use-stale-cache=0"])])
def test_a_stale_cache_is_used_unless_the_optimizer_is_negative(seconds: str, expected: list[str]) -> None:
    assert [one for one in lines(dns_cache_optimizer=seconds) if one.startswith("use-stale")] == expected


def test_a_domain_with_a_reverse_server_is_forwarded_there_and_not_kept() -> None:
    written = lines(dns_revServers="true,192.0.2.0/24,192.0.2.1,internal;false,198.51.100.0/24,192.0.2.1,home.arpa")
    about = [line for line in written if "192.0.2.1" in line]
    assert about == ["rev-server=192.0.2.0/24,192.0.2.1", "server=/internal/192.0.2.1", "server=//192.0.2.1"]
    assert "local=/internal/" not in written
    assert "local=/home.arpa/" in written


def test_the_domain_of_the_network_is_local_unless_it_is_said_not_to_be() -> None:
    assert {"domain=fritz.box", "local=/fritz.box/"} <= set(lines(dns_domain_name="fritz.box"))
    assert "local=/fritz.box/" not in lines(dns_domain_name="fritz.box", dns_domain_local="false")


def test_lists_are_divided_by_semicolons_and_keep_their_order() -> None:
    written = lines(dns_upstreams="192.0.2.1;192.0.2.2#5335", dns_cnameRecords="a.example,b.example")
    assert [line for line in written if line.startswith("server=1")] == ["server=192.0.2.1", "server=192.0.2.2#5335"]
    assert "cname=a.example,b.example" in written


def test_the_owner_s_own_lines_come_last() -> None:
    assert lines(misc_dnsmasq_lines="server=/one.example/192.0.2.1;no-negcache")[-2:] == [
        "server=/one.example/192.0.2.1",
        "no-negcache",
    ]


def test_names_of_variables_are_read_without_regard_to_case() -> None:
    assert "port=5301" in lines(DNS_PORT="5301")


@pytest.mark.parametrize(
    ("name", "value"), [("dns_bogusPriv", "1"), ("dns_port", "dns"), ("dns_listeningMode", "EVERYWHERE")]
)
def test_a_value_that_ftl_does_not_take_is_refused(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=value):
        lines(**{name: value})


def test_the_web_server_s_ports_are_read_with_their_addresses_and_letters() -> None:
    assert web_ports("80o,443os,[::]:80o,127.0.0.1:8080,+8081") == (
        WebPort("0.0.0.0", 80, encrypted=False, optional=True),
        WebPort("0.0.0.0", 443, encrypted=True, optional=True),
        WebPort("::", 80, encrypted=False, optional=True),
        WebPort("127.0.0.1", 8080, encrypted=False, optional=False),
        WebPort("0.0.0.0", 8081, encrypted=False, optional=False),
        WebPort("::", 8081, encrypted=False, optional=False),
    )


def test_what_the_environment_sets_is_named_as_the_api_names_it() -> None:
    environment = dict.fromkeys(
        ("FTLCONF_dns_cache_optimizer", "FTLCONF_webserver_api_app_sudo", "FTLCONF_misc_dnsmasq_lines", "TZ"), ""
    )
    assert read_only_keys(environment) == {"dns.cache.optimizer", "webserver.api.app_sudo", "misc.dnsmasq_lines"}
