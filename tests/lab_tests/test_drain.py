"""``drain`` and ``undrain`` on a real pair: what the kernels and a client see, not what the tool says."""

from __future__ import annotations

import signal
import subprocess
import time
from typing import TYPE_CHECKING

from tests.lab.exporters import status
from tests.lab.plan import BETA
from tests.lab.waiting import wait_for
from tests.lab_tests.tools_on_a_node import command, environment, run_tool

if TYPE_CHECKING:
    from tests.lab.lab import Lab

REQUEST = "/run/dnsha/drain"


def test_a_client_is_answered_all_the_time_through_a_drain_and_the_fail_back(settled_pair: Lab) -> None:
    with settled_pair.sample() as sampler:
        drained = run_tool(settled_pair, "alpha", "drain")
        assert drained.exit_code == 0, drained.said
        assert {vip: settled_pair.owners(vip) for vip in settled_pair.vips} == dict.fromkeys(
            settled_pair.vips, ("beta",)
        )
        time.sleep(0.5)
        back = run_tool(settled_pair, "alpha", "undrain")
        assert back.exit_code == 0, back.said
        assert settled_pair.owners() == ("alpha",)
        time.sleep(0.5)
    # What a busy machine has in flight at the two moments may be lost; how much, a benchmark measures.
    assert sampler.sample.lost <= 3
    assert sampler.sample.longest_outage < 0.25
    assert sampler.sample.owners_seen_max <= 2
    assert set(sampler.sample.answers_by_node) == {"alpha", "beta"}


def test_the_request_is_written_into_the_file_that_keepalived_watches(settled_pair: Lab) -> None:
    request = settled_pair.hosts["beta"].path(REQUEST)
    inode = request.stat().st_ino
    assert run_tool(settled_pair, "beta", "drain").exit_code == 0
    assert (request.stat().st_ino, request.read_text()) == (inode, "1\n")
    assert run_tool(settled_pair, "beta", "undrain").exit_code == 0
    assert (request.stat().st_ino, request.read_text()) == (inode, "0\n")


def test_a_drained_backup_does_not_take_over_and_draining_twice_is_the_same_as_once(settled_pair: Lab) -> None:
    for _ in range(2):
        done = run_tool(settled_pair, "beta", "drain")
        assert done.exit_code == 0, done.said
    assert settled_pair.owners() == ("alpha",)
    assert "beta is drained" in done.said


def test_a_node_whose_partner_is_sick_refuses_to_drain(settled_pair: Lab) -> None:
    settled_pair.kill_service("beta", "unbound")
    wait_for(
        "beta's exporter to notice",
        lambda: status(settled_pair, "beta"),
        until=lambda seen: any(
            check["id"] == "resolve.unbound" and check["status"] != "ok" for check in seen["checks"]
        ),
        timeout=15,
    )
    refused = run_tool(settled_pair, "alpha", "drain")
    assert refused.exit_code == 2
    assert "nobody could take over" in refused.said
    assert settled_pair.hosts["alpha"].path(REQUEST).read_text() == "0\n"
    assert settled_pair.owners() == ("alpha",)


def test_a_node_whose_partner_is_silent_drains_by_force_alone_and_keeps_serving(settled_pair: Lab) -> None:
    settled_pair.crash("beta")
    refused = run_tool(settled_pair, "alpha", "drain")
    assert refused.exit_code == 2
    assert f"http://{BETA.ipv4}" in refused.said
    with settled_pair.sample() as sampler:
        forced = run_tool(settled_pair, "alpha", "drain", "--force")
        assert forced.exit_code == 0, forced.said
        assert settled_pair.owners() == ("alpha",)
        time.sleep(0.5)
    assert sampler.sample.lost == 0


def test_the_last_undrained_node_refuses_to_drain_as_well(settled_pair: Lab) -> None:
    assert run_tool(settled_pair, "beta", "drain").exit_code == 0
    refused = run_tool(settled_pair, "alpha", "drain")
    assert refused.exit_code == 2
    assert "beta is drained itself" in refused.said


def test_a_drain_that_is_interrupted_or_too_late_is_taken_back(settled_pair: Lab) -> None:
    settled_pair.pause_service("alpha", "keepalived")  # it will not hand over anything
    late = run_tool(settled_pair, "alpha", "drain", "--timeout", "1")
    assert late.exit_code == 1
    assert "waited 1 s for the VIP to move" in late.said
    assert settled_pair.hosts["alpha"].path(REQUEST).read_text() == "0\n"
    process = subprocess.Popen(
        command(settled_pair, "alpha", "drain"),
        env=environment(settled_pair, "alpha"),
        stderr=subprocess.PIPE,
        text=True,
    )
    request = settled_pair.hosts["alpha"].path(REQUEST)
    wait_for("the request", request.read_text, until=lambda text: text == "1\n")
    process.send_signal(signal.SIGTERM)  # nsenter and env have become the tool
    _, said = process.communicate(timeout=20)
    assert "takes part again, as before" in said
    assert request.read_text() == "0\n"


def test_undrain_says_that_the_vip_cannot_come_back_while_the_primary_is_sick(settled_pair: Lab) -> None:
    assert run_tool(settled_pair, "alpha", "drain").exit_code == 0
    settled_pair.kill_service("alpha", "dnsmasq")
    time.sleep(1)
    done = run_tool(settled_pair, "alpha", "undrain", "--timeout", "3")
    assert done.exit_code == 1
    assert "keepalived is in FAULT: this node's DNS or its own address is missing, see exporter --once" in done.said
    assert settled_pair.owners() == ("beta",)
    assert settled_pair.answering(place="client") == "beta"
