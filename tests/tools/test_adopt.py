"""What was changed on the secondary while the primary was away can be given to it, and nothing else is lost."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from stack.tools.adopt import adopt
from stack.tools.errors import RefusedError, ToolError

from .conftest import MakeNode
from .pair import ONE, TWO, Pair, synchronised_pair
from .standin_pihole_content import content

KIDS = {"id": 5, "name": "kids room", "enabled": True, "comment": "strict"}


@pytest.fixture
def pair(make_node: MakeNode) -> Iterator[Pair]:
    with synchronised_pair(make_node) as made:
        yield made


def take(pair: Pair, *, force: bool = False) -> None:
    adopt(pair.node.settings, pair.node.tasks, force=force)


def denied(number: int, name: str, **changes: Any) -> dict[str, Any]:
    made = content(domains=(name,))["domains"][0]
    return {**made, "id": number, **changes}


def names(held: dict[str, Any], kind: str, key: str) -> set[str]:
    return {entry[key] for entry in held[kind]}


def test_every_kind_of_change_goes_to_the_primary_and_a_sync_finds_the_same(pair: Pair) -> None:
    held = pair.replica.content
    held["groups"].append(KIDS)
    held["domains"] = [denied(1, "ads.example", groups=[0, 5]), denied(2, r"(^|\.)a/b%c$", kind="regex")]
    held["clients"] = [{"id": 1, "client": "192.0.2.0/24", "comment": None, "groups": [5]}]
    held["hosts"] = ["192.0.2.80 www.example.test"]
    pair.replica.settings |= {"dns.blockTTL": 30, "dns.revServers": ["true,192.0.2.0/24,192.0.2.1,home.example"]}
    take(pair)
    assert names(pair.primary.content, "groups", "name") == {"Default", "kids room"}
    assert names(pair.primary.content, "domains", "domain") == {"ads.example", r"(^|\.)a/b%c$"}
    assert pair.primary.content["clients"][0]["client"] == "192.0.2.0/24"
    kids = next(group["id"] for group in pair.primary.content["groups"] if group["name"] == "kids room")
    assert pair.primary.content["clients"][0]["groups"] == [kids]
    assert pair.primary.configuration["dns.blockTTL"] == 30
    restarts = pair.replica.restarts
    pair.sync()
    assert pair.replica.restarts == restarts  # nothing was left to copy
    assert (pair.primary.sessions, pair.replica.sessions) == ({}, {})


def test_what_the_primary_has_changed_since_stays_and_comes_here(pair: Pair) -> None:
    pair.replica.content["hosts"] = ["192.0.2.81 here.example.test"]
    pair.primary.content["hosts"] = ["192.0.2.80 there.example.test"]
    pair.primary.content["domains"] = [denied(1, "there.example")]
    take(pair)
    pair.sync()
    for pihole in (pair.primary, pair.replica):
        assert set(pihole.content["hosts"]) == {"192.0.2.81 here.example.test", "192.0.2.80 there.example.test"}
        assert names(pihole.content, "domains", "domain") == {"there.example"}


def test_a_removal_is_a_change_too(pair: Pair) -> None:
    pair.primary.content["groups"].append(KIDS)
    pair.primary.content["domains"] = [denied(1, "ads.example", groups=[5])]
    pair.primary.content["hosts"] = ["192.0.2.80 www.example.test"]
    pair.sync()
    pair.replica.content |= {"domains": [], "hosts": [], "groups": pair.replica.content["groups"][:1]}
    take(pair)
    held = pair.primary.content
    assert (held["domains"], held["hosts"], names(held, "groups", "name")) == ([], [], {"Default"})


def test_a_list_is_loaded_there(pair: Pair) -> None:
    pair.replica.content = content(ONE, TWO)
    take(pair)
    assert names(pair.primary.content, "lists", "address") == {ONE, TWO}
    assert pair.primary.loaded


def test_what_both_have_changed_is_left_to_a_person(pair: Pair) -> None:
    pair.replica.settings["dns.blockTTL"] = 30
    pair.replica.content["domains"] = [denied(1, "mine.example")]
    pair.primary.settings["dns.blockTTL"] = 60
    before = copy.deepcopy((pair.primary.content, pair.primary.settings))
    with pytest.raises(RefusedError, match=r"nothing adopted: setting dns\.blockTTL changed on both nodes"):
        take(pair)
    assert (pair.primary.content, pair.primary.settings) == before
    take(pair, force=True)
    assert pair.primary.settings["dns.blockTTL"] == 30


def test_without_changes_there_is_nothing_to_do(pair: Pair, capsys: pytest.CaptureFixture[str]) -> None:
    pair.primary.settings["dns.blockTTL"] = 60
    take(pair)
    assert "no changes of its own" in capsys.readouterr().err
    assert pair.primary.settings["dns.blockTTL"] == 60


def test_a_setting_that_the_primary_does_not_let_go_is_named(pair: Pair) -> None:
    pair.primary.read_only = frozenset({"dns.blockTTL"})
    pair.replica.settings["dns.blockTTL"] = 30
    with pytest.raises(ToolError, match=r"setting dns\.blockTTL could not be made on http://"):
        take(pair)


def test_a_primary_adopts_nothing(make_node: MakeNode) -> None:
    made = make_node(NODE_ROLE="primary")
    with pytest.raises(RefusedError, match="beta is primary"):
        adopt(made.settings, made.tasks, force=False)
