"""Given a pair with guards, when keepalived's container is frozen, its node has no VIP; a pause alone moves none."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from tests.lab import processes
from tests.lab.fixtures import require_lab
from tests.lab.lab import Lab
from tests.lab.waiting import wait_for

RUNTIME = "/run/dnsha"
# Longer than the silence after which the guard acts.
LONG_SECONDS = 6.0
ACTED_SECONDS = 6.0


@pytest.fixture(scope="module")
def guarded() -> Iterator[Lab]:
    require_lab()
    with Lab(guard=True, exporter=False) as lab:
        yield lab


@pytest.fixture
def pair(guarded: Lab) -> Lab:
    guarded.reset()
    return guarded


def said_by_guard(pair: Lab) -> str:
    return pair.hosts["alpha"].service("guard").log.read_text()


def owners_during(pair: Lab, seconds: float) -> set[tuple[str, ...]]:
    with pair.sample() as sampler:
        time.sleep(seconds)
    return {change.owners for change in sampler.sample.changes}


def test_a_frozen_container_leaves_the_vip_and_takes_it_back_when_it_thaws(pair: Lab) -> None:
    pair.pause_service("alpha", "keepalived")
    pair.wait_owners("beta", timeout=ACTED_SECONDS)
    wait_for("beta to answer", pair.answering, until=lambda node: node == "beta")
    assert "given no sign of life for 2.5 s" in pair.hosts["alpha"].service("guard").log_tail()
    assert owners_during(pair, LONG_SECONDS) == {("beta",)}
    pair.resume_service("alpha", "keepalived")
    pair.wait_owners("alpha", timeout=10.0)
    wait_for("alpha to answer", pair.answering, until=lambda node: node == "alpha")
    assert owners_during(pair, 3.0) == {("alpha",)}
    assert "gives signs of life again" in pair.hosts["alpha"].service("guard").log_tail()


def test_a_guard_that_starts_beside_a_frozen_container_acts_too(pair: Lab) -> None:
    pair.stop_service("alpha", "guard")
    pair.pause_service("alpha", "keepalived")
    pair.wait_owners("alpha", "beta")
    pair.start_service("alpha", "guard")
    pair.wait_owners("beta", timeout=ACTED_SECONDS)


def test_the_guard_takes_nothing_from_a_node_whose_supervisor_alone_is_stopped(pair: Lab) -> None:
    supervisor = json.loads(pair.hosts["alpha"].path(f"{RUNTIME}/processes.json").read_text())
    recorder = supervisor["processes"]["recorder"]["pid"]
    parent = processes.parent_of(recorder)
    assert parent is not None
    processes.send(parent, signal.SIGSTOP)
    try:
        assert owners_during(pair, LONG_SECONDS) == {("alpha",)}
    finally:
        processes.send(parent, signal.SIGCONT)


def test_short_pauses_of_the_whole_container_leave_the_guard_alone(pair: Lab) -> None:
    """The other node takes over meanwhile, and gives it back."""
    before = said_by_guard(pair)
    for _ in range(8):
        pair.pause_service("alpha", "keepalived")
        time.sleep(0.3)
        pair.resume_service("alpha", "keepalived")
        time.sleep(0.2)
    pair.wait_owners("alpha")
    assert "no sign of life" not in said_by_guard(pair).removeprefix(before)


def test_a_full_runtime_directory_is_no_silence(pair: Lab) -> None:
    filler = pair.hosts["alpha"].path("/run/filler")
    try:
        with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):  # ENOSPC, which is the point
            while file.write(bytes(1 << 16)):
                pass
        assert owners_during(pair, LONG_SECONDS) == {("alpha",)}
    finally:
        filler.unlink()


def test_a_busy_node_is_no_silence(pair: Lab) -> None:
    spinning = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(10)]
    try:
        assert owners_during(pair, 2 * LONG_SECONDS) == {("alpha",)}
    finally:
        for one in spinning:
            one.kill()
            one.wait()
