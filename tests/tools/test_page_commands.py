"""What the pages have people type at the node's tools does what they say, word for word."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.page_commands import all_commands

from .conftest import MakeNode
from .pair import Pair, synchronised_pair
from .standin_pihole_content import content
from .test_command_line import run

TOOLS = "docker compose run --rm tools "


def typed(pair: Pair, line: str) -> str:
    """Run one of the pages' lines on the secondary; return what it said."""
    assert f"{TOOLS}{line}" in {command.text for command in all_commands()}
    code, said = run(pair.node.environment, *line.split())
    assert code == 0, said
    return said


def test_a_pause_and_its_end_are_on_both_nodes(make_node: MakeNode) -> None:
    with synchronised_pair(make_node) as pair:
        typed(pair, "pause 5m")
        assert [one.blocking()["blocking"] for one in (pair.primary, pair.replica)] == ["disabled"] * 2
        typed(pair, "pause end")
        assert [one.blocking()["blocking"] for one in (pair.primary, pair.replica)] == ["enabled"] * 2


def test_the_url_of_a_pause_is_shown(make_node: MakeNode, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("0123456789abcdef0123456789abcdef\n")
    with synchronised_pair(make_node) as pair:
        pair.node.environment["PAIR_KEY_FILE"] = str(tmp_path / "key")
        assert "/api/v1/pause?for=5m&token=" in typed(pair, "pause url")


@pytest.mark.parametrize(("line", "kept"), [("sync adopt", True), ("sync now --force", False)])
def test_what_the_secondary_has_is_given_to_the_primary_or_given_up(
    make_node: MakeNode, line: str, *, kept: bool
) -> None:
    with synchronised_pair(make_node) as pair:
        pair.replica.content["domains"] = content(domains=("ads.example",))["domains"]
        typed(pair, line)
        for pihole in (pair.primary, pair.replica):
            assert ("ads.example" in {one["domain"] for one in pihole.content["domains"]}) == kept
