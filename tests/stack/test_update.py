"""``stack/update.sh`` on the real engines: every container is replaced, and no client notices.

Images come by ``docker commit``, as ``docker load`` would bring them: none can be fetched or built here.
"""

from __future__ import annotations

import pytest

from tests.lab.exporters import status
from tests.lab.plan import ALPHA, BETA, NODES

from .rig import Rig
from .upkeep import container_ids, make_well

pytestmark = [pytest.mark.stack, pytest.mark.timeout(900)]

# A drop-in file can no longer do it: Unbound starts without one that has a fault.
BROKEN = "services: {unbound: {environment: {NODE_NAME: no name}}}\n"


def test_an_update_replaces_every_container_and_no_client_notices(rig: Rig) -> None:
    for place in reversed(NODES):  # the secondary first, as anybody would
        make_well(rig)
        node = rig.node(place.name)
        images = node.renew_images()
        before = container_ids(node)
        with rig.sample() as sampler:
            done = node.script("update.sh", "--offline")
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stdout.splitlines()[-1] == "update: done"
        after = container_ids(node)
        assert len(images) >= 8
        assert after.keys() == before.keys()
        assert not set(after.values()) & set(before.values())
        sample = sampler.sample
        assert sample.lost == 0
        # A drained node stays drained, also while keepalived's own container is replaced.
        owners = [change.owners for change in sample.changes if len(change.owners) == 1]
        moves = [one for one, before in zip(owners, [None, *owners], strict=False) if one != before]
        expected = [("alpha",), ("beta",), ("alpha",)] if place == ALPHA else [("alpha",)]
        assert moves == expected


def test_an_update_without_new_images_changes_nothing(rig: Rig) -> None:
    make_well(rig)
    node = rig.node(ALPHA.name)
    before = container_ids(node)
    done = node.script("update.sh")
    assert done.returncode == 1
    assert "no new images; nothing is replaced, and this node takes part again" in done.stderr
    assert container_ids(node) == before
    rig.wait_owners(ALPHA.name)
    assert status(rig, ALPHA.name)["vrrp"]["drained"] is False


def test_an_update_of_a_pair_that_is_not_well_is_refused(rig: Rig) -> None:
    make_well(rig)
    rig.node(BETA.name).engine.docker("stop", "--time", "0", "unbound")
    before = container_ids(rig.node(ALPHA.name))
    done = rig.node(ALPHA.name).script("update.sh", "--offline")
    assert done.returncode == 2
    assert "beta: resolve.unbound" in done.stderr
    assert "update.sh --force" in done.stderr
    assert "stopped: nothing was changed" in done.stderr
    assert container_ids(rig.node(ALPHA.name)) == before
    assert rig.owners() == (ALPHA.name,)


def test_a_node_that_is_not_well_after_the_update_stays_drained_and_says_what_to_do(rig: Rig) -> None:
    make_well(rig)
    node = rig.node(ALPHA.name)
    node.renew_images()
    broken = node.compose_folder / "broken.yaml"
    broken.write_text(BROKEN)
    node.write_env({**rig.env(ALPHA), "COMPOSE_FILE": "compose.yaml:broken.yaml"})
    try:
        done = node.script("update.sh", "--offline", environment={"VERIFY_TIMEOUT": "30"})
        assert done.returncode == 1
        assert "unbound" in done.stderr
        assert "this node is drained and serves nobody; run stack/update.sh again" in done.stderr
        assert status(rig, ALPHA.name)["vrrp"]["drained"] is True
        assert rig.owners() == (BETA.name,)
        assert rig.answering() == BETA.name
    finally:
        node.write_env(rig.env(ALPHA))
        broken.unlink()
    # It goes on where it stopped, once the cause is gone.
    node.compose("up", "-d", "unbound")
    node.wait_health("unbound", "pihole")
    done = node.script("update.sh", "--offline")
    assert done.returncode == 0, done.stdout + done.stderr
    rig.wait_owners(ALPHA.name)
