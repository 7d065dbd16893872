"""A stand-in for an exporter's HTTP server: on loopback, it answers or misbehaves as told."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from typing import Self

from tests.lab.waiting import wait_for

Behaviour = Callable[[socket.socket, threading.Event], None]


def answer(body: bytes, status: str = "200 OK", headers: str = "") -> bytes:
    """A whole HTTP answer."""
    return f"HTTP/1.0 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode("latin-1") + body


def sends(data: bytes) -> Behaviour:
    """Send something and close."""
    return lambda connection, _: connection.sendall(data)


def hangs(_: socket.socket, over: threading.Event) -> None:
    """Accept and never say anything."""
    over.wait(10)


def drips(connection: socket.socket, over: threading.Event) -> None:
    """Send one byte after the other, for ever, each well before any time-out."""
    for byte in answer(b"x" * 100_000):
        connection.sendall(bytes([byte]))
        if over.wait(0.01):
            return


def floods(connection: socket.socket, over: threading.Event) -> None:
    """Send 100 MB."""
    connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n")
    for _ in range(100):
        if over.is_set():
            return
        connection.sendall(b"x" * 1_000_000)


class StandinHttpServer:
    """Listens on 127.0.0.1, or where told; ``behaviour`` may be changed while it runs."""

    def __init__(self, behaviour: Behaviour, host: str = "127.0.0.1") -> None:
        self.behaviour = behaviour
        self.requests: list[bytes] = []
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []
        self._socket = socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
        self.port: int = self._socket.getsockname()[1]

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)
        self._socket.close()

    def wait_for_requests(self, count: int) -> None:
        """Wait until so many requests have come."""
        wait_for(f"{count} requests", lambda: self.requests, until=lambda seen: len(seen) >= count, timeout=15)

    def _start(self, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while not self._over.is_set():
                connection, _ = self._socket.accept()
                self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.settimeout(5)
            self.requests.append(connection.recv(4096))
            self.behaviour(connection, self._over)


def port_without_server() -> int:
    """A port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
