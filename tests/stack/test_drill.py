"""The drill by hand on the pair as shipped, and what its schedule adds."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.lab.errors import CommandError
from tests.lab.http_get import get
from tests.lab.plan import ALPHA, BETA, EXPORTER_PORT
from tests.lab.waiting import wait_for

from .rig import Rig
from .upkeep import make_well
from .verdict import findings

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]

# Once a year: the test does not wait for it.
SCHEDULE = {"DRILL_CRON": "0 4 1 1 *", "COMPOSE_PROFILES": "${NODE_ROLE}${DRILL_CRON:+,drill}"}


@pytest.fixture(scope="module")
def scheduled(shared_rig: Rig) -> Iterator[Rig]:
    """The pair with a schedule for drills on the primary, and nothing wrong that would keep one from beginning."""
    make_well(shared_rig)
    node = shared_rig.node(ALPHA.name)
    environment = shared_rig.env(ALPHA)
    del environment["COMPOSE_PROFILES"]  # which must stand below DRILL_CRON
    node.write_env({**environment, **SCHEDULE})
    node.compose("up", "--detach", "--no-build")
    yield shared_rig
    node.write_env(shared_rig.env(ALPHA))
    node.compose("up", "--detach", "--no-build", "--remove-orphans")
    node.engine.docker("rm", "--force", "drill")


def test_a_drill_by_hand_moves_the_virtual_ip_and_is_exported(scheduled: Rig) -> None:
    node = scheduled.node(ALPHA.name)
    # Nothing is wrong but that there has been no drill yet, which must not keep the first one from beginning.
    wait_for(
        "alpha's exporter to miss the drill alone",
        lambda: {one.seen for one in findings(scheduled, ALPHA.name)},
        until=lambda seen: seen == {"drill has never run"},
        timeout=60.0,
        every=0.5,
    )
    with scheduled.sample() as sampler:
        node.compose("run", "--rm", "tools", "drill", "now")
    assert set(sampler.sample.answers_by_node) == {ALPHA.name, BETA.name}
    assert sampler.sample.lost == 0
    assert scheduled.owners() == (ALPHA.name,)
    left = json.loads(node.engine.docker("exec", "drill", "cat", "/var/lib/dnsha/stamps/drill.json"))
    assert (left["exit_status"], left["took_over"]) == (0, BETA.name)
    wait_for(
        "the exporter to tell of the drill",
        lambda: get(scheduled.client, ALPHA.ipv4, EXPORTER_PORT, "/metrics").body,
        until=lambda text: all(
            line in text
            for line in ('dnsha_sync_exit_status{task="drill"} 0', 'dnsha_container_running{container="drill"} 1')
        ),
        timeout=30.0,
        every=0.5,
    )


def test_a_drill_on_the_node_without_the_virtual_ip_is_refused(scheduled: Rig) -> None:
    with pytest.raises(CommandError, match="alpha has the VIP; run it there"):
        scheduled.node(BETA.name).compose("run", "--rm", "tools", "drill", "now")
    assert scheduled.owners() == (ALPHA.name,)
