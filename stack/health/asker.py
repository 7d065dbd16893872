"""Asks one DNS service over UDP without ever waiting, and hands its answers and silences to who evaluates them."""

from __future__ import annotations

import errno
import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from stack.health.dns_question import DnsQuestion, identifier_of, is_reply

# Seconds without an answer after which a question counts as failed, and up to which an answer makes good for it.
FAILED_SECONDS = 0.1
ASK_SECONDS = 0.1
AGAIN_SECONDS = 0.02  # after a refusal, which is not believed before the second one
LATE_SECONDS = 0.25
LARGEST_MESSAGE = 4096
READS_AT_ONCE = 16


class Asking(Protocol):
    """Who evaluates a service's answers, a ``Service`` for instance."""

    @property
    def name(self) -> str:
        """What is asked."""

    def good(self) -> None:
        """It gave a good answer in time."""

    def bad(self, asked: float, now: float, problem: str) -> None:
        """It gave a wrong answer, or none, to what was ``asked`` at that time."""

    def refused(self) -> bool:
        """Nothing listens there; say whether to ask again at once."""


_Service = TypeVar("_Service", bound=Asking)


@dataclass(slots=True)
class _UnderWay:
    asked: float
    query: bytes
    counted: bool = False  # as failed


class Asker(Generic[_Service]):
    """One service's socket and the questions under way; ``failed`` and ``late`` in seconds.

    A connected UDP socket is told of an ICMP port unreachable (udp(7), ECONNREFUSED) and hears its server alone.
    """

    def __init__(
        self,
        service: _Service,
        address: tuple[str, int],
        question: DnsQuestion,
        *,
        failed: float = FAILED_SECONDS,
        late: float = LATE_SECONDS,
    ) -> None:
        self.service = service
        self._failed, self._late = failed, late
        self.due = float("-inf")  # when to ask next
        # When its socket was made: the kernel chooses a connected socket's own address once (ip(7)), and looks no more
        # whether this node still has it.
        self.opened = float("-inf")
        self.unable = ""  # why the last question could not even be asked
        self._question = question
        self._address = address
        self._socket: socket.socket | None = None
        self._under_way: dict[int, _UnderWay] = {}
        self._identifier = secrets.randbelow(1 << 16)

    @property
    def descriptor(self) -> int | None:
        """What to wait on for answers; None while nothing is under way."""
        return self._socket.fileno() if self._socket is not None and self._under_way else None

    @property
    def waiting_since(self) -> float:
        """When the oldest question under way was asked; infinity while there is none."""
        return min((one.asked for one in self._under_way.values()), default=float("inf"))

    @property
    def expiry(self) -> float:
        """When ``expire`` has something to do."""
        return min(
            (one.asked + (self._late if one.counted else self._failed) for one in self._under_way.values()),
            default=float("inf"),
        )

    def ask(self, now: float) -> None:
        """Send one question."""
        self.due = now + ASK_SECONDS
        self._identifier = (self._identifier + 1) % (1 << 16)
        query = self._question.query(self._identifier)
        try:
            if self._socket is None:
                self._socket, self.opened = connected(self._address), now
            self._socket.send(query)
        except ConnectionRefusedError:  # the answer to an earlier question
            self._refused(now)
        except OSError as error:
            self._broken(now, error, "asked")
        else:
            self.unable = ""
            self._under_way[self._identifier] = _UnderWay(now, query)

    def receive(self, clock: Callable[[], float]) -> None:
        """Take every answer that has come."""
        for _ in range(READS_AT_ONCE):
            if self._socket is None:
                return
            try:
                message = self._socket.recv(LARGEST_MESSAGE)
            except BlockingIOError:
                return
            except ConnectionRefusedError:
                self._refused(clock())
                return
            except OSError as error:
                self._broken(clock(), error, "heard")
                return
            self._take(message, clock())

    def expire(self, now: float) -> None:
        """Count what has had no answer for too long. Only after ``receive``: an answer may have waited to be read."""
        for identifier, one in list(self._under_way.items()):
            if now - one.asked >= self._failed and not one.counted:
                one.counted = True
                self.service.bad(one.asked, now, "does not answer")
            if now - one.asked >= self._late:
                del self._under_way[identifier]

    def _take(self, message: bytes, now: float) -> None:
        if not is_reply(message):
            return
        one = self._under_way.pop(identifier_of(message), None)
        if one is None:
            return
        problem = self._question.evaluate(message, one.query)
        if problem is not None:
            self.service.bad(one.asked, now, problem)
        elif now - one.asked <= self._late:
            self.service.good()

    def _refused(self, now: float) -> None:
        self.close()
        if self.service.refused():
            self.due = now + AGAIN_SECONDS

    def _broken(self, now: float, error: OSError, what: str) -> None:
        self.close()
        if error.errno == errno.EHOSTUNREACH:  # no host on the LAN answers for the address: as good as a silence
            self.service.bad(now, now, "is on no host of the LAN")
        else:
            self.unable = f"{self.service.name} could not be {what}: {error.strerror}"

    def close(self) -> None:
        """Give up what is under way; the next question begins anew, for an error belongs to none in particular."""
        if self._socket is not None:
            self._socket.close()
        self._socket = None
        self._under_way.clear()


def connected(address: tuple[str, int]) -> socket.socket:
    """A UDP socket that never waits and hears this server alone.

    Raises:
        OSError: this host cannot reach that address.
    """
    made = socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        made.settimeout(0)
        made.connect(address)
    except OSError:
        made.close()
        raise
    return made
