"""VRRP in the other ways that .env offers: with a password, as VRRPv2, and by multicast."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pytest

from tests.lab.exporters import status
from tests.lab.plan import ALPHA, BETA, NODES
from tests.lab.waiting import wait_for

from .rig import Rig

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]

# What is written into both nodes' .env, and the version that keepalived then speaks.
VARIANTS: Final = {
    "VRRPv2 with a password": ({"VRRP_PASSWORD": "k3h7a9x2"}, 2),
    "VRRPv3 by multicast": ({"USE_UNICAST_VRRP": "false"}, 3),
}


def up(rig: Rig, more: dict[str, str]) -> None:
    """Write both nodes' .env, and do what .env.example says after a change of a password."""
    for place in NODES:
        rig.node(place.name).write_env({**rig.env(place), **more})
    for place in NODES:
        rig.node(place.name).compose("up", "--detach", "--no-build", "--force-recreate", "settings", "keepalived")


@pytest.fixture(params=VARIANTS)
def variant(request: pytest.FixtureRequest, rig: Rig) -> Iterator[tuple[Rig, int]]:
    """The pair in that way, and the VRRP version."""
    more, version = VARIANTS[request.param]
    up(rig, more)
    rig.wait_healthy()
    yield rig, version
    up(rig, {})


def test_the_virtual_ip_moves_and_has_one_owner(variant: tuple[Rig, int]) -> None:
    rig, version = variant
    spoken = wait_for(
        "both exporters to tell the version",
        lambda: {one["version"] for place in NODES for one in status(rig, place.name)["vrrp"]["instances"]},
        until=lambda seen: None not in seen,
        timeout=30.0,
        every=0.5,
    )
    assert spoken == {version}
    node = rig.node(ALPHA.name)
    node.engine.docker("stop", "keepalived")
    rig.wait_owners(BETA.name, timeout=15.0)
    wait_for("beta to answer", rig.answering, until=lambda name: name == BETA.name, timeout=15.0)
    node.engine.docker("start", "keepalived")
    rig.wait_owners(ALPHA.name, timeout=30.0)
    wait_for("alpha to answer", rig.answering, until=lambda name: name == ALPHA.name, timeout=15.0)
    rig.crash(ALPHA.name)
    rig.wait_owners(BETA.name, timeout=15.0)
    wait_for("beta to answer", rig.answering, until=lambda name: name == BETA.name, timeout=15.0)
    rig.boot(ALPHA.name)
    rig.wait_healthy()
