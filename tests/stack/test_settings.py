"""A wrong .env on a real engine: nothing is started instead of half a stack, and the reason is there to read."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.lab.errors import CommandError
from tests.lab.plan import BETA

from .node import Node
from .rig import Rig

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]

# What is written into .env, and what the message must name.
WRONG = {
    "the VIP is the broadcast address": ({"VIP_ADDRESS": "192.0.2.255"}, "broadcast address"),
    "the VIP is a node's own address": ({"VIP_ADDRESS": "192.0.2.11"}, "own address"),
    "the VIP is in another subnet": ({"VIP_ADDRESS": "198.51.100.53"}, "outside the interface's subnet"),
    "the VIP is no address": ({"VIP_ADDRESS": "dns.example"}, "VIP_ADDRESS"),
    "no such interface": ({"NETWORK_INTERFACE": "eth7"}, "it has eth0"),
    "no such role": ({"NODE_ROLE": "master"}, "primary, secondary, standalone"),
    "a standalone node with a peer": ({"NODE_ROLE": "standalone"}, "PEER_IP"),
    "a primary without a peer": ({"PEER_IP": ""}, "PEER_IP is not set"),
    "both addresses are the same": ({"PEER_IP": BETA.ipv4}, "PEER_IP"),
    "a short password": ({"PIHOLE_PASSWORD": "abc"}, "PIHOLE_PASSWORD has 3 characters"),
    "a password that everybody tries": ({"PIHOLE_PASSWORD": "changeme"}, "PIHOLE_PASSWORD"),
    "a password that nebula-sync cannot take": ({"PIHOLE_PASSWORD": "correct,horse"}, "nebula-sync"),
    "a VIP that is link-local": ({"VIP_ADDRESS": "192.0.2.53,fe80::53"}, "link-local"),
    "a VRRP password that VRRPv2 has no room for": ({"VRRP_PASSWORD": "much-too-long"}, "VRRP_PASSWORD"),
    "a health check without patience": ({"DNS_PATIENCE": "0.1"}, "DNS_PATIENCE"),
    "names of the internet that are none": ({"WORLD_NAMES": "com org"}, "WORLD_NAMES"),
    "a schedule that is none": ({"BACKUP_CRON": "every day"}, "BACKUP_CRON"),
}


@pytest.fixture(scope="module")
def node(shared_rig: Rig) -> Iterator[Node]:
    """The secondary with everything down, as before the first start; the primary serves meanwhile."""
    shared_rig.reset()
    node = shared_rig.node(BETA.name)
    node.compose("down")
    yield node
    node.write_env(shared_rig.env(BETA))


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_value_starts_nothing_and_says_why(node: Node, shared_rig: Rig, case: str) -> None:
    change, reason = WRONG[case]
    node.write_env({**shared_rig.env(BETA), **change})
    with pytest.raises(CommandError, match="settings"):
        node.compose("up", "--detach", "--no-build")
    assert reason in node.engine.logs("settings")
    running = [name for name, container in node.engine.containers().items() if _runs(container)]
    assert running == []
    node.compose("down")


def _runs(container: dict[str, object]) -> bool:
    state = container["State"]
    assert isinstance(state, dict)
    return bool(state["Running"])


def test_every_mistake_is_told_at_once(node: Node, shared_rig: Rig) -> None:
    wrong = {"NODE_ROLE": "master", "NETWORK_INTERFACE": "eth7", "PIHOLE_PASSWORD": "abc", "VIRTUAL_ROUTER_ID": "256"}
    node.write_env({**shared_rig.env(BETA), **wrong})
    with pytest.raises(CommandError):
        node.compose("up", "--detach", "--no-build")
    said = node.engine.logs("settings")
    assert [name for name in wrong if name not in said] == []
    node.compose("down")


def test_a_good_env_after_a_wrong_one_starts_everything(node: Node, shared_rig: Rig) -> None:
    node.write_env(shared_rig.env(BETA))
    shared_rig.reset()
