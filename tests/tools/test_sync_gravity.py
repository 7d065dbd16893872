"""A sync ends in a restart of the replica's FTL, and is done when gravity is built from the lists that came."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from stack.tools.errors import ToolError
from stack.tools.sync import synchronise

from .conftest import MakeNode, Node
from .standin_pihole_api import StandinPihole, content, standin_pihole

HERE = Path(__file__).parent
ONE, TWO = "https://lists.example/one", "https://lists.example/two"


class Pair:
    """A primary's and a secondary's Pi-hole, and the secondary's settings."""

    def __init__(self, node: Node, primary: StandinPihole, replica: StandinPihole) -> None:
        self.node, self.primary, self.replica = node, primary, replica

    def sync(self, *, by_hand: bool = True) -> None:
        synchronise(self.node.settings, self.node.tasks, 0, by_hand=by_hand)

    @property
    def inventory(self) -> str:
        return (self.node.tasks.task_directory / "shared" / "pihole.txt").read_text()

    def stamp(self) -> dict[str, object]:
        found: dict[str, object] = json.loads((self.node.settings.stamp_directory / "pihole.json").read_bytes())
        return found


@pytest.fixture
def pair(make_node: MakeNode) -> Iterator[Pair]:
    """Both hold the same one list and have built it; the sync knows it."""
    with standin_pihole(content(ONE)) as primary, standin_pihole(content(ONE)) as replica:
        node = make_node(
            PIHOLE_API=replica.url,
            PEER_PIHOLE_API=primary.url,
            SYNC_PIHOLE_COMMAND=str(HERE / "standin-nebula-sync"),
            SYNC_TIMEOUT="20",
        )
        made = Pair(node, primary, replica)
        made.sync()
        yield made


def add_list(pihole: StandinPihole) -> None:
    pihole.content = content(ONE, TWO)


def test_a_sync_that_differs_costs_the_replica_no_more_than_its_restart(pair: Pair) -> None:
    add_list(pair.primary)
    pair.replica.gravity_seconds = 2.0
    pair.sync()
    assert pair.replica.content["lists"] == pair.primary.content["lists"]
    assert pair.replica.loaded
    assert len(pair.replica.gaps) == 1
    assert pair.replica.gaps[0] < 1.0
    assert (pair.stamp()["exit_status"], pair.stamp()["last_error"]) == (0, None)
    assert (pair.primary.sessions, pair.replica.sessions) == ({}, {})


@pytest.mark.parametrize("end", ["abort", "kill"])
def test_a_sync_that_ended_before_gravity_is_made_good_by_the_next(
    pair: Pair, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    add_list(pair.primary)
    monkeypatch.setenv("STANDIN_SYNC_FAULT", end)
    pair.replica.resolves = False  # so that gravity cannot be built, whoever asks for it
    with pytest.raises(ToolError):
        pair.sync()
    assert pair.replica.content["lists"] == pair.primary.content["lists"]
    assert not pair.replica.loaded
    monkeypatch.delenv("STANDIN_SYNC_FAULT")
    pair.replica.resolves = True
    pair.sync()
    assert pair.replica.loaded
