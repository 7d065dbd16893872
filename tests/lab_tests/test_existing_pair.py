"""Given a pair that somebody has set up themselves, then the exporter's verdict about it is right, whatever happens."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.lab.existing import VIP, ExistingPair, wrong
from tests.lab.exporters import fetch, run_exporter, status
from tests.lab.fixtures import require_lab
from tests.lab.plan import STATIC_NAME
from tests.lab.waiting import wait_for

START_SECONDS = 40.0  # a busy machine


@pytest.fixture(scope="module")
def made() -> Iterator[ExistingPair]:
    require_lab()
    with ExistingPair() as lab:
        yield lab


@pytest.fixture
def existing(made: ExistingPair) -> ExistingPair:
    for host in made.nodes:
        host.launch_services()
    made.wait_healthy()
    return made


def wait_wrong(lab: ExistingPair, node: str, *expected: str) -> list[str]:
    """Wait until a node's exporter finds these wrong, and nothing else; return what it says of them."""
    return wait_for(
        f"{node}'s exporter to find wrong {expected or 'nothing'}",
        lambda: sorted(wrong(status(lab, node))),
        until=lambda found: [line.split(":")[0] for line in found] == sorted(expected),
        timeout=30,
    )


def once(lab: ExistingPair, node: str) -> tuple[int, dict[str, Any]]:
    run = run_exporter(lab, node, "--once", "--format", "json")
    return run.exit_code, json.loads(run.output)


@pytest.mark.parametrize(("node", "state"), [("alpha", "master"), ("beta", "backup")])
def test_a_healthy_one_is_well_with_no_collector_of_the_stack(existing: ExistingPair, node: str, state: str) -> None:
    code, document = once(existing, node)
    assert (code, wrong(document)) == (0, [])
    assert [one["name"] for one in document["collectors"]] == ["vip", "vrrp", "resolve", "peer"]
    assert {one["name"]: one["state"] for one in document["vrrp"]["instances"]} == {"DNS": state}
    text = run_exporter(existing, node, "--once").output
    assert "by whom is not known" in text
    assert not [word for word in ("Pi-hole", "Unbound", "docker", "None") if word in text]


def test_a_resolver_that_stops_is_named_and_the_other_node_takes_over(existing: ExistingPair) -> None:
    lab = existing
    lab.stop_service("alpha", "dnsmasq")
    lab.wait_owners("beta", timeout=15)
    own = ("warning resolve.pihole of alpha", "warning resolve.pihole of alpha", "warning vrrp.state of alpha")
    wait_wrong(lab, "alpha", *own)
    wait_wrong(lab, "beta", *own, "warning resolve.peer of beta", "warning resolve.peer of beta")
    assert once(lab, "alpha")[0] == once(lab, "beta")[0] == 1
    lab.start_service("alpha", "dnsmasq")
    lab.wait_healthy()


def test_a_failover_is_counted_and_a_dead_keepalived_told(existing: ExistingPair) -> None:
    lab = existing
    lab.stop_service("alpha", "keepalived")
    lab.wait_owners("beta", timeout=15)
    (found,) = wait_wrong(lab, "beta", "warning keepalived.running of alpha")
    assert found.endswith("keepalived does not run on this node")
    assert lab.query("client", VIP, STATIC_NAME).rcode == "NOERROR"
    metrics = fetch(lab, "beta", "/metrics").body
    text = metrics if isinstance(metrics, str) else metrics.decode()
    assert 'dnsha_vrrp_state{vrrp_instance="DNS",state="master"} 1' in text
    lab.start_service("alpha", "keepalived")
    lab.wait_healthy()


def test_a_killed_keepalived_leaves_a_split_brain_that_is_told(existing: ExistingPair) -> None:
    """There is no guard to take the address off the node."""
    lab = existing
    lab.kill9_keepalived("alpha")
    lab.wait_owners("alpha", "beta", timeout=15)
    told = (
        "critical vip.split_brain of beta",
        "critical vip.abandoned of alpha",
        "warning keepalived.running of alpha",
    )
    wait_wrong(lab, "beta", *told)
    assert once(lab, "beta")[0] == 2
    lab.start_service("alpha", "keepalived")
    lab.wait_healthy()


def test_a_peer_without_an_exporter_is_one_warning_that_does_not_call_it_dead(existing: ExistingPair) -> None:
    lab = existing
    lab.stop_service("beta", "exporter")
    (found,) = wait_wrong(lab, "alpha", "warning peer.reachable of alpha")
    assert "its DNS answers, but whether it is ready to take over is not known" in found
    code, document = once(lab, "alpha")
    assert (code, document["status"]) == (1, "warning")
    lab.stop_service("alpha", "exporter")  # and so on the other node, which does not own the address
    lab.hosts["beta"].service("exporter").start(START_SECONDS)
    wait_wrong(lab, "beta", "warning peer.reachable of beta")


def test_a_restarted_exporter_knows_the_state_again(existing: ExistingPair) -> None:
    lab = existing
    lab.stop_service("beta", "exporter")
    lab.stop_service("alpha", "keepalived")
    lab.wait_owners("beta", timeout=15)
    lab.hosts["beta"].service("exporter").start(START_SECONDS)

    def states() -> dict[str, str]:
        seen = status(lab, "beta")["vrrp"]
        return {one["name"]: one["state"] for one in seen["instances"]} if seen else {}

    wait_for("what was announced meanwhile", states, until=lambda seen: seen == {"DNS": "master"}, timeout=10)
    lab.start_service("alpha", "keepalived")
    lab.wait_healthy()


def test_without_any_line_in_keepalived_conf_owner_resolver_and_peer_are_told() -> None:
    require_lab()
    with ExistingPair(line="") as lab:
        code, document = once(lab, "alpha")
        assert (code, wrong(document), document["vrrp"]["instances"]) == (0, [], [])
        lab.stop_service("alpha", "keepalived")
        lab.wait_owners("beta", timeout=15)
        wait_wrong(lab, "beta", "warning keepalived.running of alpha")
