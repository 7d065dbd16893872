"""Two stand-in Pi-holes, and the settings of the secondary that copies from one to the other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stack.tools.sync import synchronise

from .conftest import MakeNode, Node
from .standin_pihole_api import StandinPihole
from .standin_pihole_content import content
from .standin_pihole_server import standin_pihole

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


@contextmanager
def synchronised_pair(make_node: MakeNode) -> Iterator[Pair]:
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
