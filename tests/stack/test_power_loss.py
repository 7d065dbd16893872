"""The power fails at random moments of an update: the pair answers on, and the node comes back whole.

Two moments by default; STACK_POWER_LOSS_ROUNDS=50 tries as many as that.
"""

from __future__ import annotations

import os
import random
import time

import pytest

from tests.lab.dns_query import canary
from tests.lab.plan import ALPHA
from tests.lab.waiting import wait_for

from .rig import Rig

ROUNDS = int(os.environ.get("STACK_POWER_LOSS_ROUNDS", "2"))
SEED = int(os.environ.get("STACK_POWER_LOSS_SEED", str(random.randrange(1 << 32))))
UPDATE = ("update.sh", "--force", "--offline")

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300 + 120 * ROUNDS)]


def test_power_that_fails_during_an_update_leaves_a_node_that_comes_back(rig: Rig) -> None:
    chance = random.Random(SEED)
    node = rig.node(ALPHA.name)
    for number in range(ROUNDS):
        node.renew_images()
        moment = chance.uniform(0.0, 25.0)
        where = f"seed {SEED}, round {number}, {moment:.1f} s into the update"
        print(where)
        process = node.start_script(*UPDATE)
        time.sleep(moment)
        rig.crash(ALPHA.name)
        process.communicate(timeout=30)
        wait_for("the other node to answer", rig.answering, timeout=10.0)
        rig.boot(ALPHA.name)
        # With a container that was about to be replaced the node may be incomplete, but it disturbs nobody,
        for _ in range(50):
            assert rig.answering() is not None, where
        # and the same command as at the first start completes it.
        done = node.script("deploy.sh", "--force", "--offline")
        assert done.returncode == 0, f"{where}: {done.stdout}{done.stderr}"
        rig.wait_healthy()
        assert node.engine.docker("exec", "keepalived", "cat", "/run/dnsha/drain").strip() == "0", where
        assert canary(rig.client, ALPHA.ipv4) == ALPHA.name, where
        names = set(node.engine.containers())
        assert not {name for name in names if "_" in name}, f"{where}: half-replaced containers are left: {names}"
