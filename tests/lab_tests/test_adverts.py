"""Given a pair and a stranger on its LAN who sends VRRP adverts, then keepalived never hears those that do not fit."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from stack.keepalived.advert_filter import COUNTER_PREFIX, REASONS
from tests.lab.advert_sender import to_node
from tests.lab.exporters import fetch, status
from tests.lab.fixtures import require_lab
from tests.lab.keepalived_root import ROOT
from tests.lab.lab import Lab
from tests.lab.plan import ALPHA, BETA, CLIENT, VIPS, Family
from tests.lab.sending import sending
from tests.lab.waiting import wait_for

RUNTIME = "/run/dnsha"
TABLE = "table inet dnsha_vrrp"
# What a test may take on a machine that is busy with something else; the figures themselves are make bench's.
SOON_SECONDS = 3.0

FORGED = (to_node(ALPHA, BETA), to_node(BETA, ALPHA))


@pytest.fixture(scope="module")
def attacked_pair() -> Iterator[Lab]:
    """A lab of this file's own: its exporters tell of what was dropped for ten minutes."""
    require_lab()
    with Lab() as lab:
        yield lab


@pytest.fixture
def pair(attacked_pair: Lab) -> Lab:
    """The same, healthy again."""
    attacked_pair.reset()
    return attacked_pair


def dropped(pair: Lab, node: str) -> dict[str, int]:
    """What the node's kernel has dropped, by reason."""
    listed = pair.hosts[node].run("nft", "--json", "list", "counters", *TABLE.split())
    counters = [entry["counter"] for entry in json.loads(listed)["nftables"] if "counter" in entry]
    return {counter["name"].removeprefix(COUNTER_PREFIX): counter["packets"] for counter in counters}


def report(pair: Lab, node: str) -> dict[str, Any]:
    """What the node says of its filter."""
    found: dict[str, Any] = json.loads(pair.hosts[node].path(f"{RUNTIME}/advert-filter.json").read_text())
    return found


def filter_check(pair: Lab, node: str) -> dict[str, Any]:
    """The exporter's verdict about the node's filter."""
    (check,) = (c for c in status(pair, node)["checks"] if (c["id"], c["node"]) == ("vrrp.filter", node))
    return dict(check)


def counted(pair: Lab, node: str, reason: str) -> float:
    """What the exporter counts of a reason."""
    lines = fetch(pair, node, "/metrics").body.splitlines()
    (sample,) = (line for line in lines if line.startswith(f'dnsha_vrrp_adverts_dropped_total{{reason="{reason}"}}'))
    return float(sample.split()[1])


def stopping_adverts(pair: Lab, node: str) -> int:
    """How many adverts of a master that stops the node's keepalived has heard."""
    dump = json.loads(pair.hosts[node].path(f"{RUNTIME}/vrrp.json").read_text())
    return int((dump["vrrp"] if isinstance(dump, dict) else dump)[0]["stats"]["pri_zero_rcvd"])


def test_three_forged_adverts_with_a_long_interval_leave_nobody_without_an_owner(pair: Lab) -> None:
    """Keepalived takes over the interval of whom it takes for the master: 5 times 40.95 s of silence."""
    forged = [advert.changed(priority=254, interval=4095, count=3) for advert in FORGED]
    with pair.sample() as sampler, sending(pair, *forged):
        time.sleep(3)
    assert {change.owners for change in sampler.sample.changes} == {("alpha",)}
    assert sampler.sample.longest_outage < 1.0


@pytest.mark.parametrize(
    "fields",
    [
        {"priority": 254, "interval": 4095},
        {"priority": 254},
        {"priority": 255},
        {"interval": 1},
        {"priority": 0, "hop_limit": 254},
        {"priority": 254, "version": 2, "interval": 1},
    ],
    ids=lambda fields: " ".join(f"{name}={value}" for name, value in fields.items()),
)
def test_forged_adverts_at_twenty_a_second_lose_nothing(pair: Lab, fields: dict[str, int]) -> None:
    with pair.sample() as sampler, sending(pair, *(advert.changed(**fields) for advert in FORGED)):
        time.sleep(4)
    assert {change.owners for change in sampler.sample.changes} == {("alpha",)}
    assert sampler.sample.lost == 0


def test_adverts_of_a_stranger_move_nothing(pair: Lab) -> None:
    """Its own address, everything else as the pair has it; by unicast, as a clone of the project would."""
    honest = [to_node(node, CLIENT).changed(priority=priority) for node in (ALPHA, BETA) for priority in (100, 254)]
    with pair.sample() as sampler, sending(pair, *honest):
        time.sleep(10)
    assert {change.owners for change in sampler.sample.changes} == {("alpha",)}
    assert sampler.sample.lost == 0


def test_what_is_dropped_is_counted_by_its_reason(pair: Lab) -> None:
    """By the first field that does not fit; another virtual router's adverts are nobody's business."""
    forged = to_node(ALPHA, BETA).changed(count=3, priority=240)
    kinds = {
        "foreign_source": to_node(ALPHA, CLIENT).changed(count=3),
        "ttl": forged.changed(hop_limit=254),
        "version": forged.changed(version=2),
        "interval": forged.changed(interval=6),
        "priority": forged.changed(priority=253),  # the standby says 252 where it takes an unanswered VIP
    }
    before = dropped(pair, "alpha")
    with sending(pair, *kinds.values(), forged.changed(router=54, priority=255)):
        time.sleep(1)
    after = dropped(pair, "alpha")
    assert {reason: after[reason] - before[reason] for reason in after} == dict.fromkeys(kinds, 3)


def test_every_priority_that_a_node_can_have_is_heard(pair: Lab) -> None:
    """Both nodes are drained and fail their checks: the owner advertises 90, and the other one hears it."""
    before = {node: dropped(pair, node) for node in ("alpha", "beta")}
    moves: list[tuple[Callable[[], None], str]] = [
        (lambda: pair.drain("alpha"), "beta"),  # 150 and 240
        (lambda: pair.drain("beta"), "alpha"),  # 150 and 140
        (lambda: pair.pause_service("alpha", "dnsmasq"), "beta"),  # 90 and 140
        (lambda: pair.pause_service("beta", "dnsmasq"), "alpha"),  # 90 and 80
        (lambda: pair.undrain("beta"), "beta"),  # 90 and 180
        (lambda: pair.undrain("alpha"), "alpha"),  # 190 and 180
    ]
    for move, owner in moves:
        move()
        pair.wait_owners(owner, timeout=SOON_SECONDS)
        time.sleep(0.5)  # longer than without an advert
        assert pair.owners() == (owner,)
    assert {node: dropped(pair, node) for node in ("alpha", "beta")} == before


def test_a_master_that_stops_is_heard_and_takes_its_table_along(pair: Lab) -> None:
    dump, now = pair.hosts["beta"].path(f"{RUNTIME}/vrrp.json"), time.time()
    # The one that is there may be of a keepalived that was started anew since.
    wait_for("a dump of now", lambda: dump.stat().st_mtime, until=lambda written: written > now, timeout=15.0)
    before = stopping_adverts(pair, "beta")
    assert TABLE in pair.hosts["alpha"].run("nft", "list", "tables")
    pair.stop_service("alpha", "keepalived")
    pair.wait_owners("beta", timeout=SOON_SECONDS)
    wait_for("beta to say so", lambda: stopping_adverts(pair, "beta"), until=lambda heard: heard > before, timeout=8.0)
    assert TABLE not in pair.hosts["alpha"].run("nft", "list", "tables")


def test_a_crash_ends_in_a_takeover_with_the_filter_in_place(pair: Lab) -> None:
    with pair.sample() as sampler:
        pair.crash("alpha")
        pair.wait_owners("beta", timeout=SOON_SECONDS)
        time.sleep(0.5)
    assert sampler.sample.longest_outage < SOON_SECONDS
    pair.boot("alpha")
    pair.wait_healthy()


def test_what_a_killed_keepalived_left_is_replaced(pair: Lab) -> None:
    with sending(pair, to_node(ALPHA, BETA).changed(hop_limit=1)):
        wait_for("alpha's report", lambda: report(pair, "alpha")["last_dropped"].get("ttl", 0), timeout=20.0)
    at_least = report(pair, "alpha")["dropped"]["ttl"]
    pair.kill9_keepalived("alpha")
    assert TABLE in pair.hosts["alpha"].run("nft", "list", "tables")
    killed = time.time()
    pair.start_service("alpha", "keepalived")
    wait_for("the new one's report", lambda: report(pair, "alpha"), until=lambda told: told["time"] > killed)
    assert dropped(pair, "alpha")["ttl"] >= at_least > 0


def test_a_firewall_that_flushes_the_ruleset_does_not_take_the_filter_away_for_long(pair: Lab) -> None:
    pair.hosts["beta"].run("nft", "flush", "ruleset")
    wait_for(
        "the table to be there again",
        lambda: pair.hosts["beta"].run("nft", "list", "tables"),
        until=lambda tables: TABLE in tables,
        timeout=25.0,
    )
    assert report(pair, "beta")["loaded"] is True


def test_a_node_whose_nft_fails_runs_all_the_same_and_says_so(pair: Lab) -> None:
    alpha = pair.hosts["alpha"]
    program = f"{ROOT}/usr/sbin/nft"
    standin = alpha.path("/run/standin-nft")
    standin.write_text("#!/bin/sh\necho 'Error: Could not process rule: Operation not supported' >&2\nexit 1\n")
    standin.chmod(0o755)
    pair.stop_service("alpha", "keepalived")
    alpha.run("mount", "--bind", "/run/standin-nft", program)
    try:
        pair.start_service("alpha", "keepalived")
        pair.wait_owners("alpha", timeout=15.0)
        problem = "it cannot be loaded: nft: Could not process rule: Operation not supported"
        assert (report(pair, "alpha")["loaded"], report(pair, "alpha")["problem"]) == (False, problem)
        assert problem in (pair.logs / "alpha" / "keepalived.log").read_text()
        check = filter_check(pair, "alpha")
        assert check["status"] == "warning"
        assert check["seen"].startswith(f"keepalived hears every VRRP advert, forged ones too: {problem}")
    finally:
        alpha.run("umount", program)
    wait_for("the filter", lambda: report(pair, "alpha")["loaded"], timeout=25.0)


def test_the_exporter_names_what_is_forged_and_counts_it(pair: Lab) -> None:
    before = counted(pair, "beta", "interval")
    with sending(pair, to_node(BETA, ALPHA).changed(interval=4095, priority=254)):
        wait_for(
            "beta's exporter to count",
            lambda: counted(pair, "beta", "interval"),
            until=lambda count: count > before,
            timeout=25.0,
        )
    check = filter_check(pair, "beta")
    assert check["status"] == "ok", "who sent it is told by the wire watch, and once is enough"
    assert "of another interval" in check["seen"]


@pytest.mark.parametrize(
    ("families", "environment", "forge"),
    [
        (("ipv6",), {}, {"source": ALPHA.ipv6, "destination": BETA.ipv6, "address": VIPS["ipv6"]}),
        (
            ("ipv4",),
            {"USE_UNICAST_VRRP": "false"},
            {"destination": "224.0.0.18", "destination_mac": "01:00:5e:00:00:12"},
        ),
        (
            ("ipv6",),
            {"USE_UNICAST_VRRP": "false"},
            {
                "source": ALPHA.ipv6,
                "destination": "ff02::12",
                "destination_mac": "33:33:00:00:00:12",
                "address": VIPS["ipv6"],
            },
        ),
        (("ipv4",), {"VRRP_PASSWORD": "secret12"}, {"version": 2}),
    ],
    ids=["IPv6", "multicast", "IPv6 by multicast", "VRRPv2"],
)
def test_other_pairs_drop_what_does_not_fit_and_nothing_else(
    families: tuple[Family, ...], environment: dict[str, str], forge: dict[str, str]
) -> None:
    require_lab()
    forged = to_node(BETA, ALPHA).changed(**forge, count=3)
    version_2 = "VRRP_PASSWORD" in environment
    with Lab(families=families, exporter=False, environment=environment) as lab:
        time.sleep(2)
        assert dropped(lab, "alpha") == dropped(lab, "beta") == dict.fromkeys(REASONS, 0)
        wrong = forged.changed(priority=250, interval=200 if version_2 else 4095)
        foreign = forged.changed(source=CLIENT.ipv6 if families == ("ipv6",) else CLIENT.ipv4, priority=254)
        with sending(lab, wrong, foreign, forged.changed(priority=255, interval=1 if version_2 else 5)):
            time.sleep(2)
        assert lab.owners(lab.vips[0]) == ("alpha",)
        lab.drain("alpha")
        lab.wait_owners("beta", timeout=10.0)
        seen = dropped(lab, "beta")
    assert seen == {**dict.fromkeys(REASONS, 0), "foreign_source": 3, "interval": 3, "priority": 3}
