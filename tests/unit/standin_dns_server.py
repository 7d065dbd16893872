"""A stand-in for a DNS server: on loopback, over UDP and TCP, it answers or misbehaves as told.

It takes queries apart and builds replies by hand, so that the code under test never judges itself.
Run as a program it serves good answers on the port given, for measurements.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

NOERROR, SERVFAIL, NXDOMAIN, REFUSED = 0, 2, 3, 5
QR, TC, RD = 0x8000, 0x0200, 0x0100


@dataclass(frozen=True)
class Send:
    """Send a message (over TCP with its length before it, unless it is raw), perhaps from another port."""

    data: bytes
    raw: bool = False
    from_elsewhere: bool = False


@dataclass(frozen=True)
class Pause:
    """Do nothing for so many seconds."""

    seconds: float


@dataclass(frozen=True)
class Close:
    """Close the TCP connection, or reset it."""

    reset: bool = False


Step = Send | Pause | Close
Behaviour = Callable[[bytes], Sequence[Step]]


def txt(*strings: bytes) -> bytes:
    """The data of a TXT record."""
    return b"".join(bytes([len(string)]) + string for string in strings)


def parts(query: bytes) -> tuple[bytes, bytes]:
    """A query's question, and its OPT record (RFC 6891) where it has one."""
    end = 12
    while query[end]:
        end += 1 + query[end]
    return query[12 : end + 5], query[end + 5 :]


def reply(query: bytes, *records: bytes, rcode: int = NOERROR, flags: int = QR | RD, kind: int = 16) -> bytes:
    """A reply to the query, with TXT records (or others of the kind) that have the data given, and its OPT record."""
    question, opt = parts(query)
    header = query[:2] + struct.pack("!HHHHH", flags | rcode, 1, len(records), 0, 1 if opt else 0)
    answers = b"".join(b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, 0, len(data)) + data for data in records)
    return header + question + answers + opt


def good(query: bytes, node: str = "node-a") -> bytes:
    """A good answer from the node."""
    return reply(query, txt(node.encode("ascii")))


def with_another_id(message: bytes) -> bytes:
    """The same message, to another query."""
    return bytes([message[0] ^ 0xFF]) + message[1:]


def with_another_label(message: bytes) -> bytes:
    """The same message, about another name: the label's first character is another one."""
    return message[:13] + (b"x" if message[13:14] != b"x" else b"y") + message[14:]


def sends(*makers: Callable[[bytes], bytes]) -> Behaviour:
    """Send what these make of the query, in this order."""
    return lambda query: [Send(make(query)) for make in makers]


def answers_as(node: str) -> Behaviour:
    """Answer well, as the node."""
    return sends(lambda query: good(query, node))


def silent(query: bytes) -> Sequence[Step]:
    """Never answer."""
    return []


class StandinDnsServer:
    """Serves from entering the context to leaving it; ``behaviour`` may be changed meanwhile."""

    def __init__(self, behaviour: Behaviour, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self.behaviour = behaviour
        self.host = host
        self.queries: list[bytes] = []
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._connections: list[socket.socket] = []
        self._udp, self._tcp, self.port = _sockets(host, port)

    def __enter__(self) -> Self:
        self._run(self._serve_udp)
        self._run(self._serve_tcp)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        for open_socket in (self._udp, self._tcp, *self._connections):
            with contextlib.suppress(OSError):
                open_socket.shutdown(socket.SHUT_RDWR)  # wakes the thread that reads from it
        for thread in list(self._threads):
            thread.join()
        self._udp.close()
        self._tcp.close()

    def _run(self, work: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _serve_udp(self) -> None:
        while not self._stopping.is_set():
            query, client = self._udp.recvfrom(4096)
            if self._stopping.is_set():
                return
            self.queries.append(query)
            steps = self.behaviour(query)
            if any(isinstance(step, Pause) for step in steps):
                self._run(self._answer_udp, steps, client)
            else:
                self._answer_udp(steps, client)

    def _answer_udp(self, steps: Sequence[Step], client: tuple[str, int]) -> None:
        for step in steps:
            if self._stopping.is_set():
                return
            if isinstance(step, Pause):
                self._stopping.wait(step.seconds)
            elif isinstance(step, Send) and step.from_elsewhere:
                with socket.socket(self._udp.family, socket.SOCK_DGRAM) as elsewhere:
                    elsewhere.sendto(step.data, client)
            elif isinstance(step, Send):
                with contextlib.suppress(OSError):  # the client may have told by ICMP that it is gone
                    self._udp.sendto(step.data, client)

    def _serve_tcp(self) -> None:
        while not self._stopping.is_set():
            try:
                connection, _ = self._tcp.accept()
            except OSError:
                return
            self._connections.append(connection)
            self._run(self._serve_connection, connection)

    def _serve_connection(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError):  # the client may leave at any time
            self._answer_tcp(connection)
        self._connections.remove(connection)
        connection.close()
        self._threads.remove(threading.current_thread())

    def _answer_tcp(self, connection: socket.socket) -> None:
        query = _receive(connection, int.from_bytes(_receive(connection, 2), "big"))
        self.queries.append(query)
        for step in self.behaviour(query):
            if isinstance(step, Pause):
                self._stopping.wait(step.seconds)
            elif isinstance(step, Send):
                connection.sendall(step.data if step.raw else len(step.data).to_bytes(2, "big") + step.data)
            else:
                if step.reset:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                return
        connection.recv(1)  # until the client closes


def _receive(connection: socket.socket, length: int) -> bytes:
    received = b""
    while len(received) < length:
        part = connection.recv(length - len(received))
        if not part:
            raise ConnectionResetError
        received += part
    return received


def _sockets(host: str, port: int) -> tuple[socket.socket, socket.socket, int]:
    """A UDP and a TCP socket on the same port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for _ in range(50):
        udp = socket.socket(family, socket.SOCK_DGRAM)
        tcp = socket.socket(family, socket.SOCK_STREAM)
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            udp.bind((host, port))
            tcp.bind((host, udp.getsockname()[1]))
        except OSError:
            udp.close()
            tcp.close()
            if port:
                raise
        else:
            tcp.listen(64)
            return udp, tcp, udp.getsockname()[1]
    message = "no port is free for both UDP and TCP"
    raise OSError(message)


def port_without_server() -> int:
    """A port on which nothing listens any more."""
    with StandinDnsServer(silent) as server:
        return server.port


if __name__ == "__main__":
    with StandinDnsServer(answers_as("node-a"), port=int(sys.argv[1])):
        threading.Event().wait()
