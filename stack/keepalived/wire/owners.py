"""Who else has a virtual IP, by what the LAN answered: a strange device, or the other node in a split brain."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from exporter.model.addressing import Address
from exporter.model.pair import SETTLED_SECONDS
from exporter.wire.wire import Claim
from stack.keepalived.wire.nodes import PATIENCE_SECONDS, Nodes

# A device is asked for every half second while it is there: one lost answer is not its end.
LASTS_SECONDS = 1.2
REMEMBERED_SECONDS = 600.0
MOST_DEVICES = 4  # of one virtual IP
MOST_SUSPECTS = 64
# A peer that has never answered cannot be told from a device that spoke once: its answers would come from it as well.
CONFIRMED_CLAIMS = 2


@dataclass(slots=True)
class Device:
    """One that is neither node and has a virtual IP; times by the monotonic clock."""

    first: float
    last: float
    replies: int = 0


@dataclass(slots=True)
class Ownership:
    """What was heard of one virtual IP; ``devices`` are by their hardware addresses."""

    replies: int = 0
    devices: dict[bytes, Device] = field(default_factory=dict)
    peer_answered: float = float("-inf")  # while this node has it too

    def latest(self) -> tuple[bytes, Device] | None:
        """The device that was heard last."""
        return max(self.devices.items(), key=lambda item: item[1].last, default=None)

    def lasting(self, now: float) -> bytes | None:
        """The device that has it now."""
        found = self.latest()
        return found[0] if found and now - found[1].last < LASTS_SECONDS else None

    def split(self, now: float) -> bool:
        """Whether the other node has it now, as this one does."""
        return now - self.peer_answered < LASTS_SECONDS


@dataclass(slots=True)
class _Claimant:
    claim: Claim
    first: float
    last: float
    claims: int = 1


class Owners:
    """Evaluates claims of the virtual IPs."""

    def __init__(self, addresses: Sequence[Address], nodes: Nodes, say: Callable[[str], None]) -> None:
        self._nodes = nodes
        self._say = say
        self.found = {address: Ownership() for address in addresses}
        self._suspects: dict[tuple[Address, bytes], _Claimant] = {}
        self._peer_claims: list[tuple[Address, float, float]] = []

    @property
    def suspects(self) -> bool:
        """Whether somebody is to be asked for."""
        return bool(self._suspects)

    def hear(
        self, claims: Sequence[Claim], since: float, now: float, held_since: Callable[[Address], float | None]
    ) -> None:
        """Evaluate what came between ``since`` and now."""
        pending, self._peer_claims = self._peer_claims, []
        for address, began, heard in pending:
            # When an address moves, both nodes have it for some milliseconds: it must have been here all the time.
            held = held_since(address)
            if held is not None and held + SETTLED_SECONDS <= began:
                self.found[address].peer_answered = heard
        for claim in claims:
            ownership = self.found.get(claim.address)
            if ownership is None or self._nodes.is_own(claim.hardware) or self._nodes.is_own(claim.sender):
                continue
            if self._nodes.is_peer(claim.hardware):
                self._peer_claims.append((claim.address, since, now))
            elif claim.hardware in ownership.devices:
                self._note(claim, now, now, 1)
            else:
                self._suspect(claim, now)
        self._evaluate_suspects(now)
        for ownership in self.found.values():
            for hardware, device in list(ownership.devices.items()):
                if now - device.last > REMEMBERED_SECONDS or self._nodes.is_peer(hardware):
                    del ownership.devices[hardware]

    def _suspect(self, claim: Claim, now: float) -> None:
        key = claim.address, claim.hardware
        if key in self._suspects:
            self._suspects[key].claims += 1
            self._suspects[key].last = now
        elif len(self._suspects) < MOST_SUSPECTS:
            self._suspects[key] = _Claimant(claim, now, now)

    def _evaluate_suspects(self, now: float) -> None:
        for key, suspect in list(self._suspects.items()):
            if now - suspect.first < PATIENCE_SECONDS:
                continue
            if self._nodes.peer_unknown and suspect.claims < CONFIRMED_CLAIMS:
                if now - suspect.first > 3 * PATIENCE_SECONDS:
                    del self._suspects[key]
                continue
            del self._suspects[key]
            if not self._nodes.is_peer(suspect.claim.hardware) and not self._nodes.is_own(suspect.claim.hardware):
                self._note(suspect.claim, suspect.first, suspect.last, suspect.claims)

    def _note(self, claim: Claim, first: float, last: float, replies: int) -> None:
        ownership = self.found[claim.address]
        ownership.replies += replies
        device = ownership.devices.get(claim.hardware)
        if device is None:
            if len(ownership.devices) >= MOST_DEVICES:
                weakest = min(ownership.devices, key=lambda one: ownership.devices[one].replies)
                del ownership.devices[weakest]
            device = ownership.devices[claim.hardware] = Device(first, last)
            self._say(f"{claim.hardware.hex(':')}, which is neither node, has {claim.address}")
        device.last, device.replies = last, device.replies + replies
