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
from hypothesis import given
from hypothesis import strategies as st

from exporter.cli import main
from exporter.model.errors import ConfigurationError
from exporter.model.observations import Check, PeerStatus, PeerVip, Status
from exporter.settings.load import load
from exporter.sources.resolvers import parse_resolvers, resolvers
from stack.preflight import checks
from stack.preflight.clone import MOUNTS, Unreadable
from stack.preflight.env_file import parse_env, read_env_file
from stack.preflight.facts import Facts, InterfaceAddress, Listener, NeededPort, StrangerFacts, WireFacts
from stack.preflight.gather import COMPOSE_DEFAULTS, COMPOSE_SETS, cgroup_memory, gather, retired, wireless
from stack.preflight.port import listeners, needed, parse_table
from stack.preflight.stranger import try_ports

ENVIRONMENT = {
    "NODE_ROLE": "primary",
    "NODE_NAME": "alpha",
    "NODE_IP": "192.0.2.11/24",
    "PEER_IP": "192.0.2.12",
    "VIP_ADDRESS": "192.0.2.53/24",
    "NETWORK_INTERFACE": "eth0",
}
# Nobody to ask and no LAN to listen to.
ALONE = {
    **ENVIRONMENT,
    "NODE_ROLE": "standalone",
    "NODE_IP": "192.0.2.11",
    "PEER_IP": "",
    "NETWORK_INTERFACE": "no-such-one",
}
SETTINGS = load(None, ENVIRONMENT, {}, lambda _: [])
PEER = PeerStatus(
    "beta",
    "secondary",
    "1",
    {"192.0.2.53": PeerVip(owned=True, stable_seconds=9.0)},
    True,
    {"VI_1": 53},
    {"VI_1": 3},
    False,
    {},
    0.0,
    (),
)
RECORDED = [
    case
    for file in sorted(Path(__file__).parents[1].glob("fixtures/compose/*/env_file.json"))
    for case in json.loads(file.read_text())
]
UNGUARDED = Check("firewall.loaded", "beta", "", "firewall", Status.WARNING, "not loaded: nft: no", "x", "modprobe x")
BETA, STRANGER = "02:00:00:00:00:0c", "02:00:00:00:00:99"
CONTAINER, STRANGE_CONTAINER = "4f" * 32, "e1" * 32
KEY = {"PAIR_KEY": "k" * 32}
GOOD = Facts(
    settings=SETTINGS,
    docker_version="26.1.5",
    compose_version="2.26.1",
    cgroup_memory=True,
    raspberry_pi=True,
    listeners=(),
    ports={5335: NeededPort("unbound"), 9753: NeededPort("exporter"), 9100: NeededPort("x", "NODE_EXPORTER_PORT")},
    interfaces=("eth0", "lo"),
    addresses=(InterfaceAddress("eth0", "192.0.2.11", permanent=True),),
    wire=WireFacts({"192.0.2.12": frozenset({BETA}), "192.0.2.53": frozenset({BETA})}, (), 3.5),
    peer=PEER,
    passwords={"PIHOLE_PASSWORD": "correct horse", **KEY},
    clock_synchronised=True,
    resolvers=("192.0.2.1",),
    free_bytes=20 << 30,
    expected_peer_name="beta",
    env_file=parse_env("NODE_ROLE=primary\nCOMPOSE_PROFILES=${NODE_ROLE}${SIGNAL:+,signal}\n", ".env"),
)


def wrong(facts: Facts) -> list[tuple[str, Status]]:
    return [(check.id.removeprefix("preflight."), check.status) for check in evaluated(facts)]


def evaluated(facts: Facts) -> list[Check]:
    return [check for check in checks.run(facts) if check.status is not Status.OK]


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


@pytest.mark.parametrize("value", ["${A:-b}" * 2000, "${A:-" * 2000 + "}" * 2000])
def test_a_value_of_thousands_of_variables_is_refused_with_its_line(value: str) -> None:
    with pytest.raises(ConfigurationError, match=r"\.env, line 2: too many variables"):
        parse_env(f"A=\nB={value}\n", ".env")


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


@pytest.mark.parametrize("case", RECORDED, ids=lambda case: repr(case["text"]))
def test_an_env_file_is_read_as_compose_reads_it(case: dict[str, str | None], tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text(case["text"] or "", newline="")
    if case["value"] is None:
        with pytest.raises(ConfigurationError, match=f"{file}, line "):
            read_env_file(file)
    else:
        assert read_env_file(file).values.get("A", "(unset)") == case["value"]


def test_a_line_that_compose_refuses_is_named_with_its_number() -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_env("A=1\n\n# c\nB='x\ny'\nA B=2\n", "/x/.env")
    assert caught.value.problems == ["/x/.env, line 6: write NAME=VALUE"]


def test_a_wifi_interface_is_known_by_what_the_kernel_says_of_it(tmp_path: Path) -> None:
    for name in ("eth0", "wlan0/phy80211", "wlp2s0/wireless", "lo"):
        (tmp_path / name).mkdir(parents=True)
    assert wireless(tmp_path) == {"wlan0", "wlp2s0"}


@given(st.text(max_size=200))
def test_nothing_but_a_configuration_error_comes_of_a_strange_env_file(text: str) -> None:
    try:
        parse_env(text, "x")
    except ConfigurationError:
        return


# As the kernel prints it (proc(5)), with systemd-resolved, an IPv6 listener, a client's connection and another port.
UDP = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  102: 3500007F:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000   101        0 18123 2 0000000000000000 0
  103: 00000000:0044 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 18124 2 0000000000000000 0
"""
TCP6 = """\
  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when
   0: 000080FE00000000FF00000001000000:0035 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 0 0 0 777 1
   1: 00000000000000000000000001000000:0035 00000000000000000000000001000000:9999 01 00000000:00000000 00:00000000 0 0 0 778 1
"""  # noqa: E501


def test_the_kernels_tables_of_sockets_are_read() -> None:
    assert parse_table(UDP, "udp", {53}) == {"18123": ("127.0.0.53", "udp", 53)}
    assert parse_table(UDP, "udp", {67, 68}) == {"18124": ("0.0.0.0", "udp", 68)}
    (found,) = parse_table(TCP6, "tcp", {53}).values()
    assert found == ("fe80::ff:0:1", "tcp", 53)


@given(st.text(alphabet="0123456789ABCDEF: \n", max_size=300))
def test_a_strange_table_breaks_nothing(text: str) -> None:
    parse_table(text, "udp", {53})


@pytest.mark.parametrize(
    ("cgroup", "containers", "ours"),
    [
        ("0::/../system.slice/systemd-resolved.service", None, False),
        (f"0::/../{CONTAINER}", None, True),
        (f"0::/../{CONTAINER}", f"{STRANGE_CONTAINER}\n{CONTAINER}\n", True),
        (f"0::/../docker-{CONTAINER}.scope", CONTAINER, True),
        (f"13:memory:/docker/{CONTAINER}\n12:pids:/docker/{CONTAINER}", CONTAINER, True),
        (f"0::/../{CONTAINER}", STRANGE_CONTAINER, False),
        (f"0::/../{CONTAINER}", "", False),
    ],
)
def test_the_process_is_named_where_it_can_be_seen(
    tmp_path: Path, cgroup: str, containers: str | None, *, ours: bool
) -> None:
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "udp").write_text(UDP)
    (tmp_path / "612" / "fd").mkdir(parents=True)
    (tmp_path / "612" / "comm").write_text("systemd-resolve\n")
    (tmp_path / "612" / "cgroup").write_text(cgroup)
    (tmp_path / "612" / "fd" / "13").symlink_to("socket:[18123]")
    (tmp_path / "612" / "fd" / "4").write_text("")  # as one that was closed between the listing and the reading
    found = listeners(tmp_path, {53}, containers)
    assert found == (Listener("127.0.0.53", "udp", "systemd-resolve", ours=ours),)
    assert listeners(tmp_path / "nowhere", {53}, containers) is None


@pytest.mark.parametrize(
    ("changes", "ports"),
    [
        ({}, {80: "pihole", 443: "pihole", 5335: "unbound", 9100: "node-exporter", 9753: "exporter", 9755: "backup"}),
        ({"PIHOLE_WEB_PORT": "127.0.0.1:8080o,[::1]:8443os", "EXPORTER_PORT": "9999", "NODE_EXPORTER_PORT": "9101"},
         {8080: "pihole", 8443: "pihole", 5335: "unbound", 9101: "node-exporter", 9999: "exporter", 9755: "backup"}),
        ({"COMPOSE_FILE": "compose.yaml:observability.yaml", "NODE_ROLE": "secondary"},
         {80: "pihole", 443: "pihole", 5335: "unbound", 9100: "node-exporter", 9753: "exporter", 9090: "prometheus",
          9093: "alertmanager", 9094: "alertmanager", 9754: "notifier", 9755: "backup"}),
    ],
)  # fmt: skip
def test_the_ports_that_the_stack_needs_follow_from_the_settings(
    changes: dict[str, str], ports: dict[int, str]
) -> None:
    assert {port: who.container for port, who in needed({**ENVIRONMENT, **changes}).items()} == ports


def test_grafana_is_on_the_primary_and_layout_b_has_everything_twice() -> None:
    everything = {
        **ENVIRONMENT,
        "COMPOSE_FILE": "compose.yaml:layout-b.yaml:observability.yaml",
        "GRAFANA_PORT": "3001",
    }
    found = needed(everything)
    assert found[3001] == ("grafana", "GRAFANA_PORT")
    assert {found[port].container for port in (5302, 5336, 8081)} == {"pihole-b", "unbound-b"}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("# made by a router\nsearch lan\nnameserver 192.0.2.1\nnameserver fe80::1%eth0\n", ("192.0.2.1", "fe80::1")),
        ("nameserver\nnameserver nonsense\n  nameserver 2001:DB8::1\n", ("2001:db8::1",)),
        ("", ("127.0.0.1",)),
    ],
)
def test_resolv_conf_is_read_as_the_c_library_does(text: str, found: tuple[str, ...]) -> None:
    assert parse_resolvers(text) == found


@pytest.mark.parametrize("link", ["../run/systemd/resolve/stub-resolv.conf", "/run/systemd/resolve/stub-resolv.conf"])
def test_behind_systemd_resolved_are_those_that_it_asks(tmp_path: Path, link: str) -> None:
    resolve = tmp_path / "run/systemd/resolve"
    resolve.mkdir(parents=True)
    (resolve / "stub-resolv.conf").write_text("nameserver 127.0.0.53\noptions edns0\n")
    (resolve / "resolv.conf").write_text("nameserver 192.0.2.53\n")
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/resolv.conf").symlink_to(link)
    assert resolvers(tmp_path) == ("192.0.2.53",)


def test_a_copy_of_a_stubs_file_does_not_say_whom_it_asks(tmp_path: Path) -> None:
    """As a container has it, without the host's /run."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/resolv.conf").write_text("nameserver 127.0.0.53\n")
    assert resolvers(tmp_path) is None


def test_a_host_without_a_file_asks_itself_and_an_unreadable_one_is_unknown(tmp_path: Path) -> None:
    assert resolvers(tmp_path) == ("127.0.0.1",)
    (tmp_path / "etc/resolv.conf").mkdir(parents=True)
    assert resolvers(tmp_path) is None


@given(st.text(max_size=200))
def test_a_strange_resolv_conf_breaks_nothing(text: str) -> None:
    assert parse_resolvers(text)


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
