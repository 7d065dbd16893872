"""The demo shows what it promises, and the exporters tell of what happens to the pair."""

from __future__ import annotations

import dataclasses
import json
import time
from functools import partial
from pathlib import Path

import pytest

from tests.lab import demo
from tests.lab.exporters import Watch, fetch, run_exporter, status
from tests.lab.fixtures import require_lab
from tests.lab.lab import Lab
from tests.lab.plan import NODES, VIPS
from tests.lab.scenarios import SCENARIOS
from tests.lab.waiting import wait_for


def test_every_exporter_serves_without_a_single_capability(pair: Lab) -> None:
    for host in pair.nodes:
        process = host.service("exporter").pid
        capabilities = [
            line.split()[1] for line in host.path(f"/proc/{process}/status").read_text().splitlines() if "Cap" in line
        ]
        assert set(capabilities) == {"0000000000000000"}
        assert fetch(pair, host.place.name, "/metrics").status == 200


def test_the_exporters_status_is_had_from_any_place(settled_pair: Lab) -> None:
    for place in ("client", "alpha", "beta"):
        assert status(settled_pair, "alpha", place=place)["node"]["name"] == "alpha"


def test_once_on_a_healthy_node_ends_well(settled_pair: Lab) -> None:
    for node in ("alpha", "beta"):
        # On a busy machine an answer may be slow, which is a warning: a later look is a good one.
        run = wait_for(
            f"exporter --once on {node} to end with 0",
            partial(run_exporter, settled_pair, node, "--once", "--format", "json"),
            until=lambda run: run.exit_code == 0,
            timeout=10.0,
        )
        assert json.loads(run.output)["status"] == "ok"


def test_a_watch_sees_an_exporter_fall_silent_and_come_back(settled_pair: Lab) -> None:
    with Watch(settled_pair, "beta") as watch:
        wait_for("a first report", lambda: watch.reports)
        before = time.monotonic()
        settled_pair.kill_service("beta", "exporter")
        wait_for("silence", lambda: watch.first_since(before, lambda report: report.silent))
        settled_pair.start_service("beta", "exporter")
        wait_for("an answer", lambda: not watch.reports[-1].silent)
    assert watch.reports[0].owned == frozenset()


@pytest.mark.timeout(120)
def test_the_demo_shows_four_recovered_failures(capsys: pytest.CaptureFixture[str]) -> None:
    require_lab()
    started = time.time()
    assert demo.run() == 0
    printed = capsys.readouterr().out
    assert demo.RESULT.stat().st_mtime >= started
    result = json.loads(demo.RESULT.read_text())

    scenarios = {scenario["name"]: scenario for scenario in result["scenarios"]}
    assert list(scenarios) == ["graceful", "service", "crash", "sigkill"]
    for name, scenario in scenarios.items():
        assert name in printed
        assert (scenario["owner_before"], scenario["owner_after"]) == ("alpha", "beta")
        assert scenario["recovered"]
        assert scenario["queries"] >= 50
        assert 0 <= scenario["queries_lost"] < scenario["queries"]
        assert 0 <= scenario["outage_seconds"] < 10
        assert 0 < scenario["exporter_detect_seconds"] < 10
        first, *_, last = scenario["answers"]
        assert (first[0] < 0, first[2], last[2]) == (True, "alpha", "beta")
    # The guard takes the VIP off the node of the killed keepalived; without it both own it until the recovery.
    assert not any("vip.split_brain" in line for line in printed.splitlines() if line.startswith("  sigkill"))
    assert demo.PRINTED.read_text() in printed
    assert set(result["once"]) == {place.name for place in NODES}
    assert "exporter --once on alpha" in printed
    assert VIPS["ipv4"] in printed


def test_a_pair_that_does_not_recover_fails_the_demo(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    require_lab()
    hopeless = dataclasses.replace(SCENARIOS[0], recover=lambda _lab, _owner: None)
    monkeypatch.setattr(demo, "SCENARIOS", (hopeless, *SCENARIOS[1:]))
    monkeypatch.setattr(demo, "RESULT", tmp_path / "demo.json")
    monkeypatch.setattr(demo, "PRINTED", tmp_path / "demo.txt")
    assert demo.run() == 1
    (shown,) = json.loads(demo.RESULT.read_text())["scenarios"]
    assert (shown["name"], shown["recovered"]) == ("graceful", False)
    assert "NOT RECOVERED" in capsys.readouterr().out


def test_a_failure_that_no_exporter_tells_of_fails_the_demo(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    require_lab()
    untold = dataclasses.replace(SCENARIOS[0], told=lambda _report, _vip: False)
    monkeypatch.setattr(demo, "SCENARIOS", (untold,))
    monkeypatch.setattr(demo, "RESULT", tmp_path / "demo.json")
    monkeypatch.setattr(demo, "PRINTED", tmp_path / "demo.txt")
    assert demo.run() == 1
    (shown,) = json.loads(demo.RESULT.read_text())["scenarios"]
    assert shown["exporter_detect_seconds"] is None
    assert "never" in capsys.readouterr().out
