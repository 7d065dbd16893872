"""``stack/deploy.sh`` on a real engine: what preflight sees from its container, and what is started after it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.lab.plan import ALPHA, BETA, DNS_PORT, INTERFACE, VIRTUAL_ROUTER_ID
from tests.lab.waiting import wait_for

from .node import Node
from .rig import PASSWORD, Rig

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]

Check = dict[str, str]


def preflight(node: Node) -> dict[str, list[Check]]:
    """What preflight found on a node, by the name of the check."""
    done = node.script("deploy.sh", "--preflight-only", "--json", "--offline")
    found: dict[str, list[Check]] = {}
    for check in json.loads(done.stdout)["checks"]:
        found.setdefault(check["id"].removeprefix("preflight."), []).append(check)
    return found


@contextmanager
def settings(rig: Rig, node: Node, **changed: str) -> Iterator[None]:
    """A node's .env with some values changed, while the context lasts."""
    node.write_env({**rig.env(node.place), **changed})
    try:
        yield
    finally:
        node.write_env(rig.env(node.place))


@contextmanager
def bare(rig: Rig, node: Node) -> Iterator[None]:
    """A node before its first deployment: the engine runs, and nothing on it."""
    node.compose("--profile", "*", "down", "--volumes")
    try:
        yield
    finally:
        node.compose("up", "--detach", "--no-build")


def test_both_nodes_are_deployed_one_after_the_other(rig: Rig) -> None:
    alpha, beta = rig.node(ALPHA.name), rig.node(BETA.name)
    with bare(rig, alpha), bare(rig, beta):
        for node in (alpha, beta):
            done = node.script("deploy.sh", "--offline")
            assert done.returncode == 0, done.stdout + done.stderr
            assert "deploy: done" in done.stderr
        rig.wait_healthy()


def test_a_changed_password_is_handed_out_and_what_is_left_to_do_is_told(rig: Rig) -> None:
    node, changed = rig.node(BETA.name), "another-horse-battery"
    with settings(rig, node, PIHOLE_PASSWORD=changed):
        done = node.script("deploy.sh", "--offline")
        assert done.returncode == 0, done.stdout + done.stderr
        assert "PIHOLE_PASSWORD has changed; its service takes the new one by: docker restart pihole" in done.stderr
        assert changed not in done.stdout + done.stderr
        assert node.engine.docker("exec", "pihole", "cat", "/run/secrets/pihole/password") == changed
    # As .env.example has it, without the script.
    node.compose("up", "--detach", "--no-build", "--force-recreate", "settings", "pihole")
    assert node.engine.docker("exec", "pihole", "cat", "/run/secrets/pihole/password") == PASSWORD


def test_preflight_sees_from_its_container_what_it_has_to_see(rig: Rig) -> None:
    node = rig.node(ALPHA.name)
    found = preflight(node)
    assert {name for name, checks in found.items() if any(check["status"] == "unknown" for check in checks)} == set()
    (docker,), (compose,) = found["docker"], found["compose"]
    assert docker["seen"] == f"Docker Engine {node.engine.docker('version', '--format', '{{.Server.Version}}').strip()}"
    assert compose["seen"].startswith("Docker Compose 2.")
    # Its services have their ports, which on a node that runs is as it should be.
    for name in ("settings", "port_53", "ports", "interface", "static_address"):
        assert [check["status"] for check in found[name]] == ["ok"], found[name]
    assert found["peer"][0]["seen"] == "beta's settings fit"
    (disk,) = found["disk"]
    assert disk["seen"].endswith("GiB are free")
    assert found["clock"][0]["status"] in ("ok", "warning")


# For five minutes at most.
LISTEN = """
import socket, sys, time
place = ("0.0.0.0", int(sys.argv[1]))
datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
datagrams.bind(place)
listener = socket.create_server(place)
time.sleep(300)
"""


@contextmanager
def thief(node: Node, port: int) -> Iterator[None]:
    """A container that is none of the stack's listens on a port of the node."""
    node.engine.docker(
        "run", "--detach", "--name", "thief", "--network", "host", "--pull", "never", "--user", "0:0",
        "--entrypoint", "python3", "dnsha-exporter:local", "-c", LISTEN, str(port),
    )  # fmt: skip
    wait_for(
        f"the thief to have port {port}",
        lambda: node.engine.run_beside("ss", "-lntu"),
        until=lambda seen: seen.count(f":{port} ") >= 2,
        timeout=20.0,
    )
    try:
        yield
    finally:
        node.engine.docker("rm", "--force", "thief")


def test_preflight_names_who_has_port_53(rig: Rig) -> None:
    node = rig.node(BETA.name)
    with bare(rig, node):
        assert preflight(node)["port_53"][0]["status"] == "ok"
        with thief(node, DNS_PORT):
            (port,) = preflight(node)["port_53"]
            done = node.script("deploy.sh", "--offline")
        assert (port["status"], port["seen"].split(" listens")[0]) == ("critical", "python3")
        assert "stop python3" in port["advice"]
        assert done.returncode == 2
        assert "nothing was started" in done.stderr
        assert node.engine.containers() == {}


def test_preflight_names_who_has_a_port_of_another_service(rig: Rig) -> None:
    node = rig.node(BETA.name)
    with bare(rig, node):
        assert preflight(node)["ports"][0]["status"] == "ok"
        with thief(node, 9100):
            (port,) = preflight(node)["ports"]
    assert (port["status"], port["seen"]) == ("warning", "python3 listens on port 9100")
    assert "NODE_EXPORTER_PORT" in port["advice"]


def test_preflight_sees_a_stranger_who_has_the_virtual_ip(rig: Rig) -> None:
    node = rig.node(ALPHA.name)
    taken = "192.0.2.77"
    with settings(rig, node, VIP_ADDRESS=taken):
        rig.client.run("ip", "address", "add", f"{taken}/24", "dev", INTERFACE)
        try:
            found = preflight(node)
        finally:
            rig.client.run("ip", "address", "del", f"{taken}/24", "dev", INTERFACE)
    assert [check["seen"].split(":")[0] for check in found["vip_free"] if check["status"] == "critical"] == [
        f"{taken} is in use"
    ]


def test_preflight_sees_another_pair_with_this_virtual_router_id(rig: Rig) -> None:
    # To a node that is to have another virtual IP, the pair that runs here is a stranger's.
    with settings(rig, rig.node(BETA.name), VIP_ADDRESS="192.0.2.78"):
        found = preflight(rig.node(BETA.name))
    assert any(check["status"] == "critical" for check in found["vrid_free"]), found["vrid_free"]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"NODE_ROLE": "secondary"}, "both nodes are secondary"),
        ({"VIP_ADDRESS": "192.0.2.54"}, "VIP_ADDRESS is 192.0.2.54 here and 192.0.2.53 there"),
        ({"VIRTUAL_ROUTER_ID": "54"}, f"VIRTUAL_ROUTER_ID is 54 here and {VIRTUAL_ROUTER_ID} there"),
        ({"VRRP_PASSWORD": "s3cret-x"}, "VRRP version is 2 here, 3 there"),
    ],
)
def test_preflight_compares_with_the_other_node(rig: Rig, changed: dict[str, str], said: str) -> None:
    with settings(rig, rig.node(ALPHA.name), **changed):
        found = preflight(rig.node(ALPHA.name))
    assert any(check["status"] == "critical" and said in check["seen"] for check in found["peer"]), found["peer"]


def test_a_broken_env_says_every_mistake_and_starts_nothing(rig: Rig) -> None:
    node = rig.node(BETA.name)
    broken = {
        "NODE_ROLE": "tertiary",
        "NODE_IP": "192.0.2.300",
        "VIP_ADDRESS": "192.0.2.255",
        "VIRTUAL_ROUTER_ID": "999",
        "PIHOLE_PASSWORD": "admin",
        "COMPOSE_PROFILES": "secondary",
    }
    with bare(rig, node), settings(rig, node, **broken):
        done = node.script("deploy.sh", "--offline")
        assert done.returncode == 2, done.stdout + done.stderr
        for word in ("NODE_ROLE", "192.0.2.300", "VIRTUAL_ROUTER_ID", "PIHOLE_PASSWORD"):
            assert word in done.stdout, done.stdout
        assert "nothing was started" in done.stderr
        assert node.engine.containers() == {}


def test_a_missing_value_is_named_before_anything_starts(rig: Rig) -> None:
    node = rig.node(BETA.name)
    with bare(rig, node), settings(rig, node, NODE_NAME=""):
        done: subprocess.CompletedProcess[str] = node.script("deploy.sh", "--offline")
        assert done.returncode == 3
        assert "NODE_NAME" in done.stderr
        assert "nothing was started" in done.stderr
        assert node.engine.containers() == {}


def test_no_password_is_in_what_preflight_says(rig: Rig) -> None:
    node = rig.node(ALPHA.name)
    done = node.script("deploy.sh", "--preflight-only", "--offline")
    assert PASSWORD not in done.stdout + done.stderr
