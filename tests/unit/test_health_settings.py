"""The health check's settings, from the environment: given these, it asks."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from exporter.model.errors import ConfigurationError
from stack.health.check import HealthSettings
from stack.keepalived.health_settings import read_health
from stack.keepalived.values import read_environment

WORLD_NAMES = "com,org,de,uk,jp"
COMPOSE = Path(__file__).parents[2] / "compose"
NODE = {
    "NODE_ROLE": "primary",
    "NODE_NAME": "alpha",
    "NODE_IP": "192.0.2.11",
    "PEER_IP": "192.0.2.12",
    "VIP_ADDRESS": "192.0.2.53",
    "NETWORK_INTERFACE": "eth0",
}


def settings(**changes: str) -> HealthSettings:
    environment = {**NODE, **changes}
    return read_health(environment, read_environment(environment, lambda _: []))


def test_the_defaults_are_five_signed_domains_and_half_a_minute() -> None:
    world = settings().world
    assert world is not None
    assert tuple(world.domains) == ("com", "org", "de", "uk", "jp")
    assert (world.patience, world.peer) == (30.0, ("192.0.2.12", 53))


def test_names_of_ones_own_are_taken_with_spaces_between() -> None:
    world = settings(WORLD_NAMES=" com , example.net ,", WORLD_PATIENCE="12").world
    assert world is not None
    assert list(world.domains) == ["com", "example.net"]
    assert world.patience == 12.0


def test_names_that_are_set_and_empty_switch_it_off() -> None:
    assert settings(WORLD_NAMES="").world is None


def test_a_node_without_a_peer_yields_to_nobody() -> None:
    world = settings(NODE_ROLE="standalone", PEER_IP="").world
    assert world is not None
    assert world.peer is None


def test_every_mistake_is_told_at_once() -> None:
    with pytest.raises(ConfigurationError) as caught:
        settings(WORLD_NAMES="com,a..b", WORLD_PATIENCE="soon", DNS_PATIENCE="never")
    assert [problem.partition(":")[0] for problem in caught.value.problems] == [
        "DNS_PATIENCE",
        "WORLD_NAMES",
        "WORLD_PATIENCE",
    ]


def test_compose_passes_on_what_is_set_and_empty_and_so_spells_the_default_too() -> None:
    assert f"${{WORLD_NAMES-{WORLD_NAMES}}}" in (COMPOSE / "compose.yaml").read_text()
    assert f"#WORLD_NAMES={WORLD_NAMES}\n" in (COMPOSE / ".env.example").read_text()


def test_in_layout_b_the_check_knows_both_unbounds() -> None:
    """Else the loss of one that it knows would fail the node, although the other one answers."""
    services = yaml.safe_load((COMPOSE / "layout-b.yaml").read_text())["services"]
    told = services["keepalived"]["environment"]["RECURSOR_ADDRESS"]
    assert told == services["exporter"]["environment"]["RECURSOR_ADDRESS"] == "127.0.0.1:5335,127.0.0.1:5336"
