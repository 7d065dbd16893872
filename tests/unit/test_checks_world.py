"""Names of the internet that do not resolve: what the pair makes of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from exporter.model.observations import Check, HealthVerdict, Observation, PeerObservation, Status
from tests.unit import samples
from tests.unit.evaluating import evaluate, the
from tests.unit.samples import NOW, question

PROBLEM = "Unbound resolves no name of the internet: this node has no route to the internet; see `ip route`"
FAILS = samples.health(question(), question("world", verdict=HealthVerdict.HARD, problem=PROBLEM, since=NOW - 90))


def beta(status: Status | None, *, clock_offset: float = 0.0) -> PeerObservation:
    """The other node, which says so of its own world; nothing if None."""
    checks = () if status is None else (Check("resolve.world", "beta", "", "health", status, "seen", "expected", "do"),)
    seen = samples.peer()
    assert seen.peer is not None
    return replace(seen, peer=replace(seen.peer, checks=checks, clock_offset=clock_offset))


def mine(*observations: Observation) -> Check:
    return the(tuple(one for one in evaluate(*observations) if one.node == "alpha"), "resolve.world")


def test_names_that_resolve_are_well() -> None:
    one = mine(samples.health(question(), question("world")))
    assert (one.status, one.seen) == (Status.OK, "names of the internet resolve")


def test_where_it_is_not_asked_there_is_no_such_check() -> None:
    assert [one for one in evaluate(samples.health()) if one.id.endswith(".world")] == []


def test_while_they_resolve_on_the_other_node_it_is_a_warning() -> None:
    one = mine(FAILS, beta(Status.OK))
    assert (one.status, one.seen) == (Status.WARNING, f"{PROBLEM} (since 90 s); on beta they resolve")
    assert "+cd" in one.advice


@pytest.mark.parametrize("theirs", [Status.CRITICAL, Status.WARNING, Status.UNKNOWN, None])
def test_where_they_do_not_resolve_there_either_it_is_critical(theirs: Status | None) -> None:
    one = mine(FAILS, beta(theirs))
    assert one.status is Status.CRITICAL
    assert one.seen.endswith("no other node is known to resolve them")


def test_a_node_alone_is_critical() -> None:
    assert mine(FAILS).status is Status.CRITICAL
    assert mine(FAILS, replace(samples.peer(), peer=None, error="silent")).status is Status.CRITICAL


@pytest.mark.parametrize(
    ("offset", "said"),
    [
        (30 * 86400.0, "; beta's clock is 30.0 days ahead of this node's; on beta"),
        (-3 * 3600.0, "; beta's clock is 3.0 h behind this node's; on beta"),
        (1.0, "(since 90 s); on beta"),
    ],
)
def test_another_clock_on_the_other_node_is_told_with_it(offset: float, said: str) -> None:
    assert said in mine(FAILS, beta(Status.OK, clock_offset=offset)).seen


def test_what_is_not_proved_yet_is_unknown() -> None:
    unproved = question(
        "world", verdict=HealthVerdict.UNPROVED, problem="no name of the internet has been resolved yet"
    )
    one = mine(samples.health(question(), unproved), beta(Status.OK))
    assert (one.status, one.seen) == (
        Status.UNKNOWN,
        "not proved yet: no name of the internet has been resolved yet (since 60 min)",
    )
