"""Given a real pair, when its health check fails or what runs beside keepalived dies, then the exporters say so."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from tests.lab import processes
from tests.lab.exporters import run_exporter, status
from tests.lab.lab import Lab
from tests.lab.plan import ALPHA, INTERFACE, IPV4_NETWORK
from tests.lab.waiting import wait_for
from tests.lab_tests.test_exporter import sample, trouble, wait_status

SILENT_SECONDS = 30.0  # more than the age from which on a dump is too old


@pytest.fixture
def renewed_pair(settled_pair: Lab) -> Iterator[Lab]:
    """A healthy pair whose keepalived on alpha begins anew afterwards: a helper's restart is told for ten minutes."""
    yield settled_pair
    settled_pair.stop_service("alpha", "keepalived")
    settled_pair.start_service("alpha", "keepalived")
    settled_pair.wait_owners("alpha", timeout=10.0)


def pid_of(lab: Lab, name: str) -> int:
    """The process beside alpha's keepalived."""
    told = json.loads(lab.hosts["alpha"].path("/run/dnsha/processes.json").read_text())
    return int(told["processes"][name]["pid"])


def seen(document: dict[str, Any], check: str) -> str:
    """What one check saw; empty when it is not there."""
    return next((str(found["seen"]) for found in document["checks"] if found["id"] == check), "")


@pytest.mark.parametrize("name", ["check", "recorder"])
def test_a_killed_helper_is_named_as_such_and_is_nothing_worse(renewed_pair: Lab, name: str) -> None:
    lab = renewed_pair
    check = "health.running" if name == "check" else "recorder.running"
    processes.send(pid_of(lab, name), signal.SIGKILL)
    document = wait_status(lab, "alpha", f"alpha to tell of its {name}", lambda d: "again" in seen(d, check))
    assert document["status"] == "warning"
    assert seen(document, check).endswith("it was killed by SIGKILL")
    assert sample(lab, "alpha", "dnsha_helper_starts_total", process=name) == 2
    assert sample(lab, "alpha", "dnsha_helper_up", process=name) == 1
    assert sample(lab, "alpha", "dnsha_vrrp_state", state="master") == 1
    wait_status(lab, "beta", "beta to repeat it", lambda d: bool(trouble(d, check)))


def test_what_a_dead_recorder_knew_last_is_not_the_state_of_now(renewed_pair: Lab) -> None:
    """The supervisor is frozen, so nobody starts another one, and the VIP moves meanwhile."""
    lab = renewed_pair
    recorder = pid_of(lab, "recorder")
    supervisor = processes.parent_of(recorder)
    assert supervisor is not None
    processes.send(supervisor, signal.SIGSTOP)
    try:
        processes.send(recorder, signal.SIGKILL)
        lab.drain("alpha")
        lab.wait_owners("beta")
        document = wait_for(
            "alpha not to know its state",
            lambda: status(lab, "alpha"),
            until=lambda d: d["vrrp"]["instances"][0]["state"] is None,
            timeout=SILENT_SECONDS,
        )
        assert document["vrrp"]["keepalived_up"]
        assert trouble(document, "vrrp.state")[0]["status"] == "unknown"
        assert not trouble(document, "vrrp.agreement")
        assert sample(lab, "alpha", "dnsha_vrrp_state", state="master") is None
        document = wait_status(lab, "alpha", "alpha to miss it", lambda d: bool(trouble(d, "recorder.running")))
        assert document["status"] == "warning"
        assert seen(document, "recorder.running").startswith("nothing is known of the recorder: the supervisor's last ")
    finally:
        processes.send(supervisor, signal.SIGCONT)
    wait_status(lab, "alpha", "the state to be known", lambda d: d["vrrp"]["instances"][0]["state"] == "backup")
    lab.undrain("alpha")
    lab.wait_owners("alpha")


def test_a_node_without_its_own_address_says_so_where_one_looks(settled_pair: Lab) -> None:
    lab = settled_pair
    alpha = lab.hosts["alpha"]
    own = f"{ALPHA.ipv4}/{IPV4_NETWORK.prefixlen}"
    missing = f"{INTERFACE} does not have this node's own address {ALPHA.ipv4}"
    alpha.run("ip", "address", "del", own, "dev", INTERFACE)
    try:
        lab.wait_owners("beta", timeout=10.0)
        once = wait_for(  # nobody reaches its exporter from elsewhere, and it looks for itself or asks it by loopback
            "alpha to name the address",
            lambda: run_exporter(lab, "alpha", "--once", "--format", "json"),
            until=lambda run: (
                seen(json.loads(run.output), "health.address").startswith(missing)
                and missing in seen(json.loads(run.output), "vrrp.state")
            ),
            timeout=15.0,
        )
        assert once.exit_code != 0
    finally:
        alpha.run("ip", "address", "add", own, "dev", INTERFACE)
    lab.wait_owners("alpha", timeout=10.0)


def test_once_on_a_node_whose_exporter_is_dead_is_not_well(settled_pair: Lab) -> None:
    lab = settled_pair
    lab.stop_service("alpha", "exporter")
    run = run_exporter(lab, "alpha", "--once")
    assert run.exit_code == 1
    assert "WARNING   exporter.running" in run.output
