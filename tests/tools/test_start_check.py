"""The check of the settings at every `docker compose up`: each mistake once, whichever programs read the setting."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from exporter.model.observations import Status
from stack.images import settings
from stack.preflight import checks
from stack.preflight.gather import gather

NODE = {
    "NODE_ROLE": "primary",
    "NODE_NAME": "alpha",
    "NODE_IP": "192.0.2.11",
    "PEER_IP": "192.0.2.12",
    "VIP_ADDRESS": "192.0.2.53",
    "NETWORK_INTERFACE": "lo",
    "DOCKER_HOST": "unix:///run/docker-proxy/docker.sock",
}
OBSERVED = {"SITE": "home", "PEER_NAME": "beta", "PROMETHEUS_RETENTION": "30d", "PROMETHEUS_RETENTION_SIZE": "2GB"}
GOOD_PASSWORDS = {"PIHOLE_PASSWORD": "correct horse", "GRAFANA_ADMIN_PASSWORD": "another horse"}


def mistakes(passwords: Mapping[str, str] | None = None, /, **changes: str) -> list[str]:
    environment = {**NODE, **OBSERVED, **changes}
    given = {**GOOD_PASSWORDS, **(passwords or {})}
    return list(
        settings.mistakes(environment, {one: given.get(one.variable, "") for one in settings.passwords_of(environment)})
    )


def of_preflight(passwords: Mapping[str, str], /, **changes: str) -> list[str]:
    """What preflight says of the passwords in .env. Without an interface it leaves the LAN and the other node alone."""
    env_file = {**NODE, "COMPOSE_FILE": "compose.yaml:observability.yaml", "NETWORK_INTERFACE": "", **passwords}
    found = [check for check in checks.run(gather({**env_file, **changes}, 0.0)) if check.id == "preflight.passwords"]
    return [check.seen for check in found if check.status is not Status.OK]


def test_good_settings_have_none() -> None:
    assert mistakes() == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"NODE_ROLE": "master"}, "NODE_ROLE: 'master' is not one of primary, secondary, standalone"),
        ({"NODE_NAME": "al pha"}, "NODE_NAME: 'al pha' is no name"),
        ({"PEER_IP": ""}, "PEER_IP is not set: the other node's address is needed"),
        ({"PEER_IP": "192.0.2.11"}, "PEER_IP: 192.0.2.11 is this node's own address"),
        ({"PEER_IP": "2001:db8::12"}, "PEER_IP: it is ipv6, and NODE_IP ipv4; they must be of one family"),
        ({"VIP_ADDRESS": "2001:db8::53"}, "VRRP speaks the family of NODE_IP"),
        ({"NETWORK_INTERFACE": "eth*"}, "NETWORK_INTERFACE: 'eth*' is no interface's name"),
        ({"NETWORK_INTERFACE": "no-such-one"}, "NETWORK_INTERFACE is 'no-such-one', which this node has not"),
        ({"NODE_IP": "192.0.2.11/24"}, "NODE_IP: write the address without a prefix length"),
        ({"EXPORTER_PORT": "0"}, "EXPORTER_PORT: '0' is not a whole number from 1 to 65535"),
        ({"UNBOUND_ADDRESS": "localhost"}, "UNBOUND_ADDRESS: 'localhost' is not an IPv4 or IPv6 address"),
        ({"RECURSOR_ADDRESS": "localhost"}, "RECURSOR_ADDRESS: 'localhost' is not an IPv4 or IPv6 address"),
        ({"CANARY_ZONE": "a..b"}, "CANARY_ZONE: 'a..b' is no domain name"),
        ({"FIREWALL": "perhaps"}, "FIREWALL: 'perhaps' is not one of on, off"),
        ({"ADMIN_NETWORKS": "192.0.2.0/33"}, "ADMIN_NETWORKS: '192.0.2.0/33' has no valid prefix length"),
        ({"PIHOLE_WEB_PORT": "http"}, "PIHOLE_WEB_PORT: 'http' is no port in Pi-hole's form"),
        ({"DNS_PATIENCE": "0.1"}, "DNS_PATIENCE: '0.1' is not a number of seconds from 0.2 to 30"),
        ({"WORLD_NAMES": "com org"}, "WORLD_NAMES: 'com org' is no domain name"),
        ({"BACKUP_CRON": "every day"}, "BACKUP_CRON: 'every day' must have five fields"),
        ({"PROMETHEUS_RETENTION": "a month"}, "PROMETHEUS_RETENTION: 'a month' is not of the form 30d or 2w"),
        ({"MQTT_HOST": "mqtt://broker"}, "MQTT_HOST: 'mqtt://broker' is no domain name"),
        ({"MQTT_USER": "dns"}, "MQTT_USER: MQTT_HOST is empty, so nothing is told to Home Assistant"),
        ({"WEB_CONFIG_FILE": "web.yaml"}, "WEB_CONFIG_FILE: 'web.yaml' is not an absolute path"),
        ({"WEB_CONFIG_FILE": "/nowhere/web.yaml"}, "/nowhere/web.yaml"),
    ],
)
def test_a_mistake_is_told_once_whoever_reads_the_setting(changes: dict[str, str], words: str) -> None:
    (problem,) = mistakes(**changes)
    assert words in problem


def test_every_mistake_is_told_at_once() -> None:
    found = mistakes(
        {"PIHOLE_PASSWORD": "abc"}, NODE_ROLE="master", VIRTUAL_ROUTER_ID="256", DRILL_CRON="x", WORLD_PATIENCE="soon"
    )
    assert sorted(problem.split()[0].rstrip(":") for problem in found) == [
        "DRILL_CRON",
        "NODE_ROLE",
        "PIHOLE_PASSWORD",
        "VIRTUAL_ROUTER_ID",
        "WORLD_PATIENCE",
    ]


def test_settings_of_prometheus_count_where_it_runs() -> None:
    environment = {**NODE, "PEER_NAME": ""}
    passwords = {one: GOOD_PASSWORDS.get(one.variable, "") for one in settings.passwords_of(environment)}
    assert list(settings.mistakes(environment, passwords)) == []
    assert mistakes(PEER_NAME="") == ["PEER_NAME is not set: write the other node's NODE_NAME"]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("PIHOLE_PASSWORD", "", "PIHOLE_PASSWORD is not set"),
        ("PIHOLE_PASSWORD", "Raspberry", "PIHOLE_PASSWORD is one that everybody tries first"),
        ("PIHOLE_PASSWORD", "abc", "PIHOLE_PASSWORD has 3 characters; use 8 at least"),
        ("PIHOLE_PASSWORD", "correct,horse", "nebula-sync"),
        ("GRAFANA_ADMIN_PASSWORD", "", "GRAFANA_ADMIN_PASSWORD is not set"),
        ("GRAFANA_ADMIN_PASSWORD", "grafana", "GRAFANA_ADMIN_PASSWORD is one that everybody tries first"),
        ("PAIR_KEY", "k" * 31, "PAIR_KEY has 31 characters; use 32 at least"),
        ("VRRP_PASSWORD", "k3h7a", "VRRP_PASSWORD has 5 characters; use 6 at least"),
        ("VRRP_PASSWORD", "secret", "VRRP_PASSWORD is one that everybody tries first"),
        ("PEER_PIHOLE_APP_PASSWORD", "x,y", "PEER_PIHOLE_APP_PASSWORD has a comma or a | in it"),
    ],
)
def test_the_start_refuses_the_passwords_that_preflight_refuses(name: str, text: str, said: str) -> None:
    (problem,) = mistakes({name: text})
    assert said in problem
    if text:  # Compose itself refuses a .env without one
        assert of_preflight({**GOOD_PASSWORDS, name: text}) == [problem]


def test_the_password_of_a_broker_is_its_own_and_needs_a_user() -> None:
    assert mistakes({"MQTT_PASSWORD": "abc"}, MQTT_HOST="192.0.2.20", MQTT_USER="dns") == []
    (problem,) = mistakes({"MQTT_PASSWORD": "abc"}, MQTT_HOST="192.0.2.20")
    assert problem == "MQTT_PASSWORD: MQTT_USER is empty, and MQTT has no password without a user: set it too"


def test_a_secondary_needs_no_password_for_a_grafana_that_it_does_not_run() -> None:
    weak = {"GRAFANA_ADMIN_PASSWORD": "admin"}
    assert mistakes(weak, NODE_ROLE="secondary") == []
    assert of_preflight({**GOOD_PASSWORDS, **weak}, NODE_ROLE="secondary") == []


def test_a_vrrp_password_that_does_not_fit_is_never_in_a_message() -> None:
    (problem,) = mistakes({"VRRP_PASSWORD": "hunter2 is too long"})
    assert problem.startswith("VRRP_PASSWORD: it must be 1 to 8 letters")
    assert "hunter2" not in problem
