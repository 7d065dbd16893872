"""Given a pair, when a node cannot serve, then it gives the VIP away at once; and when it can, nothing moves."""

from __future__ import annotations

import contextlib
import json
import signal
import time
from functools import partial
from typing import Any

import pytest

from tests.lab import processes
from tests.lab.lab import Lab
from tests.lab.plan import ALPHA, INTERFACE
from tests.lab.waiting import wait_for

RUNTIME = "/run/dnsha"
# What a test may take on a machine that is busy with something else; the figures themselves are make bench's.
SOON_SECONDS = 3.0


def report(pair: Lab, node: str) -> dict[str, Any]:
    """What the node's health check says."""
    found: dict[str, Any] = json.loads(pair.hosts[node].path(f"{RUNTIME}/health/report.json").read_text())
    return dict(found["questions"])


def verdict_of_chain(pair: Lab, node: str) -> str:
    return str(report(pair, node)["chain"]["verdict"])


def beside_keepalived(pair: Lab, node: str, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(pair.hosts[node].path(f"{RUNTIME}/processes.json").read_text())
    return dict(found["processes"][name])


@pytest.mark.parametrize("service", ["dnsmasq", "unbound"])
def test_a_stopped_service_costs_clients_little(pair: Lab, service: Any) -> None:
    with pair.sample() as sampler:
        pair.stop_service("alpha", service)
        pair.wait_owners("beta", timeout=SOON_SECONDS)
        wait_for("beta to answer", pair.answering, until=lambda node: node == "beta")
    assert sampler.sample.longest_outage < SOON_SECONDS
    chain = report(pair, "alpha")["chain"]
    assert chain["verdict"] == "hard"
    assert chain["problem"].endswith("refuses questions: nothing listens there")
    assert ("Unbound" in chain["problem"]) is (service == "unbound")


@pytest.mark.parametrize("service", ["dnsmasq", "unbound"])
def test_a_service_that_keeps_its_socket_and_answers_no_more_is_given_up(pair: Lab, service: Any) -> None:
    with pair.sample() as sampler:
        pair.pause_service("alpha", service)
        pair.wait_owners("beta", timeout=SOON_SECONDS)
        wait_for("beta to answer", pair.answering, until=lambda node: node == "beta")
    assert sampler.sample.longest_outage < SOON_SECONDS
    assert report(pair, "alpha")["chain"]["verdict"] == "soft"


def test_two_nodes_whose_services_hang_still_have_an_owner(pair: Lab) -> None:
    for node in ("alpha", "beta"):
        pair.pause_service(node, "dnsmasq")
    for node in ("alpha", "beta"):
        wait_for(
            f"{node} to notice",
            partial(verdict_of_chain, pair, node),
            until=lambda verdict: verdict == "soft",
        )
    time.sleep(1)
    assert pair.owners() == ("alpha",)


def test_short_pauses_of_the_service_and_of_the_check_move_nothing(settled_pair: Lab) -> None:
    pair = settled_pair
    check = beside_keepalived(pair, "alpha", "check")["pid"]
    with pair.sample() as sampler:
        for _ in range(5):
            pair.pause_service("alpha", "dnsmasq")
            time.sleep(0.3)
            pair.resume_service("alpha", "dnsmasq")
            time.sleep(0.5)
            processes.send(check, signal.SIGSTOP)
            time.sleep(0.3)
            processes.send(check, signal.SIGCONT)
            time.sleep(0.2)
    assert {change.owners for change in sampler.sample.changes} == {("alpha",)}


def test_a_killed_check_is_started_again_and_fails_nobody(pair: Lab) -> None:
    before = beside_keepalived(pair, "alpha", "check")["starts"]
    processes.send(beside_keepalived(pair, "alpha", "check")["pid"], signal.SIGKILL)
    wait_for(
        "another check",
        lambda: beside_keepalived(pair, "alpha", "check"),
        until=lambda told: told["starts"] == before + 1 and told["running"],
    )
    assert beside_keepalived(pair, "alpha", "check")["last_end"] == "was killed by SIGKILL"
    assert pair.owners() == ("alpha",)
    assert report(pair, "alpha")["chain"]["verdict"] == "ok"


def test_a_check_that_hangs_hides_a_dead_dns_for_few_seconds_only(pair: Lab) -> None:
    # Else the other node comes before one that has proved nothing yet, whatever this check does.
    wait_for("alpha's chain to be proved", partial(verdict_of_chain, pair, "alpha"), until=lambda one: one == "ok")
    processes.send(beside_keepalived(pair, "alpha", "check")["pid"], signal.SIGSTOP)
    pair.kill_service("alpha", "dnsmasq")
    pair.wait_owners("beta", timeout=10.0)
    assert beside_keepalived(pair, "alpha", "check")["last_end"] == "gave no sign of life for 2 s"


def test_a_node_that_loses_its_own_address_gives_the_vip_away_and_takes_it_back(pair: Lab) -> None:
    alpha = pair.hosts["alpha"]
    alpha.run("ip", "address", "del", f"{ALPHA.ipv4}/24", "dev", INTERFACE)
    pair.wait_owners("beta", timeout=5.0)
    wait_for("beta to answer", pair.answering, until=lambda node: node == "beta")
    # Its adverts ended at once, and the check waits a moment for an address that is only replaced.
    address = wait_for(
        "alpha to say so", lambda: report(pair, "alpha")["address"], until=lambda one: one["verdict"] == "hard"
    )
    assert address["problem"] == f"{INTERFACE} does not have this node's own address {ALPHA.ipv4}"
    alpha.run("ip", "address", "add", f"{ALPHA.ipv4}/24", "dev", INTERFACE)
    pair.wait_owners("alpha", timeout=10.0)


def test_a_node_that_boots_without_its_address_does_not_take_the_vip(pair: Lab) -> None:
    alpha = pair.hosts["alpha"]
    pair.stop_service("alpha", "keepalived")
    pair.wait_owners("beta")
    alpha.run("ip", "address", "del", f"{ALPHA.ipv4}/24", "dev", INTERFACE)
    with pair.sample() as sampler:
        pair.start_service("alpha", "keepalived")
        time.sleep(4)
    alpha.run("ip", "address", "add", f"{ALPHA.ipv4}/24", "dev", INTERFACE)
    pair.wait_healthy()
    assert {change.owners for change in sampler.sample.changes} == {("beta",)}
    assert sampler.sample.longest_outage < 1.0


def test_a_killed_recorder_is_started_again_and_loses_no_event(pair: Lab) -> None:
    """And counts no start of keepalived that there was not."""
    alpha = pair.hosts["alpha"]

    def messages() -> list[str]:
        lines = alpha.path(f"{RUNTIME}/events.jsonl").read_text().splitlines()
        return [json.loads(line)["message"] for line in lines]

    starts = sum("KEEPALIVED START" in message for message in messages())
    processes.send(beside_keepalived(pair, "alpha", "recorder")["pid"], signal.SIGKILL)
    pair.drain("alpha")
    pair.wait_owners("beta")
    wait_for("the state to be recorded", lambda: messages()[-3:], until=lambda last: any("BACKUP" in m for m in last))
    assert sum("KEEPALIVED START" in message for message in messages()) == starts


def test_a_full_runtime_directory_ends_neither_recorder_nor_check(pair: Lab) -> None:
    alpha = pair.hosts["alpha"]
    before = {name: beside_keepalived(pair, "alpha", name)["starts"] for name in ("check", "recorder")}
    filler = alpha.path("/run/filler")
    try:
        with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):  # ENOSPC, which is the point
            while file.write(bytes(1 << 16)):
                pass
        time.sleep(6)  # longer than between two dumps
        pair.stop_service("alpha", "dnsmasq")
        pair.wait_owners("beta", timeout=SOON_SECONDS)
    finally:
        filler.unlink()
    pair.start_service("alpha", "dnsmasq")
    pair.wait_owners("alpha", timeout=10.0)
    wait_for(
        "the supervisor to write again",
        lambda: {name: beside_keepalived(pair, "alpha", name)["starts"] for name in ("check", "recorder")},
        until=lambda starts: starts == before,
        timeout=8.0,
    )


def test_a_keepalived_that_hangs_is_ended_and_leaves_the_vip() -> None:
    """With the guard, which takes the address off the node when keepalived is dead."""
    with Lab(guard=True) as lab:
        lab.wait_healthy()
        vrrp = int(lab.hosts["alpha"].path(f"{RUNTIME}/keepalived-vrrp.pid").read_text())
        processes.send(vrrp, signal.SIGSTOP)
        lab.wait_owners("beta", timeout=10.0)
        wait_for("beta to answer", lab.answering, until=lambda node: node == "beta")
        keepalived = lab.hosts["alpha"].service("keepalived")
        wait_for("the end of all of it", lambda: keepalived.running, until=lambda running: not running)
        lab.start_service("alpha", "keepalived")
        lab.wait_owners("alpha", timeout=10.0)


@pytest.mark.parametrize("state", ["backup", "fault"])
def test_a_keepalived_that_has_nothing_to_do_is_left_alone(pair: Lab, state: str) -> None:
    node = "beta" if state == "backup" else "alpha"
    if state == "fault":
        pair.stop_service("alpha", "dnsmasq")
        pair.wait_owners("beta")
    before = pair.hosts[node].service("keepalived").pid
    time.sleep(5)
    assert pair.hosts[node].service("keepalived").pid == before
