"""DNS queries over UDP and TCP, many at a time from one thread, each with an absolute deadline.

Sockets of our own instead of ``dns.query``: a connected UDP socket is told of ICMP errors at once,
takes replies from the server's address alone, and never sees the late answer to an earlier query.
"""

from __future__ import annotations

import errno
import os
import select
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from exporter.addressing import Address
from exporter.observations import Protocol
from exporter.parsers.dns_answer import MAX_LENGTH, Answer, Failure, NotOurs, Reason, Verdict, judge, too_long

# A flood of forged replies must not keep the thread from its other sockets.
READS_AT_ONCE = 16

_REASONS: dict[int, Reason] = {
    errno.ECONNREFUSED: "refused",
    errno.EHOSTUNREACH: "unreachable",
    errno.ENETUNREACH: "unreachable",
    errno.EHOSTDOWN: "unreachable",
    errno.ENETDOWN: "unreachable",
    errno.ECONNRESET: "closed",
    errno.ECONNABORTED: "closed",
    errno.EPIPE: "closed",
    errno.ETIMEDOUT: "timeout",
    errno.EACCES: "local",
    errno.EPERM: "local",  # a packet filter on this host
    errno.EADDRNOTAVAIL: "local",
    errno.EAGAIN: "local",  # no port or no buffer is free
    errno.ENOBUFS: "local",
    errno.ENOMEM: "local",
}

_ADVICE: dict[Reason, str] = {
    "refused": "refused the query, nothing listens there; is the DNS service running?",
    "unreachable": "cannot be reached ({}); look at this node's interface and routes",
    "closed": "closed the connection before a whole answer; look at the logs of the DNS service there",
    "local": "could not be asked, this host failed ({}); look at its packet filter, limits and addresses",
    "network": "could not be asked ({}); look at the network in between",
}

Ticket = TypeVar("Ticket")


@dataclass(frozen=True, slots=True)
class Server:
    """A DNS server and the protocol over which it is asked."""

    address: Address
    port: int
    protocol: Protocol

    def __str__(self) -> str:
        host = f"[{self.address}]" if self.address.version == 6 else str(self.address)
        return f"{host}:{self.port} ({self.protocol})"


@dataclass(frozen=True, slots=True)
class Result(Generic[Ticket]):
    """A query's end, at a monotonic time."""

    ticket: Ticket
    verdict: Verdict
    at: float


class DnsClient(Generic[Ticket]):
    """Asks servers without waiting; ``wait`` then tells how the queries ended.

    A ticket is the caller's own mark for a query. Not for use by several threads. Holds one
    descriptor for each query that is under way.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._poll = select.poll()
        self._exchanges: dict[int, _Exchange[Ticket]] = {}
        self._finished: list[Result[Ticket]] = []

    def ask(self, ticket: Ticket, server: Server, query: bytes, timeout: float) -> None:
        """Begin to ask; whatever goes wrong is a result of ``wait``."""
        deadline = self._monotonic() + timeout
        try:
            exchange = (_UdpExchange if server.protocol == "udp" else _TcpExchange)(ticket, server, query, deadline)
        except OSError as error:
            verdict = Failure("local", _ADVICE["local"].format(error.strerror))
            self._finished.append(Result(ticket, verdict, self._monotonic()))
            return
        try:
            exchange.begin()
        except OSError as error:
            self._finished.append(Result(ticket, _network_failure(error), self._monotonic()))
            exchange.socket.close()
            return
        self._exchanges[exchange.socket.fileno()] = exchange
        self._poll.register(exchange.socket, exchange.events)

    def wait(self, timeout: float) -> list[Result[Ticket]]:
        """Return the queries that ended, waiting for the first one for ``timeout`` seconds at most."""
        finished, self._finished = self._finished, []
        before = self._monotonic()
        if finished:
            timeout = 0.0
        elif self._exchanges:
            timeout = min(timeout, min(exchange.deadline for exchange in self._exchanges.values()) - before)
        ready = self._poll.poll(max(0.0, timeout) * 1000)
        at = self._monotonic()
        for descriptor, _ in ready:
            verdict = self._advance(descriptor)
            if verdict is not None:
                finished.append(Result(self._end(descriptor), verdict, at))
        # Against the time before the poll, so that an answer which waits in its socket is not called
        # late because this process was kept from running.
        expired = [descriptor for descriptor, exchange in self._exchanges.items() if exchange.deadline <= before]
        for descriptor in expired:
            verdict = self._exchanges[descriptor].out_of_time()
            finished.append(Result(self._end(descriptor), verdict, at))
        return finished

    def close(self) -> None:
        """Give up the queries under way."""
        for descriptor in list(self._exchanges):
            self._end(descriptor)

    def _advance(self, descriptor: int) -> Verdict | None:
        exchange = self._exchanges[descriptor]
        events = exchange.events
        try:
            verdict = exchange.advance()
        except BlockingIOError:
            verdict = None
        except OSError as error:
            return _network_failure(error)
        if exchange.events != events:
            self._poll.modify(descriptor, exchange.events)
        return verdict

    def _end(self, descriptor: int) -> Ticket:
        exchange = self._exchanges.pop(descriptor)
        self._poll.unregister(descriptor)
        exchange.socket.close()
        return exchange.ticket


class _Exchange(Generic[Ticket]):
    """One query under way on a non-blocking socket."""

    __slots__ = ("_ignored", "_query", "_server", "deadline", "events", "socket", "ticket")
    kind = socket.SOCK_DGRAM

    def __init__(self, ticket: Ticket, server: Server, query: bytes, deadline: float) -> None:
        family = socket.AF_INET if server.address.version == 4 else socket.AF_INET6
        self.socket = socket.socket(family, self.kind)
        self.socket.setblocking(False)
        self.ticket = ticket
        self.deadline = deadline
        self.events = select.POLLIN
        self._server = server
        self._query = query
        self._ignored: NotOurs | None = None

    def begin(self) -> None:
        """Send, or begin to.

        Raises:
            OSError: the query could not leave this host.
        """
        raise NotImplementedError

    def advance(self) -> Verdict | None:
        """Go on as the socket is ready; None means to wait on.

        Raises:
            OSError: the network said no; BlockingIOError when the socket was not ready after all.
        """
        raise NotImplementedError

    def out_of_time(self) -> Verdict:
        """Say what it comes to that the deadline has passed."""
        if self._ignored is not None:
            return self._ignored.failure
        return _TIMEOUT

    def _judge(self, reply: bytes) -> Verdict | None:
        verdict = judge(reply, self._query)
        if isinstance(verdict, NotOurs):
            self._ignored = verdict
            return None
        return verdict


def _network_failure(error: OSError) -> Failure:
    reason = _REASONS.get(error.errno or 0, "network")
    return Failure(reason, _ADVICE[reason].format(error.strerror))
