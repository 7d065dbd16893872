"""A change brings the next run forward: of Pi-hole's files here, of what the other node's exporter tells."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from exporter.model.errors import CollectorError
from exporter.sources import peer_status
from exporter.sources.digest import digest
from stack.tools import change_watch, schedule
from stack.tools.change_watch import FilesWatch, PeerWatch
from stack.tools.errors import Interrupted

from .conftest import MakeNode, Node


def status(content: str | None) -> bytes:
    """What the other node's exporter tells, with a digest of what its Pi-hole holds."""
    digests = [] if content is None else [{"name": "pihole", "digest": content}]
    node = {"name": "alpha", "role": "primary", "address": "192.0.2.11", "version": "0.2.0"}
    document = {"format": 1, "node": node, "time": 1.7e9, "checks": [], "vips": [], "sync": {"digests": digests}}
    return json.dumps(document).encode()


@pytest.fixture
def node(make_node: MakeNode) -> Node:
    made = make_node()
    shared = made.tasks.task_directory / "shared"
    shared.mkdir(parents=True)
    (shared / "pihole.txt").write_text("host 192.0.2.80 www.example.test\n")
    return made


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[bytes | None]:
    """What the other node answers from now on; None: it is silent."""
    answers: list[bytes | None] = [None]

    def get(*_: object, **__: object) -> bytes:
        if answers[-1] is None:
            raise CollectorError("the other node is silent")  # noqa: EM101
        return answers[-1]

    monkeypatch.setattr(change_watch, "PEER_SECONDS", 0.0)
    monkeypatch.setattr(peer_status, "peer_get", get)
    return answers


def test_each_difference_between_the_nodes_is_told_once(node: Node, told: list[bytes | None]) -> None:
    watch = PeerWatch(node.settings, node.tasks)
    mine = digest(node.tasks.task_directory / "shared")
    assert watch.changed() is None  # silent
    for theirs, expected in ((None, False), (mine, False), ("a" * 64, True), ("a" * 64, False), ("b" * 64, True)):
        told.append(status(theirs))
        assert bool(watch.changed()) is expected
    (node.tasks.task_directory / "shared" / "pihole.txt").write_text("")
    assert watch.changed()


def test_a_node_that_has_written_nothing_down_yet_waits(make_node: MakeNode, told: list[bytes | None]) -> None:
    made = make_node()
    told.append(status("a" * 64))
    assert PeerWatch(made.settings, made.tasks).changed() is None


def test_the_other_node_is_not_asked_all_the_time(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float] = []

    def get(*_: object, **__: object) -> bytes:
        asked.append(time.monotonic())
        return status("a" * 64)

    monkeypatch.setattr(peer_status, "peer_get", get)
    watch = PeerWatch(node.settings, node.tasks)
    assert [bool(watch.changed()) for _ in range(3)] == [True, False, False]
    assert len(asked) == 1


@pytest.mark.parametrize("name", ["pihole.toml", "gravity.db"])
def test_a_file_that_pihole_writes_is_noticed(tmp_path: Path, name: str) -> None:
    watch = FilesWatch(tmp_path)
    assert watch.changed() is None
    (tmp_path / name).write_text("new")
    assert watch.changed()
    watch.begin()
    assert watch.changed() is None
    (tmp_path / f"{name}.new").write_text("x")
    (tmp_path / f"{name}.new").replace(tmp_path / name)
    assert watch.changed()


def test_without_pihole_s_folder_nothing_is_watched(tmp_path: Path) -> None:
    assert FilesWatch(None).changed() is None
    assert FilesWatch(tmp_path / "missing").changed() is None


def test_a_change_brings_the_next_run_forward(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule, "NAP_SECONDS", 0.01)
    monkeypatch.setattr(schedule, "QUIET_SECONDS", 0.0)
    watch, runs = FilesWatch(tmp_path), []

    def task(by_hand: bool) -> None:
        runs.append(by_hand)
        if len(runs) == 2:
            raise Interrupted(15)
        watch.begin()
        (tmp_path / "gravity.db").write_text("x")

    with pytest.raises(Interrupted):
        schedule.run_for_ever(
            "x", schedule.every(3600), task, tmp_path / "alive", tmp_path / "request", watches=(watch,)
        )
    assert runs == [False, False]
