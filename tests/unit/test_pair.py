"""What follows from both nodes together: owners of a virtual IP and drift, told only when they can be."""

from __future__ import annotations

import pytest

from exporter.model import pair
from exporter.model.observations import NodeStatus, PeerStatus, PeerVip, SyncObservation, Vip, VipObservation
from tests.unit import samples
from tests.unit.samples import VIP, absent_vip, beta, vip

SETTLED = pair.SETTLED_SECONDS


def theirs(owned: bool, stable_seconds: float | None = 3600.0) -> PeerStatus:
    return beta(vips={VIP: PeerVip(owned=owned, stable_seconds=stable_seconds)})


def owners(here: Vip, there: PeerStatus | None, age: float = 0.0) -> list[str] | None:
    peer = samples.silent_peer() if there is None else samples.peer(there, age=age)
    return pair.owners(samples.status(samples.vips(here), peer), here)


def test_one_owner_is_named_wherever_it_is() -> None:
    assert owners(vip(), theirs(owned=False)) == ["alpha"]
    assert owners(absent_vip(), theirs(owned=True)) == ["beta"]


def test_two_owners_are_a_split_brain_and_none_is_none() -> None:
    assert owners(vip(), theirs(owned=True)) == ["alpha", "beta"]
    assert owners(absent_vip(), theirs(owned=False)) == []


def test_without_the_peer_s_word_nobody_can_tell() -> None:
    assert owners(vip(), None) is None
    assert pair.owners(samples.status(samples.vips()), vip()) is None
    assert owners(vip(), beta(vips={})) is None
    assert owners(vip(), beta(vips={"192.0.2.99": PeerVip(owned=False, stable_seconds=None)})) is None


@pytest.mark.parametrize("owned", [True, False])
def test_both_or_neither_owning_a_moving_virtual_ip_for_a_moment_is_no_alarm(owned: bool) -> None:
    def here(stable_seconds: float | None) -> Vip:
        return vip(stable_seconds=stable_seconds) if owned else absent_vip(stable_seconds=stable_seconds)

    assert owners(here(SETTLED / 2), theirs(owned)) is None
    assert owners(here(3600.0), theirs(owned, stable_seconds=SETTLED / 2)) is None
    assert owners(here(SETTLED), theirs(owned, stable_seconds=SETTLED)) is not None


def test_a_word_from_before_the_change_here_proves_nothing() -> None:
    """The peer was asked two seconds ago, when it still had the address; this node took it one second ago."""
    assert owners(vip(stable_seconds=1.0), theirs(owned=True), age=2.0) is None
    assert owners(vip(stable_seconds=2.5), theirs(owned=True), age=2.0) == ["alpha", "beta"]


def test_exporters_that_have_seen_no_change_have_settled() -> None:
    assert owners(vip(stable_seconds=None), theirs(owned=True, stable_seconds=None)) == ["alpha", "beta"]


def test_one_owner_needs_no_time_to_settle() -> None:
    assert owners(vip(stable_seconds=0.0), theirs(owned=False, stable_seconds=0.0)) == ["alpha"]


def drift(status: NodeStatus) -> dict[str, bool]:
    return pair.drift(status)


def test_content_drifts_when_the_digests_differ() -> None:
    assert drift(samples.status(samples.sync(), samples.peer())) == {"unbound": False}
    assert drift(samples.status(samples.sync(digest="cd" * 32), samples.peer())) == {"unbound": True}


def test_content_that_only_one_node_knows_is_not_compared() -> None:
    assert drift(samples.status(samples.sync(), samples.peer(beta(digests={"hosts": "ab" * 32})))) == {}
    assert drift(samples.status(samples.sync(), samples.silent_peer())) == {}
    assert drift(samples.status(samples.peer())) == {}


def test_an_observation_is_found_by_its_kind_and_a_failed_collector_has_none() -> None:
    status = samples.status(samples.vips(), failed={"sync": "the disk hangs"})
    assert pair.find(status, VipObservation) == samples.vips()
    assert pair.find(status, SyncObservation) is None
    assert pair.find_peer(status) is None
    assert pair.find_peer(samples.healthy()) == beta()
