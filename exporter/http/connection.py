"""A connection with somebody who may be slow, greedy or gone: all that it may cost has a bound."""

from __future__ import annotations

import contextlib
import fcntl
import http.client
import io
import os
import socket
import struct
import termios
import time
from typing import Any, Final

# How often it is looked whether the last bytes have arrived.
_POLL_SECONDS: Final = 0.02
# Where all threads put what nobody reads.
_DISCARDED: Final = bytearray(1 << 16)
_HTTPS_ONLY: Final = (
    b"HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain\r\n\r\nThis port speaks HTTPS: write https://\n"
)
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)  # struct linger, socket(7)


class HeadTooLargeError(http.client.HTTPException):
    """A request's head is larger than it may be."""


class BoundedReader(io.RawIOBase):
    """Reads from a connection up to a moment and a size.

    A socket's own time-out begins anew with every byte that drips in, and the library bounds each line but not all.
    """

    def __init__(self, connection: socket.socket, seconds: float, size: int) -> None:
        self._connection = connection
        self._deadline = time.monotonic() + seconds
        self._size = self._left = size

    def readable(self) -> bool:
        """It can be read, which is all."""
        return True

    def allow(self, size: int) -> None:
        """Let so many more bytes be read: the head is complete, and a body of this size follows it."""
        self._left = size

    def readinto(self, buffer: Any, /) -> int:  # noqa: ANN401
        """Read what is there, or wait for something until the deadline.

        Raises:
            TimeoutError: it has passed.
            HeadTooLargeError: all that may be read has been.
        """
        seconds = self._deadline - time.monotonic()
        if seconds <= 0:
            raise TimeoutError
        if not self._left:
            raise HeadTooLargeError(f"more than {self._size} bytes")
        self._connection.settimeout(seconds)
        count = self._connection.recv_into(memoryview(buffer)[: self._left])
        self._left -= count
        return count


def handshake(connection: socket.socket, deadline: float) -> None:
    """Do the handshake of TLS, if the connection speaks it, until the deadline (monotonic).

    Raises:
        OSError: the client does not speak it, as a browser does that was given no https:// (it is told so), or too
            slowly.
    """
    do_handshake = getattr(connection, "do_handshake", None)
    if do_handshake is None:
        return
    connection.settimeout(deadline - time.monotonic())
    try:
        do_handshake()
    except OSError as error:
        if getattr(error, "reason", None) == "HTTP_REQUEST":
            with socket.socket(fileno=os.dup(connection.fileno())) as plain:
                send_all(plain, _HTTPS_ONLY, deadline)
                wait_until_taken(plain, deadline)
        raise


def send_all(connection: socket.socket, data: bytes, deadline: float) -> None:
    """Send all until the deadline (monotonic); TLS sends in parts, and a socket's own time-out is for each of them.

    Raises:
        TimeoutError: the client takes it too slowly.
    """
    rest = memoryview(data)
    while rest:
        seconds = deadline - time.monotonic()
        if seconds <= 0:
            raise TimeoutError
        connection.settimeout(seconds)
        rest = rest[connection.send(rest) :]


def wait_until_taken(connection: socket.socket, deadline: float) -> None:
    """Wait until the client has received all that was sent and closes, or until the deadline (monotonic).

    Who closed before would leave what the client does not read in the kernel's memory, for minutes and without limit;
    and a client that still sends would see a reset connection instead of its answer.
    """
    _say_end(connection)
    connection.shutdown(socket.SHUT_WR)
    open_ = True
    while (left := deadline - time.monotonic()) > 0:
        if open_:
            connection.settimeout(left)
            open_ = bool(connection.recv_into(_DISCARDED))
        elif _in_flight(connection):
            time.sleep(min(left, _POLL_SECONDS))
        else:
            return


def reset(connection: socket.socket) -> None:
    """Close a connection so that nothing of it is left in the kernel."""
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    connection.close()


def close(connection: socket.socket) -> None:
    """Close a connection; what the client has not received by now it never will."""
    with contextlib.suppress(OSError):
        if _in_flight(connection):
            reset(connection)
    connection.close()


def _say_end(connection: socket.socket) -> None:
    """Say over TLS that nothing follows (close_notify), without waiting for the client to say so too."""
    unwrap = getattr(connection, "unwrap", None)
    if unwrap is not None:
        connection.settimeout(0)
        with contextlib.suppress(OSError, ValueError):
            unwrap()


def _in_flight(connection: socket.socket) -> int:
    """How many bytes the client has not acknowledged (SIOCOUTQ, tcp(7))."""
    (count,) = struct.unpack("i", fcntl.ioctl(connection, termios.TIOCOUTQ, bytes(4)))
    return int(count)
