"""One HTTP request with an absolute deadline and a bound on the answer.

HTTP/1.0 (RFC 1945) has neither chunks nor connections kept open, so the answer ends where the
connection does; a server that drips, hangs or never ends costs the deadline and no more.
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporter.model.errors import ExporterError

if TYPE_CHECKING:
    import ssl

MAXIMUM_BYTES = 1 << 20


class FetchError(ExporterError):
    """There is no usable answer; the message says why."""


class StatusError(FetchError):
    """The answer has another status than 200; its body may say why."""

    def __init__(self, message: str, status: int, body: bytes) -> None:
        super().__init__(message)
        self.status = status
        self.body = body


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """A good answer; the names of headers are in lower case."""

    headers: Mapping[str, str]
    body: bytes


def http_get(
    host: str, port: int, path: str, timeout: float, limit: int = MAXIMUM_BYTES, *, tls: bool = False
) -> bytes:
    """Fetch a path and return the body; ``timeout`` is for the whole of it, ``limit`` counts its head too.

    ``tls`` encrypts; nobody's certificate is checked (docs/design.md, "TLS and passwords").

    Raises:
        FetchError: no connection, no complete answer within ``timeout`` seconds, too large, or not 200.
    """
    return http_exchange(host, port, path, timeout, limit, tls=tls).body


def http_exchange(
    host: str,
    port: int,
    path: str,
    timeout: float,
    limit: int = MAXIMUM_BYTES,
    headers: Mapping[str, str] | None = None,
    *,
    tls: bool = False,
    method: str = "GET",
    content: bytes | None = None,
) -> HttpAnswer:
    """Send headers and content of one's own, and return the answer's headers too; otherwise as ``http_get``.

    Raises:
        StatusError: the answer is complete, and its status not 200.
        FetchError: as ``http_get``.
    """
    where = f"{'https' if tls else 'http'}://{f'[{host}]' if ':' in host else host}:{port}{path}"
    deadline = time.monotonic() + timeout
    lines = {"Host": host, "Accept": "*/*", "Connection": "close", **(headers or {})}
    if content is not None:
        lines["Content-Length"] = str(len(content))
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    request = f"{method} {path} HTTP/1.0\r\n{head}\r\n".encode("ascii") + (content or b"")
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
    return _parsed(answer, where)


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


def _parsed(answer: bytes, where: str) -> HttpAnswer:
    head, separator, body = answer.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    words = lines[0].split(None, 2)
    if not separator or len(words) < 2 or not words[0].startswith(b"HTTP/1.") or not words[1].isdigit():
        msg = f"{where} did not answer with HTTP"
        raise FetchError(msg)
    if words[1] != b"200":
        msg = f"{where} answered {words[1][:3].decode()}"
        raise StatusError(msg, int(words[1][:3]), body)
    headers: dict[str, str] = {}
    for line in lines[1:]:
        name, _, value = (part.strip().decode("latin-1") for part in line.partition(b":"))
        headers[name.lower()] = value
        if name.lower() == "content-length" and value != str(len(body)):
            msg = f"{where} ended its answer early"
            raise FetchError(msg)
    return HttpAnswer(headers, body)
