"""The engine that tests start is gone with them, whatever its containers were doing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine.docker_engine import DockerEngine
from tests.lab.processes import control_groups
from tests.lab.waiting import wait_for

pytestmark = pytest.mark.engine


def processes_of(word: str) -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cgroup"):
        try:
            if word in path.read_text() or word in (path.parent / "cmdline").read_text():
                found.append(path.parent.name)
        except OSError:  # it has just ended
            continue
    return found


def test_an_engine_that_is_ended_with_running_and_paused_containers_leaves_nothing(engine: DockerEngine) -> None:
    assert engine.client.ping()  # where this one cannot run, another one cannot
    with DockerEngine() as another:
        name = another.directory.name
        another.run("running", "while :; do /busybox sleep 1; done", health="exit 0")
        another.run("paused", "while :; do /busybox sleep 1; done")
        another.client.pause("paused")
        assert len(processes_of(name)) > 4
    wait_for("every process to end", lambda: not processes_of(name))
    assert not another.directory.exists()
    assert not control_groups(name)
    assert name not in Path("/proc/self/mountinfo").read_text()
    assert engine.client.ping()
