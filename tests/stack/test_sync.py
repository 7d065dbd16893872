"""Sync between the two nodes' containers; what it must not do is tested beside the tools themselves."""

from __future__ import annotations

import pytest

from tests.lab.plan import ALPHA, BETA
from tests.lab.waiting import wait_for

from .node import Node
from .pihole_api import call, set_local_records
from .rig import Rig
from .standin_internet import LIST

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]

RECORD = "192.0.2.77 nas.home.arpa"
INVENTORY = "/var/lib/dnsha/tasks/shared/pihole.txt"


def inventory(node: Node) -> str:
    """What the node's sync has written down of its Pi-hole; empty before it has."""
    return node.engine.docker("exec", "sync", "sh", "-c", f"cat {INVENTORY} 2>/dev/null || true")


def test_a_record_and_a_list_of_the_primary_are_on_the_secondary_after_a_sync(rig: Rig) -> None:
    primary, secondary = rig.node(ALPHA.name), rig.node(BETA.name)
    set_local_records(primary, RECORD)
    call(primary, "POST", "lists?type=block", {"address": LIST})
    secondary.compose("run", "--rm", "tools", "sync", "now")
    held = inventory(secondary)
    assert RECORD in held
    assert LIST in held
    assert "gravity is not built" not in held
    # The primary's own container writes down what it holds, for the exporters to compare.
    primary.engine.docker("restart", "sync")
    wait_for(
        "the primary's inventory to be the same",
        lambda: inventory(primary),
        until=lambda seen: seen == held,
        timeout=60.0,
        every=0.5,
    )
