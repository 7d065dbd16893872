"""Asks this node's Unbound for names of the internet, one at a time and never waiting, and why when it has none.

A round is one question; when that has no good answer, a second one without validation, and, once the verdict is that
nothing resolves, a third one to the other node, which its Pi-hole counts.
"""

from __future__ import annotations

import secrets
import socket
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

from exporter.model.observations import HealthVerdict
from stack.health import world_question
from stack.health.asker import LARGEST_MESSAGE, READS_AT_ONCE, connected
from stack.health.diagnosis import Evidence, diagnose
from stack.health.world import WorldSettings, WorldVerdict
from stack.health.world_question import Reply

Endpoint = tuple[str, int]
# The two nodes must not fall into step.
SPREAD = 0.1
# Of the interval: until it is looked again whether this node's DNS answers for itself, after a boot for instance.
AGAIN_SHARE = 0.1
ROUTES = (Path("/proc/net/route"), Path("/proc/net/ipv6_route"))


@dataclass(frozen=True, slots=True)
class Ask:
    """One question of a round."""

    endpoint: Endpoint
    domain: str
    unchecked: bool = False


Round = Generator[Ask, "Reply | None", None]


class WorldProbe:
    """The rounds, and the socket of the question under way. Times are seconds of a monotonic clock."""

    def __init__(
        self,
        settings: WorldSettings,
        recursors: Sequence[Endpoint],
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self.world = WorldVerdict(settings.patience)
        self.due = float("-inf")
        self.expiry = float("inf")
        self._settings = settings
        self._recursors = recursors
        self._clock = clock
        self._wall_clock = wall_clock
        self._installed = Path(__file__).stat().st_mtime
        self._number = secrets.randbelow(len(settings.domains))  # not both nodes the same domain after a power cut
        self._round: Round | None = None
        self._socket: socket.socket | None = None
        self._query = b""

    @property
    def descriptor(self) -> int | None:
        """What to wait on for an answer; None while no question is under way."""
        return self._socket.fileno() if self._socket is not None else None

    def begin(self, now: float, *, own_dns: bool) -> None:
        """Begin a round, if this node's DNS answers for itself; what is still under way counts as unanswered."""
        spread = SPREAD * (2 * secrets.randbelow(1001) / 1000 - 1)
        self.due = now + self._settings.interval * (1 + spread)
        self.close()
        if not own_dns:
            self.due = now + self._settings.interval * AGAIN_SHARE
            self.world.not_asked()
            return
        self._number += 1
        self._round = self._ask_all(now, self._number)
        self._ask(next(self._round))

    def receive(self) -> None:
        """Take the answer, if it has come."""
        for _ in range(READS_AT_ONCE):
            if self._socket is None:
                return
            try:
                message = self._socket.recv(LARGEST_MESSAGE)
            except BlockingIOError:
                return
            except OSError:  # nothing listens there, or this host cannot reach it
                self._go_on(None)
                return
            reply = world_question.read(message, self._query)
            if reply is not None:
                self._go_on(reply)

    def expire(self, now: float) -> None:
        """Give up the question under way if it has had no answer for too long. Only after ``receive``."""
        if now >= self.expiry:
            self._go_on(None)

    def close(self) -> None:
        """Give up the round under way."""
        self._hang_up()
        if self._round is not None:
            self._round.close()
            self._round = None

    def _ask_all(self, asked: float, number: int) -> Round:
        """One round: yields what to ask, and is sent the replies."""
        recursor = self._recursors[number % len(self._recursors)]
        domain = self._settings.domains[number % len(self._settings.domains)]
        plain = yield Ask(recursor, domain)
        if plain is not None and plain.resolved:
            self.world.good()
            return
        unchecked = yield Ask(recursor, domain, unchecked=True)
        evidence = Evidence(plain, unchecked, self._wall_clock(), self._installed, default_route(ROUTES))
        self.world.bad(asked, self._clock(), diagnose(evidence))
        if self.world.verdict is HealthVerdict.HARD and not self.world.yields and self._settings.peer is not None:
            theirs = yield Ask(self._settings.peer, domain)
            if theirs is not None and theirs.resolved:
                self.world.peer_resolved()

    def _ask(self, question: Ask) -> None:
        self._query = world_question.query(
            question.domain, secrets.randbits(32), secrets.randbits(16), unchecked=question.unchecked
        )
        self.expiry = self._clock() + self._settings.timeout
        try:
            self._socket = connected(question.endpoint)
            self._socket.send(self._query)
        except OSError:  # told as no answer, when its time is over
            self._hang_up(expiry=self.expiry)

    def _go_on(self, reply: Reply | None) -> None:
        """Give the round its reply, and ask what it wants to know next."""
        self._hang_up()
        if self._round is None:
            return
        try:
            question = self._round.send(reply)
        except StopIteration:
            self._round = None
            return
        self._ask(question)

    def _hang_up(self, expiry: float = float("inf")) -> None:
        if self._socket is not None:
            self._socket.close()
        self._socket, self.expiry = None, expiry


def default_route(tables: Sequence[Path]) -> bool | None:
    """Whether the kernel has a default route of either family (proc(5), /proc/net/route); None if it does not say."""
    told = False
    for table in tables:
        try:
            rows = [line.split() for line in table.read_text("ascii", "replace").splitlines()]
        except OSError:
            continue
        told = True
        for row in rows:
            # IPv4: interface, destination, … mask in the eighth column; IPv6: destination, its length, … the interface,
            # where the kernel's own "unreachable" default is on lo.
            if len(row) >= 11 and row[1] == row[7] == "00000000":
                return True
            if len(row) == 10 and row[0] == "0" * 32 and row[1] == "00" and row[9] != "lo":
                return True
    return False if told else None
