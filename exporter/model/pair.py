"""What follows from both nodes together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from exporter.model.observations import (
    NodeStatus,
    Observation,
    PeerObservation,
    PeerStatus,
    PeerVip,
    SyncObservation,
    Vip,
)

# When the VIP moves, both nodes have it for some milliseconds; only what lasts longer is a split brain.
SETTLED_SECONDS = 0.3

_T = TypeVar("_T", bound=Observation)


def find(status: NodeStatus, kind: type[_T]) -> _T | None:
    """Return the observation of a kind, None when its collector has no data or does not run."""
    for result in status.results:
        if isinstance(result.observation, kind):
            return result.observation
    return None


def find_peer(status: NodeStatus) -> PeerStatus | None:
    """Return what the other node says, None when it is silent or there is none."""
    observation = find(status, PeerObservation)
    return observation.peer if observation else None


def owners(status: NodeStatus, vip: Vip) -> list[str] | None:
    """Return the names of the nodes that own the VIP; None when that cannot be told now.

    It cannot without the peer, nor just after a change on either node: what the peer said must be
    younger than the change here, and both must have settled.
    """
    observation = find(status, PeerObservation)
    if observation is None or observation.peer is None:
        return None
    theirs = observation.peer.vips.get(vip.address)
    if theirs is None:
        return None
    stable_then = None if vip.stable_seconds is None else vip.stable_seconds - observation.age
    return settled_owners({status.node.name: PeerVip(vip.owned, stable_then), observation.peer.name: theirs})


def settled_owners(words: Mapping[str, PeerVip]) -> list[str] | None:
    """Return who owns a virtual IP by what both nodes said at one moment; None while it moves between them."""
    found = [name for name, word in words.items() if word.owned]
    settled = all(word.stable_seconds is None or word.stable_seconds >= SETTLED_SECONDS for word in words.values())
    return found if len(found) == 1 or settled else None


def drift(status: NodeStatus) -> dict[str, bool]:
    """Say for each content that both nodes know whether it differs."""
    sync, peer = find(status, SyncObservation), find_peer(status)
    if sync is None or peer is None:
        return {}
    return {
        entry.name: entry.digest != peer.digests[entry.name] for entry in sync.digests if entry.name in peer.digests
    }
