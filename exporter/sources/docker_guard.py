"""A connection to Docker's API whose answers can neither last nor grow without bounds.

The time-outs of the docker package, as those of the libraries below it, are for one read of a socket: a daemon
that sends a byte a second keeps its reader for ever, and one that sends without end fills the memory. Here the
socket itself watches the time and the bytes of a whole answer, headers and all. What cannot be had is told in a
sentence, by a ``CollectorError`` that passes through those libraries untouched, for they catch an ``OSError`` only.
"""

from __future__ import annotations

import contextlib
import socket
import time
from typing import Any
from urllib.parse import urlsplit

from exporter.model.errors import CollectorError

WHAT_TO_START = "is the socket proxy running, and Docker?"


class SilenceError(CollectorError):
    """Docker's API did not answer in time."""


class RefusedError(CollectorError):
    """Docker's API, or a proxy before it, answered with a status that is none of success."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class VersionError(CollectorError):
    """Docker's API does not speak the version that it was asked in; ``spoken`` is one that it does."""

    def __init__(self, message: str, spoken: str) -> None:
        super().__init__(message)
        self.spoken = spoken


class Guard:
    """What one connection may cost: when its answer must be there, and how long that may be."""

    def __init__(self, url: str) -> None:
        self.where = f"Docker's API at {url}"
        self._url = urlsplit(url)
        self._socket: socket.socket | None = None
        self._closed = False
        self._seconds = 0.0
        self._deadline = 0.0
        self._bytes = 0

    @property
    def host(self) -> str:
        """The name for the HTTP header; that of a socket in the file system does not matter."""
        return self._url.hostname or "localhost"

    def allow(self, seconds: float, size: int, *, until: float | None = None) -> None:
        """From now on allow ``seconds`` and ``size`` bytes, ending at the monotonic time ``until`` at the latest."""
        self._seconds = seconds
        self._deadline = time.monotonic() + seconds
        if until is not None and until < self._deadline:
            self._deadline = until
        self._bytes = size

    def remaining(self) -> float:
        """Return the seconds left.

        Raises:
            SilenceError: there are none.
            CollectorError: the connection is not wanted any more.
        """
        if self._closed:
            msg = f"{self.where} is not waited for any more"
            raise CollectorError(msg)
        seconds = self._deadline - time.monotonic()
        if seconds <= 0:
            raise self.silence()
        return seconds

    def silence(self) -> SilenceError:
        """Return the error for an answer that is not there in time."""
        return SilenceError(f"{self.where} did not answer within {self._seconds:g} s; {WHAT_TO_START}")

    def received(self, size: int) -> None:
        """Count bytes.

        Raises:
            CollectorError: there are more than allowed.
        """
        self._bytes -= size
        if self._bytes < 0:
            msg = f"{self.where} sends more than any answer of Docker's is long; what listens there?"
            raise CollectorError(msg)

    def connect(self) -> socket.socket:
        """Connect.

        Raises:
            CollectorError: nobody answers.
        """
        if self._url.scheme == "unix":
            return self._connect(socket.AF_UNIX, self._url.path)
        try:
            addresses = socket.getaddrinfo(self._url.hostname, self._url.port, type=socket.SOCK_STREAM)
        except OSError as error:
            msg = f"{self.where} cannot be found, its name does not resolve: {error.strerror}"
            raise CollectorError(msg) from None
        for family, _, _, _, address in addresses[:-1]:
            with contextlib.suppress(CollectorError):
                return self._connect(family, address)
        return self._connect(addresses[-1][0], addresses[-1][4])

    def _connect(self, family: int, address: Any) -> socket.socket:  # noqa: ANN401
        sock = _GuardedSocket(self, family)
        try:
            sock.settimeout(self.remaining())
            sock.connect(address)
        except OSError as error:
            sock.close()
            raise self._unreachable(error) from None
        except CollectorError:
            sock.close()
            raise
        self._socket = sock
        if self._closed:  # by another thread, just now
            self.close()
        return sock

    def _unreachable(self, error: OSError) -> CollectorError:
        if isinstance(error, TimeoutError):
            return self.silence()
        if isinstance(error, BlockingIOError):  # the queue of a UNIX socket is full, and connect(2) does not wait
            return CollectorError(f"{self.where} accepts no more connections, it hangs; restart what listens there")
        if isinstance(error, FileNotFoundError):
            return CollectorError(f"{self.where} is not there: no such file; {WHAT_TO_START}")
        if isinstance(error, ConnectionRefusedError):
            return CollectorError(f"{self.where} refuses connections, nobody listens; {WHAT_TO_START}")
        if isinstance(error, PermissionError):
            return CollectorError(
                f"{self.where} may not be used: permission denied; is the socket's group one of the exporter's?"
            )
        return CollectorError(f"{self.where} cannot be reached: {error.strerror or error}; {WHAT_TO_START}")

    def close(self) -> None:
        """End whatever waits for this connection, from any thread, and allow no new one."""
        self._closed = True
        sock = self._socket
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


class _GuardedSocket(socket.socket):
    """A socket that reads what its guard allows; http.client reads with ``recv_into`` alone."""

    def __init__(self, guard: Guard, family: int) -> None:
        super().__init__(family, socket.SOCK_STREAM)
        self._guard = guard

    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:  # noqa: ANN401
        """Read what there is."""
        self.settimeout(self._guard.remaining())
        try:
            size = super().recv_into(buffer, nbytes, flags)
        except TimeoutError:
            raise self._guard.silence() from None
        self._guard.received(size)
        return size
