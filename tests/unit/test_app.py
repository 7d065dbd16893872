"""Which collectors a node has, by its settings, and what one look at it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from exporter.app import COLLECTORS, Application
from exporter.model.observations import Status
from exporter.settings.parse import ExpectedContainer
from tests.unit import samples
from tests.unit.standin_application import application

PIHOLE = ExpectedContainer("pihole", None)


def names(only: tuple[str, ...] = (), **settings: Any) -> list[str]:
    made = Application(samples.settings(**settings), persistent=False, only=only)
    try:
        return [collector.name for collector in made.runner._collectors]
    finally:
        made.runner.stop()


def test_a_node_of_a_pair_watches_address_keepalived_dns_and_peer() -> None:
    assert names() == ["vip", "vrrp", "health", "adverts", "resolve", "peer", "conflict"]


def test_a_standalone_node_has_no_peer() -> None:
    assert "peer" not in names(node_role="standalone", peer_ip=None)


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"docker_host": "unix:///run/docker.sock", "expected_containers": (PIHOLE,)}, "containers"),
        ({"sync_tasks": {"pihole": 3600.0}}, "sync"),
        ({"shared_content": {"unbound": Path("/etc/unbound/shared")}}, "sync"),
        ({"firewall": True}, "firewall"),
        ({"dhcp": True}, "dhcp"),
        ({"unbound_control": Path("/run/unbound")}, "unbound"),
        ({"pihole_statistics_password_file": Path("/run/password")}, "pihole"),
    ],
)
def test_what_is_asked_for_is_watched_as_well(settings: dict[str, Any], name: str) -> None:
    assert name in names(**settings)


def test_docker_without_an_expected_container_is_not_asked() -> None:
    assert "containers" not in names(docker_host="unix:///run/docker.sock")


def test_only_the_named_ones_run() -> None:
    assert names(only=("vrrp", "peer")) == ["vrrp", "peer"]


def test_every_collector_that_can_run_can_be_named() -> None:
    everything = names(
        docker_host="unix:///run/docker.sock",
        expected_containers=(PIHOLE,),
        sync_tasks={"pihole": 3600.0},
        firewall=True,
        dhcp=True,
        unbound_control=Path("/run/unbound"),
        pihole_statistics_password_file=Path("/run/password"),
    )
    assert sorted(everything) == sorted(COLLECTORS)


def test_a_look_is_evaluated_as_a_whole() -> None:
    snapshot = application(samples.healthy()).collect()
    assert (snapshot.verdict, snapshot.status.node.name) == (Status.OK, "alpha")
    assert {check.status for check in snapshot.checks} == {Status.OK}
    snapshot = application(samples.status(failed={"vip": "no netlink"})).collect()
    assert snapshot.verdict is Status.UNKNOWN


def test_beside_a_keepalived_of_ones_own_what_the_stack_alone_has_is_absent() -> None:
    assert names(keepalived="own") == ["vip", "vrrp", "resolve", "peer"]
    assert names(keepalived="none") == ["vip", "resolve", "peer"]
