"""Layout B on both nodes: two Pi-holes and two Unbounds each, behind dnsdist."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.lab.plan import ALPHA, IPV4_NETWORK, NODES
from tests.lab.waiting import wait_for

from .pihole_api import call_if_it_answers, set_local_records
from .rig import Rig
from .test_sync import RECORD

SECOND_API = "http://127.0.0.1:8081"
ANSWERED_AGAIN_SECONDS = 20.0

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


def test_the_second_pihole_of_a_node_gets_what_the_first_one_has(layout_b: Rig) -> None:
    node = layout_b.node(ALPHA.name)
    set_local_records(node, RECORD)
    node.engine.docker("exec", "sync-b", "touch", "/var/lib/dnsha/tasks/sync.now")
    wait_for(
        "the record in the second Pi-hole",
        lambda: call_if_it_answers(node, "config/dns", api=SECOND_API, through="sync-b"),
        until=lambda held: held is not None and RECORD in held["config"]["dns"]["hosts"],
        timeout=60.0,
        every=1.0,
    )


@pytest.mark.parametrize("victim", ["pihole", "pihole-b", "unbound", "unbound-b"])
def test_a_node_survives_the_loss_of_any_one_of_the_four(layout_b: Rig, victim: str) -> None:
    node = layout_b.node(ALPHA.name)
    # Slowly enough for a real Pi-hole's limit of 1,000 questions a client and minute, which stand-ins do not have.
    with layout_b.sample(interval=0.1) as sampler:
        # Not killed: what ends may keep its port for a while and answer nothing.
        node.engine.docker("stop", "--time", "5", victim)
        wait_for(
            "twenty answers of alpha in a row",
            lambda: [layout_b.answering() for _ in range(20)],
            until=lambda seen: seen == [ALPHA.name] * 20,
            timeout=ANSWERED_AGAIN_SECONDS,
            every=1.0,
        )
        node.engine.docker("start", victim)
        node.wait_health(victim, "dnsdist")
    seen = sampler.sample
    assert {change.owners for change in seen.changes} == {(ALPHA.name,)}
    # Measured beside stand-ins (tests/lab_tests/test_dnsdist.py): one or two, and 0.1 s.
    assert seen.lost < 10
    assert seen.longest_outage < 1.0
