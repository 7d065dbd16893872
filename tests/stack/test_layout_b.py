"""Layout B on both nodes: two Pi-holes and two Unbounds each, behind dnsdist."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.lab.plan import ALPHA, IPV4_NETWORK, NODES

from .rig import Rig

# Two failed checks, one a second, and a time-out.
DNSDIST_NOTICES_SECONDS = 4.0

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def layout_b(shared_rig: Rig) -> Iterator[Rig]:
    """The pair, changed over to layout B by one line in .env."""
    for place in NODES:
        node = shared_rig.node(place.name)
        more = {
            "COMPOSE_FILE": "compose.yaml:layout-b.yaml",
            "CLIENT_NETWORKS": f"127.0.0.0/8,{IPV4_NETWORK}",
        }
        node.write_env({**shared_rig.env(place), **more})
        node.compose("up", "--detach", "--no-build", "--remove-orphans")
    shared_rig.wait_healthy()
    yield shared_rig
    for place in NODES:
        node = shared_rig.node(place.name)
        node.write_env(shared_rig.env(place))
        node.compose("up", "--detach", "--no-build", "--remove-orphans")


def test_both_chains_of_each_node_turn_healthy(layout_b: Rig) -> None:
    for place in NODES:
        layout_b.node(place.name).wait_health("pihole", "pihole-b", "unbound", "unbound-b", "dnsdist")


@pytest.mark.parametrize("victim", ["pihole", "pihole-b", "unbound", "unbound-b"])
def test_a_node_survives_the_loss_of_any_one_of_the_four(layout_b: Rig, victim: str) -> None:
    node = layout_b.node(ALPHA.name)
    with layout_b.sample() as sampler:
        node.engine.docker("stop", "--time", "0", victim)
        time.sleep(DNSDIST_NOTICES_SECONDS)
        layout_b.wait_owners(ALPHA.name, timeout=10.0)
        for _ in range(20):  # with one of the two away, every question is answered
            assert layout_b.answering() == ALPHA.name
        node.engine.docker("start", victim)
    # Until dnsdist has noticed, every second question fails, so the virtual IP may visit the other node meanwhile.
    assert sampler.sample.longest_outage < 5.0
    node.wait_health("dnsdist")
