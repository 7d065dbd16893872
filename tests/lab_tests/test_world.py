"""Given a pair whose nodes resolve names of the internet, when one no longer does, then it yields and says why."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from tests.lab import processes, standin_internet
from tests.lab.exporters import status
from tests.lab.fixtures import require_lab, require_own_clocks
from tests.lab.internet import internet, put_faults
from tests.lab.lab import Lab
from tests.lab.plan import ALPHA, BETA, REPOSITORY, STATIC_ADDRESS
from tests.lab.standin_internet import FAULTS, INTERNET
from tests.lab.waiting import wait_for

DAY = 86400.0
# A tenth of what is shipped: a question every second.
PATIENCE_SECONDS = 3.0
YIELDED_SECONDS = 20.0
CONTROL = "/run/unbound-control.socket"
BOTH = (ALPHA.name, BETA.name)


@pytest.fixture(scope="module")
def shared_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    require_lab()
    require_own_clocks()
    key, unbound_lines = standin_internet.make_key(tmp_path_factory.mktemp("internet"))
    environment = {"WORLD_NAMES": "com,org", "WORLD_PATIENCE": str(PATIENCE_SECONDS)}
    controlled = f"{unbound_lines}remote-control:\n  control-enable: yes\n  control-interface: {CONTROL}\n"
    with Lab(own_clocks=True, unbound_lines=controlled, environment=environment) as lab, internet(lab, key):
        yield lab


@pytest.fixture
def lab(shared_lab: Lab) -> Lab:
    shared_lab.hosts[INTERNET.name].path(FAULTS).unlink(missing_ok=True)
    shared_lab.step_clock(ALPHA.name, 0)
    shared_lab.mend()
    for node in BOTH:  # Unbound keeps a key that it has refused for a minute
        shared_lab.stop_service(node, "unbound")
        shared_lab.start_service(node, "unbound")
    wait_worlds(shared_lab, "ok", *BOTH)
    shared_lab.reset()
    return shared_lab


def world(lab: Lab, node: str) -> dict[str, Any]:
    document = json.loads(lab.hosts[node].path("/run/dnsha/health/report.json").read_text())
    return dict(document["questions"]["world"])


def wait_worlds(lab: Lab, verdict: str, *nodes: str) -> None:
    for node in nodes:
        wait_for(
            f"{node} to find its world {verdict}",
            partial(world, lab, node),
            until=lambda told: told["verdict"] == verdict,
            timeout=60.0,
        )


def check_of(lab: Lab, node: str) -> dict[str, Any]:
    """What the node's exporter makes of it."""
    (check,) = (one for one in status(lab, node)["checks"] if (one["id"], one["node"]) == ("resolve.world", node))
    return dict(check)


def put_fault(lab: Lab, fault: str, *nodes: str) -> None:
    put_faults(lab.hosts[INTERNET.name], {lab.hosts[node].place.ipv4: fault for node in nodes})


def test_both_nodes_resolve_and_the_primary_owns(lab: Lab) -> None:
    assert {node: world(lab, node)["problem"] for node in BOTH} == dict.fromkeys(BOTH, "")
    assert lab.owners() == (ALPHA.name,)
    assert {node: check_of(lab, node)["status"] for node in BOTH} == dict.fromkeys(BOTH, "ok")
    assert lab.query("client", lab.vips[0], "any.name.com").records == (STATIC_ADDRESS,)


def test_a_node_that_the_internet_does_not_answer_yields_and_takes_the_vip_back(lab: Lab) -> None:
    with lab.sample() as sampler:
        lab.cut_between(ALPHA.name, INTERNET.name)
        lab.wait_owners(BETA.name, timeout=YIELDED_SECONDS)
        told = world(lab, ALPHA.name)
        assert told["verdict"] == "hard"
        assert told["problem"].startswith("Unbound resolves no name of the internet: ")
        # The lab's nodes have no gateway; were there one, Unbound would be found not to answer.
        assert "no route to the internet" in told["problem"]
        assert world(lab, BETA.name)["verdict"] == "ok"
        lab.mend()
        lab.wait_owners(ALPHA.name, timeout=90.0)
    assert sampler.sample.longest_outage < 1.0


def test_when_no_node_resolves_nothing_moves(lab: Lab) -> None:
    with lab.sample() as sampler:
        put_fault(lab, "fail", *BOTH)
        wait_worlds(lab, "hard", *BOTH)
        time.sleep(2 * PATIENCE_SECONDS)
        assert {node: check_of(lab, node)["status"] for node in BOTH} == dict.fromkeys(BOTH, "critical")
    assert {change.owners for change in sampler.sample.changes} == {(ALPHA.name,)}


def test_when_the_one_that_was_yielded_to_fails_too_nothing_moves_any_more(lab: Lab) -> None:
    put_fault(lab, "fail", ALPHA.name)
    lab.wait_owners(BETA.name, timeout=YIELDED_SECONDS)
    put_fault(lab, "fail", *BOTH)
    wait_worlds(lab, "hard", *BOTH)
    time.sleep(2 * PATIENCE_SECONDS)
    assert lab.owners() == (BETA.name,)


def test_a_clock_that_is_behind_is_named_as_the_cause(lab: Lab) -> None:
    lab.step_clock(ALPHA.name, -30 * DAY)
    lab.wait_owners(BETA.name, timeout=YIELDED_SECONDS)
    problem = world(lab, ALPHA.name)["problem"]
    # Signed a day ago.
    assert "validation refuses it, because this node's clock is wrong" in problem
    assert "at least 29 days before the signatures" in problem
    told = wait_for(
        "the exporter to compare the clocks",
        partial(check_of, lab, ALPHA.name),
        until=lambda check: "beta's clock" in check["seen"],
        timeout=15.0,
    )
    assert told["status"] == "warning"
    assert "beta's clock is 30.0 days ahead of this node's; on beta they resolve" in told["seen"]
    lab.step_clock(ALPHA.name, 0)
    lab.wait_owners(ALPHA.name, timeout=90.0)


def test_a_clock_that_is_ahead_is_named_as_the_cause(lab: Lab) -> None:
    lab.step_clock(ALPHA.name, 100 * DAY)
    lab.wait_owners(BETA.name, timeout=YIELDED_SECONDS)
    # Signed for ten days, one of which was over.
    assert "at least 91 days after the signatures" in world(lab, ALPHA.name)["problem"]
    # Unbound keeps what it has refused until a time that does not come for a hundred days.
    lab.step_clock(ALPHA.name, 0)
    wait_for(
        "the cause to be another one",
        lambda: world(lab, ALPHA.name)["problem"],
        until=lambda problem: "docker restart unbound" in problem,
        timeout=20.0,
    )
    lab.stop_service(ALPHA.name, "unbound")
    lab.start_service(ALPHA.name, "unbound")
    lab.wait_owners(ALPHA.name, timeout=90.0)


def look_at_the_clock(lab: Lab, node: str) -> None:
    """Do what Unbound's container does at its start and every 15 s."""
    host = lab.hosts[node]
    settings = ("UNBOUND_CLOCK=/run/unbound-clock", f"UNBOUND_CONFIG={lab.logs / node / 'unbound.conf'}")
    host.run("env", *host.clock_environment, *settings, str(REPOSITORY / "stack" / "unbound" / "clock-step"))


def test_an_unbound_that_refused_everything_heals_when_the_clock_is_put_right(lab: Lab) -> None:
    look_at_the_clock(lab, ALPHA.name)
    lab.step_clock(ALPHA.name, 100 * DAY)
    look_at_the_clock(lab, ALPHA.name)
    lab.wait_owners(BETA.name, timeout=YIELDED_SECONDS)
    lab.step_clock(ALPHA.name, 0)
    with lab.sample(interval=0.02) as sampler:
        look_at_the_clock(lab, ALPHA.name)
        lab.wait_owners(ALPHA.name, timeout=30.0)
    assert world(lab, ALPHA.name)["verdict"] == "ok"
    assert sampler.sample.longest_outage < 0.5


def test_signatures_that_are_stripped_on_the_way_are_named_as_the_cause(lab: Lab) -> None:
    put_fault(lab, "strip", ALPHA.name)
    lab.wait_owners(BETA.name, timeout=YIELDED_SECONDS)
    assert "DNSSEC's signatures are missing" in world(lab, ALPHA.name)["problem"]


def test_forged_answers_are_told_from_a_wrong_clock(lab: Lab) -> None:
    put_fault(lab, "forge", ALPHA.name)
    lab.wait_owners(BETA.name, timeout=YIELDED_SECONDS)
    assert "somebody on the way forges answers" in world(lab, ALPHA.name)["problem"]


def test_a_check_that_is_killed_goes_on_yielding(lab: Lab) -> None:
    put_fault(lab, "fail", ALPHA.name)
    lab.wait_owners(BETA.name, timeout=YIELDED_SECONDS)
    path = lab.hosts[ALPHA.name].path("/run/dnsha/processes.json")
    before = json.loads(path.read_text())["processes"]["check"]
    with lab.sample() as sampler:
        processes.send(before["pid"], signal.SIGKILL)
        wait_for(
            "another check",
            lambda: json.loads(path.read_text())["processes"]["check"],
            until=lambda told: told["starts"] > before["starts"] and told["running"],
        )
        time.sleep(2 * PATIENCE_SECONDS)
    assert {change.owners for change in sampler.sample.changes} == {(BETA.name,)}


def test_a_node_that_boots_where_nobody_resolves_takes_the_vip_as_ever(lab: Lab) -> None:
    put_fault(lab, "fail", *BOTH)
    wait_worlds(lab, "hard", *BOTH)
    lab.stop_service(ALPHA.name, "keepalived")
    lab.wait_owners(BETA.name)
    lab.start_service(ALPHA.name, "keepalived")
    lab.wait_owners(ALPHA.name, timeout=10.0)


def test_a_node_that_boots_with_a_wrong_clock_gives_the_vip_back(lab: Lab) -> None:
    lab.stop_service(ALPHA.name, "keepalived")
    lab.wait_owners(BETA.name)
    lab.step_clock(ALPHA.name, -30 * DAY)
    lab.start_service(ALPHA.name, "keepalived")
    wait_worlds(lab, "hard", ALPHA.name)
    lab.wait_owners(BETA.name, timeout=YIELDED_SECONDS)
