"""Given a real pair, when something breaks, then the exporters say so; the kernel and a client are the judges."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.lab.exporters import fetch, run_exporter, status
from tests.lab.lab import Lab
from tests.lab.plan import VIPS
from tests.lab.waiting import wait_for

VIP = VIPS["ipv4"]
DETECT_SECONDS = 15.0


def sample(lab: Lab, node: str, name: str, **labels: str) -> float | None:
    """One value of a node's ``/metrics``, read by the library's parser; None when it is not there."""
    for family in text_string_to_metric_families(fetch(lab, node, "/metrics").body):
        for found in family.samples:
            if found.name == name and labels.items() <= found.labels.items():
                return found.value
    return None


def wait_status(lab: Lab, node: str, what: str, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Wait until a node's JSON status is as wanted."""
    return wait_for(what, lambda: status(lab, node), until=wanted, timeout=DETECT_SECONDS)


def trouble(document: dict[str, Any], check: str) -> list[dict[str, Any]]:
    """The checks of one name that are not ok."""
    return [found for found in document["checks"] if found["id"] == check and found["status"] != "ok"]


def test_both_exporters_count_a_failover_and_its_return(settled_pair: Lab) -> None:
    lab = settled_pair

    def moves(node: str) -> tuple[float | None, float | None]:
        names = ("dnsha_vip_acquisitions_total", "dnsha_vip_releases_total")
        return sample(lab, node, names[0], vip=VIP), sample(lab, node, names[1], vip=VIP)

    before = {node: moves(node) for node in ("alpha", "beta")}
    for _ in range(3):
        lab.drain("alpha")
        lab.wait_owners("beta")
        lab.undrain("alpha")
        lab.wait_owners("alpha")
    for node, (acquired, released) in before.items():
        assert acquired is not None
        assert released is not None
        assert moves(node) == (acquired + 3, released + 3)
    transitions = sample(lab, "beta", "dnsha_vrrp_transitions_total", vrrp_instance="VI_1", state="master")
    assert transitions is not None
    assert transitions >= 3


def test_a_killed_keepalived_is_dead_at_once_and_the_split_brain_is_seen_by_both(settled_pair: Lab) -> None:
    lab = settled_pair
    lab.kill9_keepalived("alpha")
    document = wait_status(lab, "alpha", "alpha to see its keepalived dead", lambda d: not d["vrrp"]["keepalived_up"])
    assert [instance["state"] for instance in document["vrrp"]["instances"]] == ["stopped"]
    assert trouble(document, "vip.abandoned")
    lab.wait_owners("alpha", "beta")
    for node in ("alpha", "beta"):
        seen = wait_status(lab, node, f"{node} to see the split brain", lambda d: bool(trouble(d, "vip.split_brain")))
        assert seen["status"] == "critical"
    assert sample(lab, "beta", "dnsha_vip_owners", vip=VIP) == 2
    assert sample(lab, "alpha", "dnsha_vrrp_state", state="master") == 0
    once = run_exporter(lab, "beta", "--once", "--format", "nagios")
    assert once.exit_code == 2
    assert once.output.startswith("DNSHA CRITICAL - ")
    lab.start_service("alpha", "keepalived")
    wait_status(lab, "beta", "the split brain to end", lambda d: not trouble(d, "vip.split_brain"))


def test_a_dead_unbound_behind_a_live_pihole_is_told_apart(settled_pair: Lab) -> None:
    lab = settled_pair
    lab.kill_service("beta", "unbound")
    document = wait_status(lab, "beta", "beta's Unbound to fail", lambda d: bool(trouble(d, "resolve.unbound")))
    assert {check["status"] for check in trouble(document, "resolve.unbound")} == {"warning"}
    document = wait_status(lab, "beta", "beta's Pi-hole to fail too", lambda d: bool(trouble(d, "resolve.pihole")))
    assert not trouble(document, "resolve.vip")
    document = wait_status(lab, "beta", "VRRP to be in fault", lambda d: bool(trouble(d, "vrrp.state")))
    (fault,) = trouble(document, "vrrp.state")
    assert fault["seen"] == "VI_1 is in state fault: Unbound refuses questions: nothing listens there"
    from_alpha = wait_status(lab, "alpha", "alpha to repeat it", lambda d: bool(trouble(d, "resolve.unbound")))
    assert {check["node"] for check in trouble(from_alpha, "resolve.unbound")} == {"beta"}
    refused = sample(lab, "beta", "dnsha_resolve_failures_total", target="unbound", protocol="udp", reason="refused")
    assert refused is not None
    assert refused > 0


def test_an_outage_is_counted_once_with_about_the_length_that_a_client_saw(settled_pair: Lab) -> None:
    lab = settled_pair
    labels = {"target": "vip", "server": f"{VIP}:53", "protocol": "udp"}
    before = sample(lab, "beta", "dnsha_resolve_outages_total", **labels)
    with lab.sample(VIP) as sampler:
        time.sleep(0.3)
        for node in ("beta", "alpha"):  # both, so that nobody can take over
            lab.stop_service(node, "dnsmasq")
        time.sleep(2)
        for node in ("alpha", "beta"):
            lab.start_service(node, "dnsmasq")
        lab.wait_healthy()
        time.sleep(0.5)
    lab.wait_healthy()
    assert before is not None
    wait_for(
        "the outage to be counted",
        lambda: sample(lab, "beta", "dnsha_resolve_last_outage_seconds", **labels),
        until=lambda value: value is not None,
        timeout=DETECT_SECONDS,
    )
    lasted = sample(lab, "beta", "dnsha_resolve_last_outage_seconds", **labels)
    assert lasted is not None
    assert abs(lasted - sampler.sample.longest_outage) < 1.5  # it asks once a second until it fails
    after = sample(lab, "beta", "dnsha_resolve_outages_total", **labels)
    assert after is not None
    assert 1 <= after - before <= 2  # the return of the VIP may cost a query


def test_counters_survive_a_restart_of_the_exporter(settled_pair: Lab) -> None:
    lab = settled_pair
    lab.drain("alpha")
    lab.wait_owners("beta")
    lab.undrain("alpha")
    lab.wait_owners("alpha")
    names = ("dnsha_vip_acquisitions_total", "dnsha_vip_releases_total", "dnsha_vip_last_transition_timestamp_seconds")
    before = [sample(lab, "alpha", name, vip=VIP) for name in names]
    log_before = sample(lab, "alpha", "dnsha_vrrp_transitions_total", state="master")
    lab.stop_service("alpha", "exporter")
    lab.start_service("alpha", "exporter")
    wait_status(lab, "alpha", "the exporter to have its data", lambda d: bool(d["vips"]))
    assert [sample(lab, "alpha", name, vip=VIP) for name in names] == before
    assert sample(lab, "alpha", "dnsha_vrrp_transitions_total", state="master") == log_before


def test_a_move_while_the_exporter_was_away_is_counted(settled_pair: Lab) -> None:
    lab = settled_pair
    before = sample(lab, "beta", "dnsha_vip_acquisitions_total", vip=VIP)
    lab.stop_service("beta", "exporter")
    lab.drain("alpha")
    lab.wait_owners("beta")
    lab.start_service("beta", "exporter")
    wait_status(lab, "beta", "the exporter to have its data", lambda d: bool(d["vips"]))
    assert before is not None
    assert sample(lab, "beta", "dnsha_vip_acquisitions_total", vip=VIP) == before + 1


def test_a_frozen_keepalived_is_not_believed_for_long(settled_pair: Lab) -> None:
    lab = settled_pair
    lab.pause_service("beta", "keepalived")
    document = wait_for(
        "beta's counters to be too old",
        lambda: status(lab, "beta"),
        until=lambda d: bool(trouble(d, "vrrp.data")),
        timeout=30,
    )
    assert document["status"] in ("unknown", "warning", "critical")
    assert sample(lab, "beta", "dnsha_scrape_collector_success", collector="vrrp") == 0
    assert sample(lab, "beta", "dnsha_scrape_collector_success", collector="vip") == 1
    lab.resume_service("beta", "keepalived")
    wait_status(lab, "beta", "fresh counters", lambda d: not trouble(d, "vrrp.data"))


def test_a_silent_peer_is_a_warning_and_nothing_else_fails(settled_pair: Lab) -> None:
    lab = settled_pair
    lab.pause_service("beta", "exporter")  # accepts connections and never answers
    document = wait_status(lab, "alpha", "alpha to miss its peer", lambda d: bool(trouble(d, "peer.reachable")))
    assert document["status"] == "warning"
    assert all(collector["success"] for collector in document["collectors"])
    once = run_exporter(lab, "alpha", "--once", "--format", "json")
    assert once.exit_code == 1
    assert json.loads(once.output)["peer"]["peer"] is None
    lab.resume_service("beta", "exporter")
    wait_status(lab, "alpha", "the peer to be back", lambda d: d["status"] == "ok")


def test_nodes_cut_from_each_other_say_that_the_peer_is_gone(settled_pair: Lab) -> None:
    lab = settled_pair
    lab.cut_between("alpha", "beta")
    lab.wait_owners("alpha", "beta")
    for node in ("alpha", "beta"):
        wait_status(lab, node, f"{node} to miss its peer", lambda d: bool(trouble(d, "peer.reachable")))
    lab.mend()
    lab.wait_owners("alpha")
    for node in ("alpha", "beta"):
        wait_status(lab, node, f"{node} to be well", lambda d: d["status"] == "ok")


def test_a_drained_node_says_so_on_both(settled_pair: Lab) -> None:
    lab = settled_pair
    lab.drain("alpha")
    for node in ("alpha", "beta"):
        document = wait_status(lab, node, f"{node} to tell of the drain", lambda d: bool(trouble(d, "node.drained")))
        assert {check["node"] for check in trouble(document, "node.drained")} == {"alpha"}
    assert sample(lab, "alpha", "dnsha_drained") == 1


def test_once_alone_finds_what_a_running_exporter_finds(settled_pair: Lab) -> None:
    lab = settled_pair
    beside = run_exporter(lab, "alpha", "--once", "--format", "json")
    lab.stop_service("alpha", "exporter")
    alone = run_exporter(lab, "alpha", "--once", "--format", "json")
    first, second = json.loads(beside.output), json.loads(alone.output)
    assert (beside.exit_code, first["status"]) == (0, "ok")
    ids = [{(c["id"], c["node"], c["subject"]) for c in d["checks"] if c["node"] == "alpha"} for d in (first, second)]
    assert ids[0] - ids[1] <= {("vip.split_brain", "alpha", vip) for vip in lab.vips}
    assert second["status"] in ("ok", "warning")  # the peer may miss the exporter that was stopped


@pytest.mark.parametrize("only", ["vip", "resolve", "vip,vrrp"])
def test_only_restricts_the_verdict(settled_pair: Lab, only: str) -> None:
    once = run_exporter(settled_pair, "beta", "--once", "--format", "json", "--only", only)
    document = json.loads(once.output)
    assert once.exit_code == 0
    assert {check["collector"] for check in document["checks"]} == set(only.split(","))


def test_fifty_scrapes_at_once_are_all_answered(settled_pair: Lab) -> None:
    lab = settled_pair
    script = "for i in $(seq 50); do (curl -sf -o /dev/null http://127.0.0.1:9753/metrics && echo good) & done; wait"
    run = lab.hosts["alpha"].run("sh", "-c", script)
    assert run.split() == ["good"] * 50
