"""Blocking is paused on both nodes by one command, and comes back by itself, even on a Pi-hole that restarted."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from stack.tools.cli import main
from stack.tools.errors import ToolError
from stack.tools.pause import PauseEnd, PauseRequest, pause, resume, url

from .conftest import MakeNode
from .pair import Pair
from .standin_pihole_api import StandinPihole
from .standin_pihole_content import empty_content
from .standin_pihole_server import standin_pihole


@pytest.fixture
def pair(make_node: MakeNode, tmp_path: Path) -> Iterator[Pair]:
    with standin_pihole(empty_content()) as primary, standin_pihole(empty_content()) as replica:
        yield Pair(
            make_node(PIHOLE_API=replica.url, PEER_PIHOLE_API=primary.url, STATE_DIRECTORY=str(tmp_path / "exporter")),
            primary,
            replica,
        )


def state(*piholes: StandinPihole) -> list[tuple[str, bool]]:
    """Whether each blocks, and whether that has an end."""
    return [(held["blocking"], held["timer"] is not None) for held in (pihole.blocking() for pihole in piholes)]


def forget(pihole: StandinPihole) -> None:
    """What a restart does to a pause."""
    pihole.pause_ends = None


def look_after(pair: Pair, later: float) -> None:
    PauseEnd(pair.node.settings, pair.node.tasks, clock=lambda: time.time() + later).changed()


def file_is_there(pair: Pair) -> bool:
    return (pair.node.tasks.task_directory / "pause.json").exists()


def test_one_command_pauses_both_and_each_has_an_end(pair: Pair) -> None:
    pause(pair.node.settings, pair.node.tasks, 60)
    assert state(pair.primary, pair.replica) == [("disabled", True)] * 2
    assert 50 < pair.replica.blocking()["timer"] <= 60
    assert (pair.primary.sessions, pair.replica.sessions) == ({}, {})


def test_a_pihole_that_restarted_in_it_blocks_again_when_it_is_over(pair: Pair) -> None:
    pause(pair.node.settings, pair.node.tasks, 60)
    forget(pair.primary)
    look_after(pair, 30)
    assert state(pair.primary) == [("disabled", False)]  # it is not over
    look_after(pair, 65)
    assert state(pair.primary, pair.replica) == [("enabled", False), ("disabled", True)]  # the other's timer still runs
    assert not file_is_there(pair)


def test_who_is_away_at_the_end_is_seen_to_later(pair: Pair) -> None:
    pause(pair.node.settings, pair.node.tasks, 60)
    forget(pair.primary)
    forget(pair.replica)
    right, pair.primary.password = pair.primary.password, "another one"
    look_after(pair, 65)
    pair.primary.password = right
    assert state(pair.primary, pair.replica) == [("disabled", False), ("enabled", False)]
    look_after(pair, 100)
    assert state(pair.primary) == [("enabled", False)]
    assert not file_is_there(pair)


def test_the_end_can_be_now(pair: Pair) -> None:
    pause(pair.node.settings, pair.node.tasks, 60)
    forget(pair.primary)
    resume(pair.node.settings, pair.node.tasks)
    assert state(pair.primary, pair.replica) == [("enabled", False)] * 2
    assert not file_is_there(pair)


def test_blocking_that_is_off_for_good_stays_off(pair: Pair) -> None:
    pair.primary.settings["dns.blocking.active"] = False
    pause(pair.node.settings, pair.node.tasks, 60)
    look_after(pair, 65)
    assert state(pair.primary) == [("disabled", False)]


def test_a_second_pause_takes_the_place_of_one_that_was_forgotten(pair: Pair) -> None:
    pause(pair.node.settings, pair.node.tasks, 60)
    forget(pair.primary)
    pause(pair.node.settings, pair.node.tasks, 120)
    assert 110 < pair.primary.blocking()["timer"] <= 120


def test_who_cannot_be_paused_is_named_and_the_other_one_is(pair: Pair) -> None:
    pair.primary.password = "another one"
    with pytest.raises(ToolError, match="not paused on the other node: http://"):
        pause(pair.node.settings, pair.node.tasks, 60)
    assert state(pair.primary, pair.replica) == [("enabled", False), ("disabled", True)]
    assert file_is_there(pair)


def test_a_damaged_note_is_set_aside(pair: Pair, capsys: pytest.CaptureFixture[str]) -> None:
    path = pair.node.tasks.task_directory / "pause.json"
    path.parent.mkdir(parents=True)
    path.write_text('{"until": []}')
    look_after(pair, 0)
    assert not path.exists()
    assert "look whether both Pi-holes block" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["5", "2d", "x", ""])
def test_a_duration_that_cannot_be_meant_is_refused(text: str) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["pause", text])
    assert caught.value.code == 3


def ask(pair: Pair, seconds: float, *, ago: float = 0.0) -> None:
    """What the exporter writes when a program asks it."""
    folder = pair.node.settings.state_directory
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pause.request").write_text(json.dumps({"asked": time.time() - ago, "seconds": seconds}))


def test_what_a_program_asks_the_exporter_for_is_done_once(pair: Pair) -> None:
    watch = PauseRequest(pair.node.settings, pair.node.tasks)
    watch.changed()
    ask(pair, 60)
    watch.changed()
    assert state(pair.primary, pair.replica) == [("disabled", True)] * 2
    resume(pair.node.settings, pair.node.tasks)
    watch.changed()
    assert state(pair.primary, pair.replica) == [("enabled", False)] * 2
    ask(pair, 60)
    watch.changed()
    ask(pair, 0)
    watch.changed()
    assert state(pair.primary, pair.replica) == [("enabled", False)] * 2


def test_a_request_counts_from_when_it_was_made_and_an_old_one_not_at_all(pair: Pair) -> None:
    ask(pair, 100, ago=50)
    PauseRequest(pair.node.settings, pair.node.tasks).changed()
    assert 40 < pair.primary.blocking()["timer"] <= 50
    resume(pair.node.settings, pair.node.tasks)
    ask(pair, 100, ago=100)
    PauseRequest(pair.node.settings, pair.node.tasks).changed()
    assert state(pair.primary, pair.replica) == [("enabled", False)] * 2


@pytest.mark.parametrize("text", ["", "[]", '{"asked": 1}', '{"asked": "x", "seconds": 5}'])
def test_a_request_that_makes_no_sense_is_told(pair: Pair, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    pair.node.settings.state_directory.mkdir(parents=True, exist_ok=True)
    (pair.node.settings.state_directory / "pause.request").write_text(text)
    PauseRequest(pair.node.settings, pair.node.tasks).changed()
    assert "makes no sense" in capsys.readouterr().err
    assert state(pair.primary, pair.replica) == [("enabled", False)] * 2


def test_the_url_for_programs_holds_the_token_and_not_the_key(make_node: MakeNode, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("0123456789abcdef0123456789abcdef\n")
    found = url(make_node(PAIR_KEY_FILE=str(key)).settings)
    assert re.fullmatch(r"http://192\.0\.2\.53:9753/api/v1/pause\?for=5m&token=[0-9a-f]{40}", found)
    assert "0123456789abcdef0123456789" not in found
    with pytest.raises(ToolError, match="PAIR_KEY"):
        url(make_node().settings)
