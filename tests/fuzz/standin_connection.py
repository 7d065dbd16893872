"""Stands in for a connection with a client that has sent its request, reads all at once, and is gone.

It leaves unproved what time does: slow clients, full buffers, closed connections (tests/wire/test_http_flood.py).
"""

from __future__ import annotations

import io
import socket
from collections.abc import Sequence
from typing import Any, Final

from exporter.http.callers import Caller
from exporter.http.handler import TEXT, Answer, Handler
from exporter.http.pair_key import PairKey
from exporter.http.seats import Seats

KEY: Final = PairKey(b"0123456789abcdef")
_BODY: Final = b"x" * 2000  # long enough to be compressed


class StandinConnection:
    """As much of a socket as the handler of requests uses."""

    def __init__(self, request: bytes, idle: socket.socket) -> None:
        """``idle`` is a real socket on which nothing is sent: the kernel is asked what is still under way."""
        self._request = io.BytesIO(request)
        self._idle = idle
        self.sent = bytearray()

    def makefile(self, *_: Any, **__: Any) -> io.BytesIO:
        """What the library would read from; the handler makes its own."""
        return io.BytesIO()

    def settimeout(self, seconds: float) -> None:
        """Nothing here takes time."""

    def recv_into(self, buffer: memoryview) -> int:
        """Give the next part of the request."""
        return self._request.readinto(buffer)

    def send(self, data: bytes) -> int:
        """Take all of it."""
        self.sent += data
        return len(data)

    sendall = send

    def shutdown(self, how: int) -> None:
        """The client hears the end."""

    def getsockname(self) -> tuple[str, int]:
        """The address that was asked."""
        return "192.0.2.11", 9753

    def fileno(self) -> int:
        """The idle socket's."""
        return self._idle.fileno()


class StandinSite:
    """A server with one page, and a pair key."""

    access = None

    def __init__(self) -> None:
        self.routes = {"/": _page, "/metrics": _page, "/runbooks/a": _page}

    def pair_key(self) -> PairKey:
        """The key."""
        return KEY

    def allowed(self, path: str) -> str:
        """The methods of all paths."""
        return "GET, HEAD, OPTIONS"


def _page(accept: str, names: Sequence[str]) -> Answer:
    return _BODY, TEXT


_SITE: Final[Any] = StandinSite()
_SEATS: Final = Seats(Caller(4, 4, 4))


def answer(request: bytes) -> bytes:
    """Answer a request as the servers do."""
    idle, end = socket.socketpair()
    with idle, end:
        connection: Any = StandinConnection(request, idle)
        Handler(connection, ("192.0.2.100", 1), _SITE, _SEATS)
        return bytes(connection.sent)
