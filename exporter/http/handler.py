"""One request and its answer."""

from __future__ import annotations

import gzip
import io
import logging
import re
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Any, Final, Protocol
from urllib.parse import SplitResult, parse_qs, urlsplit

from exporter.http.access import WebAccess
from exporter.http.basic_auth import PasswordTimeoutError
from exporter.http.connection import BoundedReader, HeadTooLargeError, send_all, wait_until_taken
from exporter.http.pair_key import NONCE_HEADER, SIGNATURE_HEADER, KeySource, PairKeyError
from exporter.http.seats import Seats

log = logging.getLogger(__name__)

Answer = tuple[bytes, str]  # the body and its type
Route = Callable[[str, Sequence[str]], Answer]  # of what Accept says, and the names that were asked for
# What a client may take to ask, and again to receive the answer.
CLIENT_TIMEOUT_SECONDS = 5.0
# Of a request line and all headers, of which the library takes a hundred at most.
MAXIMUM_HEAD_BYTES: Final = 16 << 10
COMPRESS_FROM_BYTES: Final = 1024
TEXT: Final = "text/plain; charset=utf-8"
_SECURITY: Final = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
}
_ASK_FOR_PASSWORD: Final = {"WWW-Authenticate": 'Basic realm="dnsha", charset="UTF-8"'}  # RFC 7617, 2.1
_GZIP: Final = re.compile(r"(?:x-)?gzip\s*(?:;\s*q\s*=\s*([0-9.]+)\s*)?", re.IGNORECASE)


class Site(Protocol):
    """What a server offers."""

    routes: dict[str, Route]
    pair_key: KeySource
    access: WebAccess | None

    def allowed(self, path: str) -> str:
        """The methods of a path, as ``Allow`` names them."""


class Handler(BaseHTTPRequestHandler):
    """Answers GET and HEAD for the few paths there are."""

    server: Site  # type: ignore[assignment]  # it is none of socketserver's
    server_version = "dnsha-exporter"
    sys_version = ""
    # Until a request line has been read.
    requestline = command = request_version = ""

    def __init__(self, connection: socket.socket, client_address: Any, server: Site, seats: Seats) -> None:  # noqa: ANN401
        self._seats = seats
        super().__init__(connection, client_address, server)  # type: ignore[arg-type]  # ours listens by itself

    def setup(self) -> None:
        """Give the client a moment by which it must have said what it wants, and a bound on how much that is."""
        super().setup()
        self.rfile.close()
        self.bounded = BoundedReader(self.connection, CLIENT_TIMEOUT_SECONDS, MAXIMUM_HEAD_BYTES)
        self.rfile = io.BufferedReader(self.bounded)
        self._answer_by: float | None = None

    def handle(self) -> None:
        """Answer a request; its line alone may be too large."""
        try:
            super().handle()
        except HeadTooLargeError as error:
            self.send_error(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "Head too large", str(error))

    def finish(self) -> None:
        """Stay until the client has its answer, if there was one."""
        super().finish()
        if self._answer_by is not None:
            wait_until_taken(self.connection, self._answer_by)

    def do_GET(self) -> None:
        """Answer a request."""
        url = self._url()
        # A link in an alert, and one from runbook to runbook, has the name of the file.
        path = url.path.removesuffix(".md")
        if not self._admitted(path):
            return
        route = self.server.routes.get(path)
        if route is None:
            known = ", ".join(_known(self.server.routes, url.path))
            self._send(HTTPStatus.NOT_FOUND, f"Nothing here; there are {known}\n".encode(), TEXT)
            return
        if not self._seats.answers.acquire(timeout=CLIENT_TIMEOUT_SECONDS):
            self._send(HTTPStatus.SERVICE_UNAVAILABLE, b"Too many ask at once; try again\n", TEXT)
            return
        try:
            body, content_type = route(self.headers.get("Accept", ""), parse_qs(url.query).get("name[]", []))
        except Exception:
            log.exception("%s failed", url.path)
            self._send(HTTPStatus.INTERNAL_SERVER_ERROR, b"This failed; the log says why\n", TEXT)
            return
        finally:
            self._seats.answers.release()
        signature = self._signature(body)
        self._send(HTTPStatus.OK, body, content_type, {SIGNATURE_HEADER: signature} if signature else None)

    def do_HEAD(self) -> None:
        """Answer a request without its body."""
        self.do_GET()

    def do_OPTIONS(self) -> None:
        """Say what may be asked here."""
        if not self._admitted(self._url().path):
            return
        self.send_response(HTTPStatus.NO_CONTENT)
        self.send_header("Allow", self.server.allowed(self._url().path))
        self.end_headers()

    def end_headers(self) -> None:
        """Send the head of any answer."""
        for name, value in _SECURITY.items():
            self.send_header(name, value)
        self._answer_by = time.monotonic() + CLIENT_TIMEOUT_SECONDS
        self.connection.settimeout(CLIENT_TIMEOUT_SECONDS)
        super().end_headers()

    def _admitted(self, path: str) -> bool:
        """Whether this may be answered; if not, say so to the client."""
        access = self.server.access
        try:
            if access is None or access.permits(path, self._seats.caller, self.headers.get("Authorization", "")):
                return True
        except PasswordTimeoutError:
            self._send(HTTPStatus.SERVICE_UNAVAILABLE, b"Too many passwords are being checked; try again\n", TEXT)
            return False
        self._send(HTTPStatus.UNAUTHORIZED, b"This takes a name and a password\n", TEXT, _ASK_FOR_PASSWORD)
        return False

    def _url(self) -> SplitResult:
        try:
            return urlsplit(self.path)
        except ValueError:  # such as http://[/
            return urlsplit("")

    def _signature(self, body: bytes) -> str | None:
        """Prove to the other node, which asks for it, that this is this node's answer to its question."""
        try:
            key = self.server.pair_key()
        except PairKeyError as error:
            log.warning("an answer is not signed: %s", error)
            return None
        # The address that was asked: this node's, whatever somebody in between makes the other node believe.
        return key.answers(self.connection.getsockname()[0], self.path, self.headers.get(NONCE_HEADER), body)

    def _send(
        self, status: HTTPStatus, body: bytes, content_type: str, headers: Mapping[str, str] | None = None
    ) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", content_type)
        if len(body) >= COMPRESS_FROM_BYTES:
            self.send_header("Vary", "Accept-Encoding")
            if _takes_gzip(self.headers.get("Accept-Encoding", "")):
                body = gzip.compress(body, compresslevel=1)
                self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD" and self._answer_by is not None:
            send_all(self.connection, body, self._answer_by)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Log requests for those who look for them."""
        log.debug("%s %s", self.client_address[0], format % args)


def _takes_gzip(accepted: str) -> bool:
    """Whether a client takes gzip (RFC 9110, 12.5.3): named, and not with a weight of 0."""
    for coding in accepted.split(","):
        if match := _GZIP.fullmatch(coding.strip()):
            return bool((match[1] or "1").strip("0."))
    return False


def _known(routes: Iterable[str], asked: str) -> Iterator[str]:
    """Name the paths there are; pages of a folder only to somebody who asked for one in that folder."""
    folders = {route for route in routes if route.endswith("/")} - {"/"}
    for route in routes:
        folder = route[: route.rindex("/") + 1]
        if route == folder or folder not in folders or asked.startswith(folder):
            yield route
