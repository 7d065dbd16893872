"""The HTTP server: metrics, JSON status, status page and health."""

from __future__ import annotations

import errno
import gzip
import io
import logging
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from exporter.errors import ExporterError

log = logging.getLogger(__name__)

Answer = tuple[bytes, str]
# What a client may keep a thread waiting, and how many threads clients may have.
CLIENT_TIMEOUT_SECONDS = 5.0
MAXIMUM_CONNECTIONS = 128
COMPRESS_FROM_BYTES = 1024
_ADVICE = {
    errno.EADDRINUSE: "is another one running? {0}_PORT chooses another port",
    errno.EADDRNOTAVAIL: "{0}_ADDRESS must be an address of this machine, or empty for all",
    errno.EACCES: "choose an {0}_PORT from 1024 on",
}


class ListenError(ExporterError):
    """The port cannot be listened on; the message says why."""


class _UntilDeadline(io.RawIOBase):
    """Reads from a connection up to a moment: a socket's own time-out begins anew with every byte that drips in."""

    def __init__(self, connection: socket.socket, seconds: float) -> None:
        self._connection = connection
        self._deadline = time.monotonic() + seconds

    def readable(self) -> bool:
        """It can be read, which is all."""
        return True

    def readinto(self, buffer: Any, /) -> int:  # noqa: ANN401
        """Read what is there, or wait for something until the deadline."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._connection.settimeout(left)
        return self._connection.recv_into(buffer)


class Handler(BaseHTTPRequestHandler):
    """Answers GET and HEAD for the few paths there are."""

    server: Server
    server_version = "dnsha-exporter"
    sys_version = ""
    timeout = CLIENT_TIMEOUT_SECONDS

    def setup(self) -> None:
        """Give the client a moment by which it must have said what it wants."""
        super().setup()
        self.rfile.close()
        self.rfile = io.BufferedReader(_UntilDeadline(self.connection, CLIENT_TIMEOUT_SECONDS))

    def do_GET(self) -> None:
        """Answer a request."""
        try:
            url = urlsplit(self.path)
        except ValueError:  # such as http://[/
            url = urlsplit("")
        # A link in an alert, and one from runbook to runbook, has the name of the file.
        route = self.server.routes.get(url.path.removesuffix(".md"))
        if route is None:
            known = ", ".join(_known(self.server.routes, url.path))
            self._send(HTTPStatus.NOT_FOUND, f"Nothing here; there are {known}\n".encode(), "text/plain; charset=utf-8")
            return
        try:
            body, content_type = route(self.headers.get("Accept", ""), parse_qs(url.query).get("name[]", []))
        except Exception:
            log.exception("%s failed", url.path)
            self._send(
                HTTPStatus.INTERNAL_SERVER_ERROR,
                b"This failed; the log says why\n",
                "text/plain; charset=utf-8",
            )
            return
        self._send(HTTPStatus.OK, body, content_type)

    def do_HEAD(self) -> None:
        """Answer a request without its body."""
        self.do_GET()

    def _send(self, status: HTTPStatus, body: bytes, content_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
        if len(body) >= COMPRESS_FROM_BYTES and "gzip" in self.headers.get("Accept-Encoding", ""):
            body = gzip.compress(body, compresslevel=1)
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.connection.settimeout(CLIENT_TIMEOUT_SECONDS)
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Log requests for those who look for them."""
        log.debug("%s %s", self.client_address[0], format % args)


def _known(routes: Iterable[str], asked: str) -> Iterator[str]:
    """Name the paths there are; pages of a folder only to somebody who asked for one in that folder."""
    folders = {route for route in routes if route.endswith("/")} - {"/"}
    for route in routes:
        folder = route[: route.rindex("/") + 1]
        if route == folder or folder not in folders or asked.startswith(folder):
            yield route


class Server(ThreadingHTTPServer):
    """A thread for each request, bounded in number and time."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(
        self,
        host: str,
        port: int,
        routes: dict[str, Callable[[str, Sequence[str]], Answer]],
        handler: type[Handler] = Handler,
        *,
        variables: str = "EXPORTER",
    ) -> None:
        """Listen; ``variables`` is what the names of the variables begin with that choose address and port.

        Raises:
            ListenError: the address or port cannot be had.
        """
        self.routes = routes
        self.address_family = socket.AF_INET if host and ":" not in host else socket.AF_INET6
        if not host and not socket.has_dualstack_ipv6():
            self.address_family, host = socket.AF_INET, "0.0.0.0"  # noqa: S104 (the peer and Prometheus must reach it)
        self._free = threading.BoundedSemaphore(MAXIMUM_CONNECTIONS)
        try:
            super().__init__((host or "::", port), handler)
        except OSError as error:
            advice = _ADVICE.get(error.errno or 0, "{0}_ADDRESS and {0}_PORT choose another one").format(variables)
            msg = f"cannot listen on {host or 'any address'}, port {port}: {error.strerror}; {advice}"
            raise ListenError(msg) from None

    def server_bind(self) -> None:
        """Bind for IPv4 and IPv6 where no address was chosen, and look up no names."""
        if self.address_family == socket.AF_INET6 and self.server_address[0] == "::":
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        if self.allow_reuse_address:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def process_request(self, request: object, client_address: object) -> None:
        """Serve a request in a thread of its own, or refuse it when there are too many."""
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)  # type: ignore[arg-type]
            return
        try:
            super().process_request(request, client_address)  # type: ignore[arg-type]
        except RuntimeError:  # no thread to be had
            self._free.release()
            self.shutdown_request(request)  # type: ignore[arg-type]

    def process_request_thread(self, request: object, client_address: object) -> None:
        """Serve a request and make room for another."""
        try:
            super().process_request_thread(request, client_address)  # type: ignore[arg-type]
        finally:
            self._free.release()

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002
        """A client that went away is none of our business."""
        log.debug("a client's connection broke: %s", sys.exc_info()[1])
