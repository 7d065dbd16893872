"""Given a pair with guards, when the VIP moves or keepalived is killed, then no query is lost and nobody doubles."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial

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


def welcomed(lab: Lab, node: str) -> list[str]:
    """What makes a node receive and answer what is sent to a virtual IP: two routes, and an IPv6 address of lo."""
    host = lab.hosts[node]
    routes = [host.run("ip", flag, "route", "show", "table", "local") for flag in ("-4", "-6")]
    addresses = host.run("ip", "-6", "-o", "address", "show", "dev", "lo")
    found = [line for text in routes for line in text.splitlines() if "metric 5353" in line]
    return found + [line for line in addresses.splitlines() if VIPS["ipv6"] in line]


def test_planned_moves_lose_no_query(pair: Lab) -> None:
    with (
        pair.sample(VIPS["ipv4"], interval=4 * MILLISECOND) as ipv4,
        pair.sample(VIPS["ipv6"], interval=4 * MILLISECOND) as ipv6,
    ):
        for _ in range(6):
            pair.drain("alpha")
            pair.wait_owners("beta")
            time.sleep(0.5)
            pair.undrain("alpha")
            pair.wait_owners("alpha")
            time.sleep(0.5)
    for sample in (ipv4.sample, ipv6.sample):
        assert set(sample.answers_by_node) == {"alpha", "beta"}
    assert (ipv4.sample.lost, ipv6.sample.lost) == (0, 0)


def test_a_graceful_stop_of_keepalived_loses_no_query(pair: Lab) -> None:
    with (
        pair.sample(VIPS["ipv4"], interval=4 * MILLISECOND) as ipv4,
        pair.sample(VIPS["ipv6"], interval=4 * MILLISECOND) as ipv6,
    ):
        time.sleep(0.3)
        pair.stop_service("alpha", "keepalived")
        pair.wait_owners("beta")
        time.sleep(0.5)
    assert (ipv4.sample.lost, ipv6.sample.lost) == (0, 0)


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


def test_a_guard_leaves_an_address_added_by_hand_while_keepalived_is_stopped(pair: Lab) -> None:
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


def test_a_virtual_ip_is_welcome_while_it_is_here_and_for_a_moment_after(pair: Lab) -> None:
    alpha, beta = partial(welcomed, pair, "alpha"), partial(welcomed, pair, "beta")
    wait_for("alpha to welcome it", alpha, until=lambda found: len(found) == 3, timeout=5)
    wait_for("beta to welcome nothing", beta, until=lambda found: not found, timeout=5)
    pair.drain("alpha")
    pair.wait_owners("beta")
    wait_for("alpha to dismiss it", alpha, until=lambda found: not found, timeout=5)
    wait_for("beta to welcome it", beta, until=lambda found: len(found) == 3, timeout=5)
    pair.stop_service("beta", "guard")
    assert not any("metric 5353" not in line for line in beta())


def test_a_killed_keepalived_leaves_nothing_welcome(pair: Lab) -> None:
    alpha = partial(welcomed, pair, "alpha")
    wait_for("alpha to welcome it", alpha, until=lambda found: len(found) == 3, timeout=5)
    pair.kill9_keepalived("alpha")
    pair.wait_owners("beta")
    wait_for("alpha to dismiss it", alpha, until=lambda found: not found, timeout=1)


def test_nobody_is_led_to_a_node_by_what_it_welcomes(pair: Lab) -> None:
    """The client is given no chance to ask the owner: its question is sent to a node that welcomes the address only."""
    alpha, client = pair.hosts["alpha"], pair.hosts["client"]
    assert alpha.run("cat", "/proc/sys/net/ipv4/conf/eth0/arp_ignore").strip() == "1"
    pair.stop_service("alpha", "guard")  # which would take away what is put here by hand
    pair.stop_service("beta", "keepalived")
    pair.stop_service("alpha", "keepalived")
    pair.wait_owners()
    alpha.run("ip", "route", "add", "local", f"{VIPS['ipv4']}/32", "dev", "lo", "table", "local", "metric", "5353")
    alpha.run("ip", "address", "add", f"{VIPS['ipv6']}/128", "dev", "lo", "preferred_lft", "0")
    try:
        for family in ("-4", "-6"):
            client.run("ip", family, "neighbour", "flush", "dev", "eth0")
        assert [pair.answering(vip) for vip in VIPS.values()] == [None, None]
        neighbours = [client.run("ip", "neighbour", "show", vip) for vip in VIPS.values()]
        assert not any("lladdr" in line for line in neighbours)
    finally:
        alpha.run("ip", "route", "delete", "local", f"{VIPS['ipv4']}/32", "table", "local", "metric", "5353")
        alpha.run("ip", "address", "delete", f"{VIPS['ipv6']}/128", "dev", "lo")
