"""The drill on a real pair: it proves the takeover, refuses on a sick pair, and never leaves a node drained."""

from __future__ import annotations

import json
import signal
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.lab.exporters import status
from tests.lab.waiting import wait_for
from tests.lab_tests.tools_on_a_node import command, environment, run_tool

if TYPE_CHECKING:
    from tests.lab.lab import Lab

REQUEST = "/run/dnsha/drain"
STAMP = "/run/dnsha-stamps/drill.json"


def stamp(lab: Lab, node: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(lab.hosts[node].path(STAMP).read_bytes())
    return found


def test_a_drill_moves_the_vip_there_and_back_and_says_what_it_saw(settled_pair: Lab) -> None:
    with settled_pair.sample() as sampler:
        done = run_tool(settled_pair, "alpha", "drill", "now")
    assert done.exit_code == 0, done.said
    # The client's own view: answered all the time, by one node after the other, and by the first again.
    order = [query.node for query in sampler.sample.queries if query.node]
    changes = [node for node, before in zip(order, [None, *order], strict=False) if node != before]
    assert (changes[0], changes[-1]) == ("alpha", "alpha")
    assert "beta" in changes
    assert sampler.sample.longest_outage < 0.5
    assert settled_pair.owners() == ("alpha",)
    found = stamp(settled_pair, "alpha")
    assert (found["exit_status"], found["took_over"]) == (0, "beta")
    assert 0 <= found["seconds"] < 5
    assert found["queries"] > 100
    assert found["queries_lost"] <= found["queries"] * 0.1


def test_a_sick_pair_is_not_drilled(settled_pair: Lab) -> None:
    settled_pair.kill_service("beta", "unbound")
    wait_for(
        "alpha's exporter to notice",
        lambda: status(settled_pair, "alpha"),
        until=lambda seen: seen["status"] != "ok",
        timeout=15,
    )
    with settled_pair.sample() as sampler:
        done = run_tool(settled_pair, "alpha", "drill", "now")
    assert done.exit_code == 2
    assert "the pair is not healthy" in done.said
    assert set(sampler.sample.answers_by_node) == {"alpha"}
    assert stamp(settled_pair, "alpha")["exit_status"] == 2


def test_the_node_without_the_vip_refuses_and_names_the_other(settled_pair: Lab) -> None:
    done = run_tool(settled_pair, "beta", "drill", "now")
    assert done.exit_code == 2
    assert "alpha has the VIP; run it there" in done.said


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_a_drill_that_is_stopped_or_killed_undrains(settled_pair: Lab, number: signal.Signals, code: int) -> None:
    process = subprocess.Popen(
        command(settled_pair, "alpha", "drill", "now"), env=environment(settled_pair, "alpha"), stderr=subprocess.PIPE
    )
    request = settled_pair.hosts["alpha"].path(REQUEST)
    try:
        wait_for(
            "the request, or the drill's end",
            lambda: (request.read_text(), process.poll()),
            until=lambda seen: seen[0] == "1\n" or seen[1] is not None,
            timeout=15,
        )
    finally:
        process.send_signal(number)
        said = process.communicate(timeout=30)[1]
    assert process.returncode == code, said.decode()
    wait_for("the request to be taken back", request.read_text, until=lambda text: text == "0\n")
    settled_pair.wait_owners("alpha")


def test_when_the_other_node_dies_in_the_middle_the_vip_comes_back(settled_pair: Lab) -> None:
    process = subprocess.Popen(
        command(settled_pair, "alpha", "drill", "now"),
        env=environment(settled_pair, "alpha"),
        stderr=subprocess.PIPE,
        text=True,
    )
    settled_pair.wait_owners("beta", timeout=15)
    settled_pair.crash("beta")
    process.communicate(timeout=60)
    assert settled_pair.hosts["alpha"].path(REQUEST).read_text() == "0\n"
    settled_pair.wait_owners("alpha")
    assert settled_pair.answering() == "alpha"
