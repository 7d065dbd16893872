"""A sync is refused exactly when it would lose something."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stack.tools.errors import RefusedError
from stack.tools.overwrite_check import (
    SyncBaseline,
    differing,
    own_changes,
    read_baseline,
    refuse_overwrite,
    some_of,
    write_baseline,
)

ENTRIES = st.dictionaries(st.sampled_from("abcdef"), st.sampled_from("xyz"), max_size=6)


@pytest.mark.parametrize(
    ("replica", "primary", "settled", "pending", "own"),
    [
        ({}, {"a": "1"}, {}, (), []),  # a fresh replica
        ({"a": "1"}, {"a": "1", "b": "1"}, {}, (), []),  # a replica that has only what the primary has too
        ({"a": "1"}, {"b": "1"}, {}, (), ["a"]),  # never synced, and something of its own
        ({"a": "1"}, {"a": "2"}, {}, (), ["a"]),
        ({"a": "1"}, {"a": "2"}, {"a": "1"}, (), []),  # changed on the primary since
        ({"a": "1"}, {}, {"a": "1"}, (), []),  # deleted on the primary since
        ({"a": "2"}, {"a": "1"}, {"a": "1"}, (), ["a"]),  # changed on the replica since
        ({}, {"a": "1"}, {"a": "1"}, (), ["a"]),  # deleted on the replica since
        ({"a": "3"}, {"a": "4"}, {"a": "1"}, ({"a": "3"},), []),  # a sync was cut off, the primary went on
        ({"a": "3"}, {"a": "3"}, {"a": "1"}, (), []),  # the same change on both
    ],
)
def test_a_replicas_own_changes_are_those_that_came_from_nowhere_else(
    replica: dict[str, str],
    primary: dict[str, str],
    settled: dict[str, str],
    pending: tuple[dict[str, str], ...],
    own: list[str],
) -> None:
    assert own_changes(replica, primary, SyncBaseline(settled, pending)) == own


@given(ENTRIES, ENTRIES)
def test_right_after_a_sync_nothing_is_the_replicas_own(primary: dict[str, str], later: dict[str, str]) -> None:
    assert own_changes(primary, later, SyncBaseline(primary)) == []


@given(ENTRIES, ENTRIES, ENTRIES, st.sets(st.sampled_from("abcdef")))
def test_a_sync_that_was_cut_off_anywhere_may_be_done_again(
    before: dict[str, str], wanted: dict[str, str], later: dict[str, str], copied: set[str]
) -> None:
    names = {*before, *wanted}
    halfway = {name: (wanted if name in copied else before).get(name) for name in names}
    replica = {name: value for name, value in halfway.items() if value is not None}
    assert own_changes(replica, later, SyncBaseline(before).with_pending(wanted)) == []


def test_an_empty_primary_and_one_that_lost_most_of_it_are_refused() -> None:
    ten = {str(number): "" for number in range(10)}
    with pytest.raises(RefusedError, match="the primary is empty"):
        refuse_overwrite(ten, {}, SyncBaseline(ten), "x")
    with pytest.raises(RefusedError, match="has lost 9 of 10 entries"):
        refuse_overwrite(ten, {"1": ""}, SyncBaseline(ten), "x")
    refuse_overwrite(ten, {str(number): "" for number in range(5)}, SyncBaseline(ten), "x")
    refuse_overwrite({"a": ""}, {"b": ""}, SyncBaseline({"a": ""}), "x")  # few entries: a tidy-up


def test_a_refusal_names_what_would_be_lost() -> None:
    own = {f"host {number}": "" for number in range(7)}
    with pytest.raises(RefusedError, match=r"7 changes of its own .*host 0, host 1, host 2, host 3, host 4 and 2 more"):
        refuse_overwrite(own, {"b": ""}, SyncBaseline(), "x")


def test_what_two_nodes_do_not_share_is_the_same_from_both_sides() -> None:
    one, other = {"a": "1", "b": "1", "c": "1"}, {"a": "2", "b": "1", "d": "1"}
    assert differing(one, other) == differing(other, one) == ["a", "c", "d"]


def test_of_many_names_the_first_are_named_and_the_others_counted() -> None:
    assert some_of(["a", "b"], 2) == "a, b"
    assert some_of(["a", "b", "c", "d", "e"], 2) == "a, b and 3 more"


def test_the_baseline_survives_and_damage_makes_it_more_careful(tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"
    assert read_baseline(path) == SyncBaseline()
    write_baseline(path, SyncBaseline({"a": "1"}, ({"b": "2"},)))
    assert read_baseline(path) == SyncBaseline({"a": "1"}, ({"b": "2"},))
    for damage in (b"", b"[]", b'{"settled": {"a": 1}, "pending": []}', b'{"settled": {}, "pending": 1}', b"\xff"):
        path.write_bytes(damage)
        assert read_baseline(path) == SyncBaseline()
