"""A single node without a peer, from the same files."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.lab.dns_query import canary
from tests.lab.errors import CommandError
from tests.lab.http_get import get
from tests.lab.plan import BETA, EXPORTER_PORT
from tests.lab.waiting import wait_for

from .node import Node
from .rig import Rig

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]

ALONE = {
    "NODE_ROLE": "standalone",
    "PEER_IP": "",
    # Not the pair's: the other node goes on meanwhile.
    "VIP_ADDRESS": "192.0.2.54",
    "VIRTUAL_ROUTER_ID": "54",
}


@pytest.fixture(scope="module")
def node(shared_rig: Rig) -> Iterator[Node]:
    """The second node, made a standalone one by its .env alone."""
    shared_rig.reset()
    node = shared_rig.node(BETA.name)
    node.compose("down")
    node.write_env({**shared_rig.env(BETA), **ALONE})
    node.compose("up", "--detach", "--no-build")
    yield node
    node.compose("down")
    node.write_env(shared_rig.env(BETA))


def test_it_answers_on_its_virtual_ip(node: Node, shared_rig: Rig) -> None:
    wait_for(
        "the standalone node to answer",
        lambda: canary(shared_rig.client, ALONE["VIP_ADDRESS"], timeout=0.5),
        until=lambda name: name == BETA.name,
        timeout=30.0,
        every=0.2,
    )


def test_it_runs_no_sync(node: Node) -> None:
    assert "sync" not in node.engine.containers()


def test_its_exporter_serves_the_runbooks_that_messages_lead_to(node: Node, shared_rig: Rig) -> None:
    node.wait_health("exporter")
    for path in ("/runbooks/", "/runbooks/DnsHaSplitBrain", "/runbooks/DnsHaSplitBrain.md"):
        answer = get(shared_rig.client, BETA.ipv4, EXPORTER_PORT, path)
        assert answer.status == 200
        assert "docker compose exec exporter" in answer.body


def test_its_exporter_finds_nothing_wrong_once_there_is_a_backup(node: Node) -> None:
    node.wait_health("pihole", "unbound", "keepalived", "guard", "docker-proxy", "node-exporter", "backup")
    node.compose("run", "--rm", "tools", "backup", "now")
    # It ends with 1 or more, and so fails here, when anything is worth a word.
    wait_for(
        "the exporter to find all well", lambda: _verdict(node), until=lambda text: text.startswith("OK:"), timeout=30.0
    )


def _verdict(node: Node) -> str:
    try:
        return node.engine.docker("exec", "exporter", "python3", "-m", "exporter", "--once", "--timeout", "20")
    except CommandError as error:
        return str(error)
