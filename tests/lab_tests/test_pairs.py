"""The other pairs that a lab can be: one family, another protocol version, with the guard."""

from __future__ import annotations

import pytest

from tests.lab.fixtures import require_lab
from tests.lab.lab import Lab
from tests.lab.plan import VIPS, Family


@pytest.fixture(autouse=True)
def _lab_is_possible() -> None:
    require_lab()


@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
def test_a_pair_may_speak_one_family_alone(family: Family) -> None:
    with Lab(families=[family], exporter=False) as lab:
        assert lab.vips == (VIPS[family],)
        lab.crash("alpha")
        lab.wait_owners("beta")


@pytest.mark.parametrize("extra", [{"USE_UNICAST_VRRP": "false"}, {"VRRP_PASSWORD": "secret12"}])
def test_a_pair_takes_the_environment_that_a_node_may_have(extra: dict[str, str]) -> None:
    with Lab(exporter=False, environment=extra) as lab:
        lab.stop_service("alpha", "keepalived")
        lab.wait_owners("beta")


def test_environment_can_be_given_to_one_node() -> None:
    with Lab(exporter=False, node_environment={"beta": {"VRRP_ADVERT_INTERVAL": "0.05"}}) as lab:
        described = {host.place.name: lab.node_environment(host.place) for host in lab.nodes}
    assert "VRRP_ADVERT_INTERVAL" in described["beta"]
    assert "VRRP_ADVERT_INTERVAL" not in described["alpha"]


def test_with_the_guard_a_killed_keepalived_ends_in_no_split_brain() -> None:
    with Lab(exporter=False, guard=True) as lab:
        with lab.sample() as sampler:
            lab.kill9_keepalived("alpha")
            lab.wait_owners("beta")
        assert sampler.sample.owners_seen_max == 1
        lab.start_service("alpha", "keepalived")
        lab.wait_healthy()
