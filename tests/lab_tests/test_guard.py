"""Given a pair with guards, when the VIP moves or keepalived is killed, then no query is lost and nobody doubles."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.lab.fixtures import require_lab
from tests.lab.lab import Lab
from tests.lab.plan import VIPS
from tests.lab.waiting import wait_for

VIP = VIPS["ipv4"]
MILLISECOND = 0.001


@pytest.fixture(scope="module")
def guarded() -> Iterator[Lab]:
    require_lab()
    with Lab(guard=True, exporter=False) as lab:
        yield lab


@pytest.fixture
def pair(guarded: Lab) -> Lab:
    guarded.reset()
    return guarded


def routes(lab: Lab, node: str) -> list[str]:
    """The guard's own routes on a node, those with a metric, of both families."""
    listed = [lab.hosts[node].run("ip", flag, "route", "show", "table", "local") for flag in ("-4", "-6")]
    return [line for text in listed for line in text.splitlines() if "metric 5353" in line]


def test_planned_moves_lose_no_query(pair: Lab) -> None:
    with pair.sample(VIP, interval=MILLISECOND) as sampler:
        for _ in range(3):
            pair.drain("alpha")
            pair.wait_owners("beta")
            time.sleep(0.5)
            pair.undrain("alpha")
            pair.wait_owners("alpha")
            time.sleep(0.5)
    sample = sampler.sample
    assert set(sample.answers_by_node) == {"alpha", "beta"}
    assert sample.lost == 0


def test_a_graceful_stop_of_keepalived_loses_no_query(pair: Lab) -> None:
    with pair.sample(VIP, interval=MILLISECOND) as sampler:
        time.sleep(0.3)
        pair.stop_service("alpha", "keepalived")
        pair.wait_owners("beta")
        time.sleep(0.5)
    assert sampler.sample.lost == 0


def test_a_killed_keepalived_never_leaves_two_owners(pair: Lab) -> None:
    with pair.sample(VIP) as sampler:
        time.sleep(0.3)
        pair.kill9_keepalived("alpha")
        pair.wait_owners("beta")
        time.sleep(0.3)
    sample = sampler.sample
    assert sample.owners_seen_max == 1
    assert sample.owner_samples > 100
    assert sample.answers_by_node.get("beta", 0) > 0


def test_a_guard_that_starts_after_the_death_removes_what_is_left(pair: Lab) -> None:
    pair.kill_service("alpha", "guard")
    pair.kill9_keepalived("alpha")
    pair.wait_owners("alpha", "beta")
    pair.start_service("alpha", "guard")
    pair.wait_owners("beta")


def test_a_guard_leaves_an_address_alone_that_was_added_by_hand_while_keepalived_is_stopped(pair: Lab) -> None:
    pair.stop_service("beta", "keepalived")
    time.sleep(0.3)
    pair.hosts["beta"].run("ip", "address", "add", "192.0.2.99/32", "dev", "eth0")
    pair.stop_service("alpha", "keepalived")
    pair.wait_owners()
    pair.hosts["beta"].run("ip", "address", "add", f"{VIP}/32", "dev", "eth0")
    time.sleep(0.5)
    assert pair.owners(VIP) == ("beta",)
    for address in ("192.0.2.99", VIP):
        pair.hosts["beta"].run("ip", "address", "delete", f"{address}/32", "dev", "eth0")


def test_the_route_is_there_with_the_address_and_goes_soon_after_it(pair: Lab) -> None:
    wait_for("alpha to have both routes", lambda: routes(pair, "alpha"), until=lambda found: len(found) == 2, timeout=5)
    wait_for("beta to have none", lambda: routes(pair, "beta"), until=lambda found: not found, timeout=5)
    pair.drain("alpha")
    pair.wait_owners("beta")
    wait_for("alpha's routes to go", lambda: routes(pair, "alpha"), until=lambda found: not found, timeout=5)
    pair.stop_service("beta", "guard")
    assert routes(pair, "beta") == []


def test_nobody_is_led_to_a_node_by_the_route_alone(pair: Lab) -> None:
    wait_for("alpha to have both routes", lambda: routes(pair, "alpha"), until=lambda found: len(found) == 2, timeout=5)
    ignored = pair.hosts["alpha"].run("cat", "/proc/sys/net/ipv4/conf/eth0/arp_ignore")
    assert ignored.strip() == "1"
