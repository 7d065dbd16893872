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
from typing import Generic, NamedTuple, TypeVar

from exporter.model.addressing import Family
from exporter.model.observations import Protocol
from exporter.parsers.dns_answer import MAX_LENGTH, Failure, NotOurs, Reason, Verdict, evaluate, too_long

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
    errno.EMFILE: "local",
    errno.ENFILE: "local",
    errno.EAFNOSUPPORT: "local",
}

_ADVICE: dict[Reason, str] = {
    "refused": "refused the query, nothing listens there; is the DNS service running?",
    "unreachable": "cannot be reached ({}); look at this node's interface and routes",
    "timeout": "did not answer a TCP connection; is the node up?",
    "closed": "closed the connection before a whole answer; look at the logs of the DNS service there",
    "local": "could not be asked, this host failed ({}); look at its packet filter, limits and addresses",
    "network": "could not be asked ({}); look at the network in between",
}

_FAMILIES: dict[Family, socket.AddressFamily] = {"ipv4": socket.AF_INET, "ipv6": socket.AF_INET6}
_LOOPBACK = "127.0.0.1"
_IP_MTU = 14  # linux/in.h; the socket module has no name for it

Ticket = TypeVar("Ticket")


@dataclass(frozen=True, slots=True)
class DnsServer:
    """A DNS server and the protocol over which it is asked."""

    address: str
    port: int
    family: Family
    protocol: Protocol

    def __str__(self) -> str:
        host = f"[{self.address}]" if self.family == "ipv6" else self.address
        return f"{host}:{self.port} ({self.protocol})"


class Result(NamedTuple, Generic[Ticket]):
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

    def ask(self, ticket: Ticket, server: DnsServer, query: bytes, timeout: float) -> None:
        """Begin to ask; whatever goes wrong is a result of ``wait``."""
        deadline = self._monotonic() + timeout
        try:
            transport = (_Udp if server.protocol == "udp" else _Tcp)(server, query)
        except OSError as error:
            self._finished.append(Result(ticket, _failure(error), self._monotonic()))
            return
        self._exchanges[transport.socket.fileno()] = _Exchange(ticket, query, transport, deadline, timeout)
        self._poll.register(transport.socket, transport.events)

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
            verdict = self._exchanges[descriptor].out_of_time
            finished.append(Result(self._end(descriptor), verdict, at))
        return finished

    def close(self) -> None:
        """Give up the queries under way."""
        for descriptor in list(self._exchanges):
            self._end(descriptor)

    def _advance(self, descriptor: int) -> Verdict | None:
        exchange = self._exchanges[descriptor]
        transport = exchange.transport
        events = transport.events
        for _ in range(READS_AT_ONCE):
            try:
                received = transport.receive()
            except BlockingIOError:
                break
            except OSError as error:
                return _failure(error)
            if isinstance(received, Failure):
                return exchange.ignored or received
            verdict = evaluate(received, exchange.query)
            if not isinstance(verdict, NotOurs):
                return verdict
            exchange.ignored = verdict.failure
        if transport.events != events:
            self._poll.modify(descriptor, transport.events)
        return None

    def _end(self, descriptor: int) -> Ticket:
        exchange = self._exchanges.pop(descriptor)
        self._poll.unregister(descriptor)
        exchange.transport.socket.close()
        return exchange.ticket


class _Udp:
    """One query on a connected UDP socket."""

    events = select.POLLIN

    def __init__(self, server: DnsServer, query: bytes) -> None:
        self.socket = _socket(server, socket.SOCK_DGRAM)
        try:
            self.socket.connect((server.address, server.port))
            self.socket.send(query)
        except OSError:
            self.socket.close()
            raise

    def receive(self) -> bytes | Failure:
        return self.socket.recv(MAX_LENGTH + 1)  # one more tells that it was cut


class _Tcp:
    """One query on a TCP connection (RFC 7766: each message follows its length)."""

    def __init__(self, server: DnsServer, query: bytes) -> None:
        self.events = select.POLLOUT
        self._unsent = len(query).to_bytes(2, "big") + query
        self._received = b""
        self.socket = _socket(server, socket.SOCK_STREAM)
        error = self.socket.connect_ex((server.address, server.port))
        if error not in (0, errno.EINPROGRESS):
            self.socket.close()
            raise OSError(error, os.strerror(error))

    def receive(self) -> bytes | Failure:
        while self._unsent:
            self._send()
        while True:
            length = int.from_bytes(self._received[:2], "big") if len(self._received) >= 2 else None
            if length is not None and length > MAX_LENGTH:
                return too_long(length)
            if length is not None and len(self._received) >= 2 + length:
                message, self._received = self._received[2 : 2 + length], self._received[2 + length :]
                return message
            received = self.socket.recv(MAX_LENGTH + 2)
            if not received:
                return _CLOSED
            self._received += received

    def _send(self) -> None:
        error = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            raise OSError(error, os.strerror(error))
        self._unsent = self._unsent[self.socket.send(self._unsent) :]
        if not self._unsent:
            self.events = select.POLLIN


@dataclass(slots=True)
class _Exchange(Generic[Ticket]):
    """One query under way."""

    ticket: Ticket
    query: bytes
    transport: _Udp | _Tcp
    deadline: float
    timeout: float
    ignored: Failure | None = None  # what came that was not ours

    @property
    def out_of_time(self) -> Failure:
        """What it comes to that the deadline has passed."""
        return self.ignored or Failure("timeout", f"did not answer within {self.timeout:g} s; is the node up?")


def _socket(server: DnsServer, kind: socket.SocketKind) -> socket.socket:
    made = socket.socket(_FAMILIES[server.family], kind)
    try:
        if server.family == "ipv4" and _is_on_this_host(server):
            made.bind((_LOOPBACK, 0))
    except OSError:
        made.close()
        raise
    made.settimeout(0)
    return made


def _is_on_this_host(server: DnsServer) -> bool:
    """Whether the address is this host's own, as a virtual IP is while it is here.

    Such a query comes from the loopback address: Pi-hole can be told to leave those out of its
    statistics and its database (dns.ignoreLocalhost), but not those from an address that moves.
    Not over IPv6: dnsmasq, which is inside Pi-hole, finds no way back from there to ::1.

    What is this host's own goes by the loopback interface, whose MTU (65,536) no LAN has. The source that the kernel
    would choose says less: for a virtual IP with a prefix length it is the node's first address.
    """
    mtu = _path_mtu(server.address, server.port)
    return mtu is not None and mtu == _path_mtu(_LOOPBACK, server.port)


def _path_mtu(address: str, port: int) -> int | None:
    """The MTU in bytes on the way to an IPv4 address (ip(7), IP_MTU); None: there is no way."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as route:
        try:
            route.connect((address, port))  # sends nothing
            return route.getsockopt(socket.IPPROTO_IP, _IP_MTU)
        except OSError:
            return None


def _failure(error: OSError) -> Failure:
    reason = _REASONS.get(error.errno or 0, "network")
    return Failure(reason, _ADVICE[reason].format(error.strerror))


_CLOSED = _failure(OSError(errno.ECONNRESET, "closed"))
