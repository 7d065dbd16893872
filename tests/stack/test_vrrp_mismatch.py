"""Two nodes whose .env do not fit together: preflight says so before, and the running exporters afterwards."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

import pytest

from tests.lab.plan import ALPHA, BETA, CLIENT, INTERFACE, NODES

from .rig import Rig
from .verdict import wait_finding, wait_well

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def listening(shared_rig: Rig) -> Iterator[Rig]:
    """The pair as shipped: it listens."""
    shared_rig.reset()
    shared_rig.wait_healthy()
    yield shared_rig
    for place in NODES:
        shared_rig.node(place.name).write_env(shared_rig.env(place))
    shared_rig.forget_dropped_adverts()


def write(rig: Rig, node: str, changes: Mapping[str, str]) -> None:
    """Write .env with these changes."""
    place = next(place for place in NODES if place.name == node)
    rig.node(node).write_env({**rig.env(place), **changes})


def test_another_host_with_the_virtual_ip_is_seen(listening: Rig) -> None:
    address = [f"{listening.vips[0]}/32", "dev", INTERFACE]
    listening.client.run("ip", "address", "add", *address)
    try:
        told = wait_finding(listening, ALPHA.name, "vip.foreign_owner", CLIENT.mac)
        assert told.status == "critical"
    finally:
        listening.client.run("ip", "address", "delete", *address)
    wait_finding(listening, ALPHA.name, "vip.foreign_owner", f"{CLIENT.mac}, which is neither node, answered for")


# What the second node's owner wrote, what each exporter then says of the pair, and what one of them hears on the wire.
CONTRADICTORY = {
    "the same role, another virtual router": (
        {"NODE_ROLE": "primary", "VIRTUAL_ROUTER_ID": "54"},
        ("both nodes are primary", "VIRTUAL_ROUTER_ID"),
        ("virtual router 54",),
    ),
    "another virtual IP, another VRRP version": (
        {"VIP_ADDRESS": "192.0.2.54", "VRRP_PASSWORD": "k3h7a9x2"},
        ("VIP_ADDRESS", "VRRP version"),
        ("VRRPv2",),
    ),
}


@pytest.mark.parametrize("case", CONTRADICTORY)
def test_settings_that_contradict_are_told_by_preflight_and_by_both_exporters(listening: Rig, case: str) -> None:
    change, said, heard = CONTRADICTORY[case]
    node = listening.node(BETA.name)
    write(listening, BETA.name, change)
    try:
        code, problems = preflight(listening, BETA.name)
        assert code == 2
        for words in said:
            assert any(words in problem for problem in problems), (words, problems)
        # The owner starts it all the same.
        node.compose("up", "--detach", "--no-build", "--force-recreate", "settings", "keepalived", "exporter")
        for place in NODES:
            assert wait_finding(listening, place.name, "peer.settings", *said).status == "critical"
        assert wait_finding(listening, ALPHA.name, "conflict.advertisements", *heard).status == "warning"
    finally:
        write(listening, BETA.name, {})
        node.compose("up", "--detach", "--no-build", "--force-recreate", "settings", "keepalived", "exporter")
    listening.wait_healthy()
    for place in NODES:
        wait_well(listening, place.name, "peer.settings")


def preflight(rig: Rig, node: str) -> tuple[int, list[str]]:
    """Run deploy.sh on a node as far as its look around; return its exit code and what is critical."""
    done = rig.node(node).script("deploy.sh", "--preflight-only", "--json", "--offline")
    document = json.loads(done.stdout)
    return done.returncode, [one["seen"] for one in document["checks"] if one["status"] == "critical"]
