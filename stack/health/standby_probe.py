"""The standby's own eyes: asks the virtual IPs while the other node has them.

While one of them does not answer, or this node took them, the other node's own address is asked too, and in doubt
whether this node's link works. Nothing here ever waits.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from exporter.model.addressing import Address
from stack.health.asker import Asker
from stack.health.dns_question import DnsQuestion
from stack.health.link import Link
from stack.health.standby import AddressAnswers, Seen, Standby

DNS_PORT = 53
# Each question counts in the other node's Pi-hole, so one a second is for all virtual IPs together.
ASK_SECONDS = 1.0
DOUBT_SECONDS = 0.25
FAILED_SECONDS = 0.4
LATE_SECONDS = 1.0
LINK_SECONDS = 0.5
# A link that was in doubt must be good for so long before a silence counts: both may come back together.
PROVED_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class StandbySettings:
    """The virtual IPs, the other node's own address, and whether this node is the primary."""

    virtual: tuple[Address, ...]
    peer: Address
    primary: bool = False


class StandbyProbe:
    """What the standby sees, and what follows from it (``standby``). Times are seconds of a monotonic clock."""

    def __init__(
        self,
        settings: StandbySettings,
        node: str,
        zone: str,
        interface: str,
        drain: Path,
        clock: Callable[[], float] = time.monotonic,
        link: Link | None = None,
        port: int = DNS_PORT,
    ) -> None:
        self.standby = Standby(node, settings.primary)
        self._clock = clock
        self._drain = drain
        self._link = link or Link(interface, settings.peer)
        self._link_due = float("-inf")
        self._question = DnsQuestion(zone, node, elsewhere=True)
        self._virtual = {one: self._asker(one, port) for one in settings.virtual}
        self._peer = self._asker(settings.peer, port)
        self._peer_watched = False
        self._doubted: dict[Address, tuple[float, str]] = {}  # when and why the link to them was last in doubt
        self._owned: frozenset[bytes] = frozenset()

    def _asker(self, address: Address, port: int) -> Asker[AddressAnswers]:
        answers = AddressAnswers(str(address), self._clock)
        answers.begin()
        return Asker(answers, (str(address), port), self._question, failed=FAILED_SECONDS, late=LATE_SECONDS)

    @property
    def descriptors(self) -> list[int]:
        """What to wait on."""
        asked = [one.descriptor for one in self._all()]
        return [one for one in asked if one is not None] + self._link.descriptors

    def due(self) -> float:
        """When there is something to do even if nothing is heard."""
        times = [min(one.due, one.expiry) for one in self._under_watch()]
        if self._suspects():
            times.append(self._link_due)
        return min(times, default=float("inf"))

    def ask(self, now: float, owned: frozenset[bytes]) -> None:
        """Ask what is due; ``owned`` are the addresses that this node's interface has, in network byte order."""
        if owned != self._owned:
            self._begin_anew(owned)
        doubtful = self.standby.taking or bool(self._suspects())
        if doubtful is not self._peer_watched:
            self._peer_watched = doubtful
            _forget(self._peer)
        watched = self._under_watch()
        for one in watched:
            if now >= one.due:
                # The source address of before may have left this node: a VIP that moved, a lease that ended.
                if one.service.failures and now - one.opened >= LATE_SECONDS:
                    one.close()
                one.ask(now)
                one.due = now + (DOUBT_SECONDS if one.service.failures else ASK_SECONDS * len(watched))
            elif one.service.failures:
                one.due = min(one.due, now + DOUBT_SECONDS)
        suspects = self._suspects()
        if not suspects:
            self._link.close()
        elif now >= self._link_due:
            self._link_due = now + LINK_SECONDS
            self._link.poll(now, suspects)
            for version in {address.version for address in suspects}:
                self._link.ask(now, version)

    def receive(self, *, works: bool) -> None:
        """Take every answer and silence, and decide; ``works``: this node's DNS does, and it has its own address."""
        for one in self._all():
            one.receive(self._clock)
            one.expire(self._clock())
        now = self._clock()
        able = works and not self._is_drained()
        if not able:  # a silence counts from when this node could end it: both may come back together
            for one in self._virtual.values():
                one.service.begin()
        self._link.receive(now)
        doubts = {one: self._doubt(now, one) for one in self._suspects()}
        silent = [address for address in doubts if self._virtual[address].service.silent(now)]
        sure = [address for address in silent if not doubts[address]]
        owns = any(address.packed in self._owned for address in self._virtual)
        self.standby.decide(
            now,
            Seen(
                able=able,
                owns=owns,
                silent=str((sure or silent)[0]) if silent else "",
                doubt="" if sure or not silent else doubts[silent[0]],
                peer_good_for=self._peer.service.good_for(now),
                vip_good_for=0.0 if owns else min(one.service.good_for(now) for one in self._virtual.values()),
            ),
        )

    def close(self) -> None:
        """Ask nobody any more."""
        for one in self._all():
            one.close()
        self._link.close()

    def _begin_anew(self, owned: frozenset[bytes]) -> None:
        for address, asker in self._virtual.items():
            if (address.packed in owned) != (address.packed in self._owned):
                _forget(asker)
                asker.due = self._clock() + ASK_SECONDS  # the guard still answers here for a moment (grace_route.py)
        self._owned = owned

    def _all(self) -> Sequence[Asker[AddressAnswers]]:
        return (*self._virtual.values(), self._peer)

    def _under_watch(self) -> list[Asker[AddressAnswers]]:
        """Whom to ask now."""
        watched = [one for address, one in self._virtual.items() if address.packed not in self._owned]
        return [*watched, self._peer] if self._peer_watched else watched

    def _suspects(self) -> list[Address]:
        """The virtual IPs that gave no good answer lately."""
        return [
            address
            for address, one in self._virtual.items()
            if one.service.failures and address.packed not in self._owned
        ]

    def _doubt(self, now: float, address: Address) -> str:
        """Why the silence of an address may be this node's own fault, or was a moment ago; empty when it is not."""
        doubt = self._link.doubt(now, address.version) or self._link.stranger_at(now, address)
        if doubt:
            self._doubted[address] = (now, doubt)
        when, why = self._doubted.get(address, (float("-inf"), ""))
        return why if now - when < PROVED_SECONDS else ""

    def _is_drained(self) -> bool:
        try:
            return self._drain.read_bytes().strip() not in (b"", b"0")
        except OSError:
            return False


def _forget(asker: Asker[AddressAnswers]) -> None:
    """Begin anew: what was seen before is of another time."""
    asker.close()
    asker.service.begin()
    asker.due = float("-inf")
