"""Preflight on a real LAN: who answers ARP, whose VRRP is heard, and what the other node's exporter says."""

from __future__ import annotations

import json
import socket
import struct
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

from tests.lab.plan import BETA, CLIENT, REPOSITORY, VIPS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.lab.lab import Lab

VIP = VIPS["ipv4"]


def preflight(lab: Lab, node: str, more: Mapping[str, str] | None = None) -> dict[str, list[dict[str, Any]]]:
    """Run it on a node, with the capabilities that stack/deploy.sh gives it; return its findings by check."""
    command = ["env", f"--chdir={REPOSITORY}", sys.executable, "-m", "exporter", "--preflight", "--json"]
    environment = {**lab.command_environment(lab.hosts[node].place), **(more or {})}
    done = subprocess.run(
        lab.hosts[node].command(command), capture_output=True, text=True, timeout=30, env=environment, check=False
    )
    assert done.returncode in (0, 1, 2, 3), done.stderr
    found: dict[str, list[dict[str, Any]]] = {}
    for check in json.loads(done.stdout)["checks"]:
        found.setdefault(check["id"].removeprefix("preflight."), []).append(check)
    return found


def statuses(found: dict[str, list[dict[str, Any]]], name: str) -> set[str]:
    return {check["status"] for check in found[name]}


def test_on_a_healthy_pair_the_lan_and_the_other_node_are_well(settled_pair: Lab) -> None:
    found = preflight(settled_pair, "beta")
    for name in ("settings", "interface", "static_address", "vip_free", "vrid_free", "peer"):
        assert statuses(found, name) == {"ok"}, found[name]
    assert f"the other node answers for {VIP}" in {check["seen"] for check in found["vip_free"]}


def test_a_stranger_with_the_vip_is_found_by_its_hardware_address(settled_pair: Lab) -> None:
    settled_pair.client.run("ip", "address", "add", f"{VIP}/32", "dev", "eth0")
    try:
        found = preflight(settled_pair, "beta")
    finally:
        settled_pair.client.run("ip", "address", "del", f"{VIP}/32", "dev", "eth0")
    (trouble,) = (check for check in found["vip_free"] if check["status"] != "ok")
    assert (trouble["status"], trouble["subject"]) == ("critical", VIP)
    assert CLIENT.mac in trouble["seen"]


def test_another_device_with_the_same_virtual_router_id_is_heard(settled_pair: Lab) -> None:
    payload = struct.pack("!BBBBH", 0x31, 53, 100, 1, 100) + b"\0\0" + socket.inet_aton("192.0.2.99")
    pseudo = socket.inet_aton(CLIENT.ipv4) + socket.inet_aton("224.0.0.18") + struct.pack("!BBH", 0, 112, len(payload))
    total = sum(struct.unpack(f"!{(len(pseudo) + len(payload)) // 2}H", pseudo + payload))
    total = (total & 0xFFFF) + (total >> 16)
    checksum = ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF
    advert = payload[:6] + struct.pack("!H", checksum) + payload[8:]
    script = (
        "import socket, sys, time\n"
        "s = socket.socket(socket.AF_INET, socket.SOCK_RAW, 112)\n"
        "s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 255)\n"
        f"s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton('{CLIENT.ipv4}'))\n"
        "while True:\n    s.sendto(bytes.fromhex(sys.argv[1]), ('224.0.0.18', 0))\n    time.sleep(0.3)\n"
    )
    device = subprocess.Popen(settled_pair.client.command([sys.executable, "-c", script, advert.hex()]))
    try:
        time.sleep(0.3)
        found = preflight(settled_pair, "beta")
    finally:
        device.kill()
        device.wait()
    (trouble,) = found["vrid_free"]
    assert trouble["status"] == "critical"
    assert CLIENT.ipv4 in trouble["seen"]


def test_settings_that_contradict_the_other_nodes_are_named(settled_pair: Lab) -> None:
    wrong = {
        "NODE_ROLE": "primary",
        "VIRTUAL_ROUTER_ID": "54",
        "VIP_ADDRESS": "192.0.2.54/24",
        "VRRP_PASSWORD": "k3h7ax",
    }
    found = preflight(settled_pair, "beta", wrong)
    said = " / ".join(check["seen"] for check in found["peer"])
    for part in ("both nodes are primary", "VIP_ADDRESS is 192.0.2.54 here", "ROUTER_ID is 54 here and 53 there",
                 "VRRP version is 2 here, 3 there"):  # fmt: skip
        assert part in said
    assert statuses(found, "peer") == {"critical"}


def test_a_first_node_is_told_that_the_other_is_silent_and_that_this_may_be_well(settled_pair: Lab) -> None:
    settled_pair.crash("alpha")
    (found,) = preflight(settled_pair, "beta")["peer"]
    assert found["status"] == "warning"
    assert "first node" in found["advice"]
    assert BETA.name == found["node"]
