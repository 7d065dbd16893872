"""A node whose clock is wrong, or is put right, serves on and says so."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from tests.lab.errors import LabError
from tests.lab.exporters import status, wait_settled
from tests.lab.fixtures import require_lab, require_own_clocks
from tests.lab.lab import Lab
from tests.lab.plan import ALPHA, BETA
from tests.lab.waiting import wait_for

DAY = 86400.0


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    require_lab()
    require_own_clocks()
    with Lab(guard=True, own_clocks=True) as lab:
        yield lab


def troubles(lab: Lab, node: str) -> list[str]:
    return [check["id"] for check in status(lab, node)["checks"] if check["status"] != "ok"]


def offset(lab: Lab, node: str) -> float:
    peer: dict[str, Any] = status(lab, node)["peer"]
    return float(peer["peer"]["clock_offset"])


@pytest.mark.parametrize("ahead", [60.0, -3600.0, DAY])
def test_a_step_of_a_nodes_clock_moves_nothing_and_is_reported_by_both(lab: Lab, ahead: float) -> None:
    lab.step_clock(BETA.name, 0)
    wait_settled(lab)
    with lab.sample() as sampler:
        lab.step_clock(BETA.name, ahead)
        for node in (ALPHA.name, BETA.name):
            wait_for(
                f"{node} to report the other clock, and nothing else",
                partial(troubles, lab, node),
                until=lambda seen: seen == ["peer.clock"],
                timeout=15,
                steady=3,
            )
        assert offset(lab, ALPHA.name) == pytest.approx(ahead, abs=5)
        assert offset(lab, BETA.name) == pytest.approx(-ahead, abs=5)
        assert abs(status(lab, BETA.name)["time"] - time.time() - ahead) < 5
        lab.step_clock(BETA.name, 0)
        wait_settled(lab)
        outcome = sampler.stop()
    assert outcome.lost == 0


def test_a_clock_stays_wrong_through_a_crash(lab: Lab) -> None:
    lab.step_clock(BETA.name, DAY)
    lab.crash(BETA.name)
    lab.boot(BETA.name)
    wait_for(
        "alpha to see it", lambda: troubles(lab, ALPHA.name), until=lambda seen: seen == ["peer.clock"], timeout=15
    )


def test_a_host_without_a_clock_of_its_own_has_the_machines(pair: Lab) -> None:
    with pytest.raises(LabError, match="alpha has no clock of its own"):
        pair.step_clock(ALPHA.name, 60)
