"""One HTTP GET with an absolute deadline and a bound on the answer.

HTTP/1.0 (RFC 1945) has neither chunks nor connections kept open, so the answer ends where the
connection does; a server that drips, hangs or never ends costs the deadline and no more.
"""

from __future__ import annotations

import contextlib
import socket
import time
from typing import TYPE_CHECKING

from exporter.errors import ExporterError

if TYPE_CHECKING:
    import ssl

MAXIMUM_BYTES = 1 << 20


class FetchError(ExporterError):
    """There is no usable answer; the message says why."""


def http_get(
    host: str, port: int, path: str, timeout: float, limit: int = MAXIMUM_BYTES, *, tls: bool = False
) -> bytes:
    """Fetch a path and return the body; ``timeout`` is for the whole of it, ``limit`` counts its head too.

    ``tls`` encrypts; nobody's certificate is checked (docs/design.md, "TLS and passwords").

    Raises:
        FetchError: no connection, no complete answer within ``timeout`` seconds, too large, or not 200.
    """
    where = f"{'https' if tls else 'http'}://{f'[{host}]' if ':' in host else host}:{port}{path}"
    deadline = time.monotonic() + timeout
    request = f"GET {path} HTTP/1.0\r\nHost: {host}\r\nAccept: */*\r\nConnection: close\r\n\r\n".encode("ascii")
    try:
        with contextlib.ExitStack() as stack:
            connection = stack.enter_context(socket.create_connection((host, port), timeout))
            connection.settimeout(_left(deadline))
            if tls:
                connection = stack.enter_context(_encrypted(connection))
                connection.settimeout(_left(deadline))
            connection.sendall(request)
            answer = _read_all(connection, deadline, where, limit)
    except TimeoutError:
        msg = f"{where} did not answer within {timeout:g} s"
        raise FetchError(msg) from None
    except OSError as error:
        hint = "; has the other side no TLS?" if getattr(error, "reason", None) == "WRONG_VERSION_NUMBER" else ""
        msg = f"{where} cannot be reached: {error.strerror or error}{hint}"
        raise FetchError(msg) from None
    return _body(answer, where)


def _encrypted(connection: socket.socket) -> ssl.SSLSocket:
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(connection)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _read_all(connection: socket.socket, deadline: float, where: str, limit: int) -> bytes:
    answer = bytearray()
    while True:
        connection.settimeout(_left(deadline))
        chunk = connection.recv(65536)
        if not chunk:
            return bytes(answer)
        answer += chunk
        if len(answer) > limit:
            msg = f"{where} sent more than {limit} bytes"
            raise FetchError(msg)


def _body(answer: bytes, where: str) -> bytes:
    head, separator, body = answer.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    words = lines[0].split(None, 2)
    if not separator or len(words) < 2 or not words[0].startswith(b"HTTP/1.") or not words[1].isdigit():
        msg = f"{where} did not answer with HTTP"
        raise FetchError(msg)
    if words[1] != b"200":
        msg = f"{where} answered {words[1][:3].decode()}"
        raise FetchError(msg)
    for line in lines[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length" and value.strip() != str(len(body)).encode():
            msg = f"{where} ended its answer early"
            raise FetchError(msg)
    return body
