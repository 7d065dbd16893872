"""Given a minute of random faults with a fixed seed, then no rule is broken; and a pair without guards is found out."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.chaos.plan import Step, write
from tests.lab.fixtures import require_lab, require_own_clocks
from tests.lab.plan import BUILD, REPOSITORY


def chaos(*arguments: str) -> subprocess.CompletedProcess[str]:
    require_lab()
    require_own_clocks()
    return subprocess.run(
        [sys.executable, "-m", "tests.chaos", *arguments],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )


@pytest.mark.timeout(300)
def test_a_minute_of_random_faults_breaks_no_rule() -> None:
    done = chaos("--seed", "gate186", "--rounds", "2", "--shorten", "0")
    assert done.returncode == 0, done.stderr + done.stdout
    told = json.loads((BUILD / "chaos.json").read_text())
    assert told["failed"] == []
    assert told["rounds"] == 2
    assert len(told["faults"]) > 12


@pytest.mark.timeout(300)
def test_a_pair_without_guards_is_found_out_and_the_sequence_shortened(tmp_path: Path) -> None:
    steps = (Step(0.5, "load", "beta", 1.0, 2.0), Step(1.0, "kill-container", "alpha", 4.0))
    sequence = tmp_path / "steps.json"
    sequence.write_text(write(steps))
    done = chaos("--replay", str(sequence), "--no-guard", "--shorten", "3")
    assert done.returncode == 1, done.stderr + done.stdout
    (failed,) = json.loads((BUILD / "chaos.json").read_text())["failed"]
    assert "no VIP without keepalived" in failed["rules"]
    assert failed["seen_again"]
    assert [step["fault"] for step in failed["steps"]] == ["kill-container"]
