"""Preflight says what would break a node and what to do; evaluated from facts that were written down."""

from __future__ import annotations

import json
import re
import socket
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter.cli import main
from exporter.model.observations import PeerVip, Status
from exporter.settings.load import load
from stack.preflight import checks
from stack.preflight.clone import MOUNTS, Unreadable
from stack.preflight.env_file import parse_env
from stack.preflight.facts import InterfaceAddress, Listener, StrangerFacts, WireFacts
from stack.preflight.gather import COMPOSE_DEFAULTS, COMPOSE_SETS, cgroup_memory, gather, retired, wireless
from stack.preflight.stranger import try_ports
from tests.tools.preflight_facts import ALONE, BETA, ENVIRONMENT, GOOD, KEY, PEER, STRANGER, UNGUARDED, evaluated, wrong


def test_a_good_node_has_nothing_wrong_and_every_check_speaks() -> None:
    found = checks.run(GOOD)
    assert evaluated(GOOD) == []
    assert len({check.id for check in found}) == len(checks.CHECKS)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "the stack loads its own"),
        ({"firewall": False}, "FIREWALL=off, so this node has what you gave it"),
        (
            {"stranger": StrangerFacts("192.0.2.53", (9093,), ())},
            "the stack loads its own; 192.0.2.12 keeps 192.0.2.53, a stranger to it, out",
        ),
    ],
)
def test_what_is_known_of_the_firewalls_is_said_and_no_more(changes: dict[str, Any], said: str) -> None:
    (found,) = (check for check in checks.run(replace(GOOD, **changes)) if check.id == "preflight.firewall")
    assert (found.status, found.seen) == (Status.OK, said)


def test_a_port_is_tried_from_the_strange_address() -> None:
    peer, strange = ip_address("127.0.0.1"), ip_address("127.0.0.2")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_server(("127.0.0.1", 0)) as other:
            closed = other.getsockname()[1]
        found = try_ports(strange, peer, [port, closed])
        connection, (source, _) = server.accept()
        connection.close()
    assert (found.opened, source) == ((port,), "127.0.0.2")


def test_an_address_that_has_left_the_node_tries_nothing() -> None:
    assert try_ports(ip_address("192.0.2.53"), ip_address("127.0.0.1"), [9093]).opened == ()


def with_peer(**changes: Any) -> dict[str, Any]:
    return {"peer": replace(PEER, **changes)}


def with_env(text: str) -> dict[str, Any]:
    return {"env_file": parse_env(text, ".env")}


def with_claims(**claims: set[str]) -> dict[str, Any]:
    known = {"192.0.2.12": frozenset({BETA})}
    return {"wire": WireFacts({**known, **{k: frozenset(v) for k, v in claims.items()}}, (), 3.5)}


@pytest.mark.parametrize(
    ("changes", "name", "status", "said"),
    [
        ({"docker_version": "20.10.24"}, "docker", Status.CRITICAL, "24.0 or newer"),
        ({"docker_version": None}, "docker", Status.UNKNOWN, "not known"),
        ({"compose_version": "v2.3.3"}, "compose", Status.CRITICAL, "2.24 or newer"),
        ({"compose_version": "1.29.2"}, "compose", Status.CRITICAL, "2.24 or newer"),
        ({"cgroup_memory": False}, "cgroup_memory", Status.WARNING, "cgroup_enable=memory .*cmdline.txt"),
        ({"listeners": None}, "port_53", Status.UNKNOWN, "cannot be listed"),
        ({"listeners": (Listener("127.0.0.53", "udp", None),)}, "port_53", Status.CRITICAL, "DNSStubListener=no"),
        ({"listeners": (Listener("0.0.0.0", "udp", "systemd-resolve"),)}, "port_53", Status.CRITICAL, "DNSStub"),
        ({"listeners": (Listener("0.0.0.0", "tcp", "named"),)}, "port_53", Status.CRITICAL, "stop named"),
        ({"listeners": (Listener("0.0.0.0", "tcp", None),)}, "port_53", Status.WARNING, "sudo ss -lnp"),
        ({"listeners": (Listener("0.0.0.0", "tcp", "node_exporter", 9100),)}, "ports", Status.WARNING,
         "node_exporter listens on port 9100.*or set NODE_EXPORTER_PORT in .env"),
        ({"listeners": (Listener("127.0.0.1", "tcp", "unbound", 5335),)}, "ports", Status.CRITICAL, "stop it"),
        ({"listeners": (Listener("127.0.0.1", "tcp", None, 5335),)}, "ports", Status.WARNING, "a process listens"),
        ({"listeners": (Listener("0.0.0.0", "tcp", "dnsmasq", ours=True), Listener("::", "tcp", "x", 9753))}, "ports",
         Status.CRITICAL, "x listens on port 9753"),
        ({"passwords": {"PIHOLE_PASSWORD": "correct horse"}}, "pair_key", Status.WARNING,
         "no PAIR_KEY: whoever answers at 192.0.2.12 .*deploy.sh"),
        ({"encrypted": False}, "sync", Status.WARNING, "this Pi-hole has no encrypted port.*443os or 8443s"),
        ({"passwords": {"PAIR_KEY": "k" * 31}}, "passwords", Status.CRITICAL, "31 characters.*openssl rand -hex 16"),
        ({"interfaces": ("end0", "lo", "wlan0")}, "interface", Status.CRITICAL, "no interface eth0, but end0, wlan0"),
        ({"wireless": frozenset({"eth0"})}, "wireless", Status.WARNING, "eth0 is Wi-Fi.*ARP.*by cable"),
        (with_env("PIHOLE_PASSWORD=Sunflower$Meadow42"), "env_file", Status.CRITICAL,
         "PIHOLE_PASSWORD has a [$] in it.*PIHOLE_PASSWORD='…'"),
        (with_env('PIHOLE_PASSWORD="Sunflower${Meadow42}"'), "env_file", Status.CRITICAL, "another value arrives"),
        (with_env("TZ=x\nVRRP_PASSWORD=ab$TZ"), "env_file", Status.CRITICAL, "VRRP_PASSWORD='…'"),
        (with_env("NOTIFY_URLS=ntfy://u:p$w@example.com/x"), "env_file", Status.CRITICAL, "NOTIFY_URLS='…'"),
        (with_env("NODE_NAME=pi-$NUMBER"), "env_file", Status.WARNING, "NODE_NAME uses NUMBER, which .env does"),
        ({"unreadable": None}, "readable", Status.UNKNOWN, "not looked at"),
        ({"unreadable": (Unreadable(MOUNTS[5], "alerts/rules/slo.yaml"),)}, "readable", Status.CRITICAL,
         "alerts/rules/slo.yaml cannot be read by settings's user.*chmod -R a[+]rX alerts/rules"),
        ({"unreadable": (Unreadable(MOUNTS[2], "compose/sync-keys/key"),)}, "readable", Status.CRITICAL,
         "sudo chown -R 9753 compose/sync-keys/key"),
        ({"addresses": ()}, "static_address", Status.CRITICAL, "does not have 192.0.2.11"),
        ({"addresses": (InterfaceAddress("wlan0", "192.0.2.11", permanent=True),)}, "static_address",
         Status.CRITICAL, "on wlan0, not on eth0"),
        ({"addresses": (InterfaceAddress("eth0", "192.0.2.11", permanent=False),)}, "static_address",
         Status.WARNING, "leased by DHCP"),
        (with_claims(**{"192.0.2.53": {STRANGER}}), "vip_free", Status.CRITICAL, f"in use: {STRANGER}"),
        (with_claims(**{"192.0.2.53": {BETA, STRANGER}}), "vip_free", Status.CRITICAL, f"in use: {STRANGER} answers"),
        (with_claims(**{"192.0.2.11": {BETA}}), "vip_free", Status.CRITICAL, "192.0.2.11 is in use"),
        ({"wire": WireFacts({}, ("192.0.2.9: it advertises 53 too",), 3.5)}, "vrid_free", Status.CRITICAL,
         "192.0.2.9.*another VIRTUAL_ROUTER_ID"),
        ({"peer": None, "peer_problem": "did not answer"}, "peer", Status.WARNING, "did not answer.*first node"),
        (with_peer(role="primary"), "peer", Status.CRITICAL, "both nodes are primary"),
        ({"expected_peer_name": "gamma"}, "peer", Status.CRITICAL, "PEER_NAME is gamma here, and NODE_NAME beta there"),
        (with_peer(name="alpha"), "peer", Status.CRITICAL, "both nodes are called alpha"),
        (with_peer(vips={"192.0.2.54": PeerVip(owned=True, stable_seconds=None)}), "peer", Status.CRITICAL,
         "192.0.2.53 here and 192.0.2.54 there"),
        (with_peer(virtual_router_ids={"VI_1": 51}), "peer", Status.CRITICAL, "53 here and 51 there"),
        (with_peer(vrrp_versions={"VI_1": 2}), "peer", Status.CRITICAL, "VRRP version is 3 here, 2 there"),
        (with_peer(checks=(UNGUARDED,)), "firewall", Status.WARNING, "beta: not loaded: nft: no.*modprobe"),
        ({"stranger": StrangerFacts("192.0.2.53", (9093, 9094), (9093,))}, "firewall", Status.WARNING,
         "192.0.2.12 lets 192.0.2.53, a stranger to it, reach 9093.*FIREWALL=off"),
        ({"passwords": {**KEY, "PIHOLE_PASSWORD": "Raspberry"}}, "passwords", Status.CRITICAL, "everybody tries first"),
        ({"passwords": {**KEY, "PIHOLE_PASSWORD": "k3h7a"}}, "passwords", Status.CRITICAL, "has 5 characters"),
        ({"passwords": {**KEY, "VRRP_PASSWORD": "k3h7a"}}, "passwords", Status.CRITICAL, "has 5 characters"),
        ({"passwords": {**KEY, "PIHOLE_PASSWORD": "correct,horse"}}, "passwords", Status.CRITICAL,
         "comma.*nebula-sync"),
        ({"passwords": {**KEY, "PIHOLE_PASSWORD": "correct|horse"}}, "passwords", Status.CRITICAL, "both nodes"),
        ({"passwords": {**KEY, "PEER_PIHOLE_APP_PASSWORD": "x,y"}}, "passwords", Status.CRITICAL, "PEER_PIHOLE_APP"),
        ({"clock_synchronised": False}, "clock", Status.WARNING, "set-ntp true"),
        ({"clock_synchronised": None}, "clock", Status.UNKNOWN, "does not say"),
        ({"resolvers": None}, "resolvers", Status.UNKNOWN, "cannot be read"),
        ({"resolvers": ("192.0.2.53",)}, "resolvers", Status.CRITICAL,
         r"nobody but 192.0.2.53 \(the virtual IP\).*9.9.9.9"),
        ({"resolvers": ("192.0.2.53", "192.0.2.12")}, "resolvers", Status.CRITICAL, r"192.0.2.12 \(the other node\)"),
        ({"resolvers": ("192.0.2.11",)}, "resolvers", Status.CRITICAL, r"192.0.2.11 \(this node\)"),
        ({"resolvers": ("127.0.0.1",)}, "resolvers", Status.CRITICAL, r"nobody but 127.0.0.1 \(this host itself\)"),
        ({"resolvers": ("::1",)}, "resolvers", Status.CRITICAL, r"::1 \(this host itself\)"),
        ({"resolvers": ("192.0.2.53", "9.9.9.9")}, "resolvers", Status.WARNING, "asks also 192.0.2.53"),
        ({"free_bytes": 1 << 30}, "disk", Status.CRITICAL, "1.0 GiB"),
        ({"free_bytes": 3 << 30}, "disk", Status.WARNING, "3.0 GiB"),
    ],
)  # fmt: skip
def test_each_thing_that_breaks_an_installation_is_named_alone_with_what_to_do(
    changes: dict[str, Any], name: str, status: Status, said: str
) -> None:
    (found,) = evaluated(replace(GOOD, **changes))
    assert (found.id, found.status) == (f"preflight.{name}", status)
    text = f"{found.seen} / {found.expected} / {found.advice}"
    assert re.search(said, text), text
    assert found.advice


def test_without_the_right_to_listen_the_lan_is_unknown_not_fine() -> None:
    facts = replace(GOOD, wire=None, wire_problem="this process lacks CAP_NET_RAW")
    assert wrong(facts) == [("vip_free", Status.UNKNOWN), ("vrid_free", Status.UNKNOWN)]


def test_pihole_itself_and_a_vip_on_this_node_are_no_trouble() -> None:
    own = replace(
        GOOD,
        listeners=(
            Listener("0.0.0.0", "udp", "pihole-FTL"),
            Listener("127.0.0.1", "tcp", "unbound", 5335, ours=True),
            Listener("127.0.0.1", "udp", "ntpd", 9753),
        ),
        owned_vips=frozenset({"192.0.2.53"}),
        wire=WireFacts({}, (), 3.5),
    )
    assert evaluated(own) == []


def test_a_standalone_node_has_no_peer_to_check() -> None:
    environment = {**ENVIRONMENT, "NODE_ROLE": "standalone", "PEER_IP": ""}
    facts = replace(GOOD, settings=load(None, environment, {}, lambda _: []), peer=None)
    assert evaluated(replace(facts, wire=WireFacts({}, (), 1.0))) == []


def test_what_an_older_env_has_and_is_no_more_is_said_clearly() -> None:
    old = {"DETECT_CONFLICTS": "true", "COMPOSE_FILE": "compose.yaml:observability.yaml:conflicts.yaml"}
    assert retired({"COMPOSE_FILE": "compose.yaml:observability.yaml"}) == ()
    found = [check for check in checks.run(replace(GOOD, retired=retired(old))) if check.id.endswith("settings")]
    assert [check.status for check in found] == [Status.WARNING] * 2
    assert found[0].seen.startswith("DETECT_CONFLICTS is no setting any more: the wire is always watched")
    assert found[1].seen.startswith("COMPOSE_FILE names conflicts.yaml, which there is no more")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"VIP_ADDRESS": "192.0.2.255"}, "broadcast address"),
        ({"VIP_ADDRESS": "192.0.2.0"}, "network address"),
        ({"VIP_ADDRESS": "192.0.2.11"}, "own address"),
        ({"VIP_ADDRESS": "198.51.100.53"}, "outside the interface's subnet"),
        ({"VIP_ADDRESS": ""}, "VIP_ADDRESS is not set"),
        ({"NODE_ROLE": "master"}, "'master' is not one of primary"),
    ],
)
def test_wrong_settings_are_findings_and_the_host_is_evaluated_all_the_same(changes: dict[str, str], said: str) -> None:
    facts = gather({**ENVIRONMENT, **changes}, 0.0)
    found = checks.run(facts)
    assert any(check.status is Status.CRITICAL and said in check.seen for check in found)
    assert {"preflight.disk", "preflight.clock", "preflight.docker"} <= {check.id for check in found}


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"BACKUP_CRON": "every day"}, "BACKUP_CRON"),
        ({"DNS_PATIENCE": "0.1"}, "DNS_PATIENCE"),
        ({"ADMIN_NETWORKS": "lan"}, "ADMIN_NETWORKS"),
        ({"UPSTREAM": "9.9.9.9"}, "UPSTREAM"),
        ({"NOTIFIER_DNS": "dns.example"}, "NOTIFIER_DNS"),
        ({"COMPOSE_FILE": "compose.yaml:observability.yaml", "SITE": "my home"}, "SITE"),
    ],
)
def test_what_any_program_would_refuse_is_found_before_it_starts(changes: dict[str, str], name: str) -> None:
    facts = gather({**ALONE, **changes}, 0.0)
    found = [check.subject for check in checks.run(facts) if check.id == "preflight.settings"]
    assert found == [name]
    assert facts.settings is not None, "the LAN is looked at all the same"


def test_the_containers_in_env_are_asked_where_compose_says() -> None:
    """The exporter's own rule, that somebody must be there to ask, is met by compose.yaml and not by .env."""
    facts = gather({**ALONE, "EXPECTED_CONTAINERS": "pihole", "DOCKER_HOST": "ssh://pi@192.0.2.1"}, 0.0)
    assert facts.mistakes == ()
    shipped = yaml.safe_load((Path(__file__).parents[2] / "compose" / "compose.yaml").read_text())
    told = shipped["x-exporter"]
    assert {name: told[name] for name in COMPOSE_SETS} == COMPOSE_SETS
    assert {name: told[name] for name in COMPOSE_DEFAULTS} == {
        name: f"${{{name}:-{value}}}" for name, value in COMPOSE_DEFAULTS.items()
    }


def test_the_command_prints_json_and_its_exit_code_is_the_verdict(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (*ENVIRONMENT, "PIHOLE_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    file = tmp_path / ".env"
    file.write_text("NODE_ROLE=primary\nPIHOLE_PASSWORD=admin # default\n")
    code = main(["--preflight", "--json", "--env-file", str(file)])
    document = json.loads(capsys.readouterr().out)
    assert (code, document["status"]) == (2, "critical")
    seen = [check["seen"] for check in document["checks"]]
    assert "PIHOLE_PASSWORD is one that everybody tries first" in seen
    assert any("NODE_NAME is not set" in sentence for sentence in seen)
    assert main(["--preflight", "--env-file", str(tmp_path / "none")]) == 3
    assert "copy .env.example to .env" in capsys.readouterr().err


@pytest.mark.parametrize("text", [
    "PIHOLE_PASSWORD='Sunflower$Meadow42'",
    "PIHOLE_PASSWORD=Sunflower$$Meadow42",
    "PIHOLE_PASSWORD=Sunflower$42",
    "PIHOLE_PASSWORD=correct\nGRAFANA_ADMIN_PASSWORD=${PIHOLE_PASSWORD}",
    "NODE_NAME=${NUMBER:-pi-1}",
])  # fmt: skip
def test_what_arrives_as_it_was_meant_is_no_trouble(text: str) -> None:
    assert evaluated(replace(GOOD, env_file=parse_env(text, ".env"))) == []


@pytest.mark.parametrize(
    ("given", "fits"),
    [
        ({}, True),
        ({"PIHOLE_WEB_PORT": "8080"}, False),
        ({"PIHOLE_WEB_PORT": "80o,[::]:80o"}, False),
        ({"PIHOLE_WEB_PORT": "8080o, 8443s"}, True),
        ({"PIHOLE_WEB_PORT": "80r,+443s"}, True),
        ({"PIHOLE_WEB_PORT": "80o,[::]:443s"}, False),  # the other node asks by IPv4
        ({"PIHOLE_WEB_PORT": "192.0.2.11:443s"}, True),
        ({"PIHOLE_WEB_PORT": "80", "NODE_ROLE": "secondary", "PEER_PIHOLE_API": "https://192.0.2.12:8443"}, True),
        ({"NODE_ROLE": "secondary", "PEER_PIHOLE_API": "http://192.0.2.12"}, False),
        ({"PIHOLE_WEB_PORT": "80", "NODE_ROLE": "standalone", "PEER_IP": ""}, True),
    ],
)
def test_a_pihole_that_the_sync_can_ask_in_clear_alone_is_known(given: dict[str, str], fits: bool) -> None:
    assert gather({**ENVIRONMENT, **given}, 0.0).encrypted is fits


def test_no_part_of_a_password_is_printed() -> None:
    (found,) = evaluated(replace(GOOD, env_file=parse_env("PIHOLE_PASSWORD=Sunflower$Meadow42", ".env")))
    assert "Meadow42" not in str(found)
    assert "Sunflower" not in str(found)


def test_a_node_that_copies_no_pihole_may_have_any_password() -> None:
    facts = replace(GOOD, passwords={"PIHOLE_PASSWORD": "correct,horse", **KEY}, synced=False)
    assert evaluated(facts) == []


@pytest.mark.parametrize(
    ("environment", "synced"),
    [
        ({"NODE_ROLE": "secondary"}, True),
        ({"NODE_ROLE": "standalone"}, False),
        ({"NODE_ROLE": "standalone", "COMPOSE_FILE": "compose.yaml:layout-b.yaml"}, True),
        ({"NODE_ROLE": "standalone", "EXPECTED_CONTAINERS": "pihole,sync-b"}, True),
    ],
)
def test_layout_b_copies_a_pihole_on_a_standalone_node_too(environment: dict[str, str], *, synced: bool) -> None:
    assert gather({**ENVIRONMENT, **environment}, 0.0).synced is synced


def test_a_wifi_interface_is_known_by_what_the_kernel_says_of_it(tmp_path: Path) -> None:
    for name in ("eth0", "wlan0/phy80211", "wlp2s0/wireless", "lo"):
        (tmp_path / name).mkdir(parents=True)
    assert wireless(tmp_path) == {"wlan0", "wlp2s0"}


@pytest.mark.parametrize(
    ("cgroups", "controllers", "limited"),
    [
        ("#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpu\t0\t99\t1\nmemory\t0\t99\t0\n", "cpu io pids", False),
        ("#subsys_name\thierarchy\tnum_cgroups\tenabled\nmemory\t0\t99\t1\n", "", True),
        ("#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpu\t0\t99\t1\n", "cpu memory pids", True),
        ("", "cpu pids", False),
        ("", "", None),
    ],
)
def test_memory_limits_are_told_by_the_kernel(
    tmp_path: Path, cgroups: str, controllers: str, limited: bool | None
) -> None:
    (tmp_path / "cgroups").write_text(cgroups)
    (tmp_path / "cgroup.controllers").write_text(controllers)
    assert cgroup_memory(tmp_path, tmp_path) is limited
