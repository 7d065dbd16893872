"""One HTTP exchange with an absolute deadline: a server that hangs, drips or never ends costs that and no more."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import SplitResult, urlsplit

from exporter.model.errors import ParseError
from exporter.parsers.fields import parse_json
from stack.tools.errors import ToolError
from stack.tools.pinned import Pin, context

MAXIMUM_ERROR_BYTES = 64 << 10
CHUNK_BYTES = 64 << 10
NO_GRAVITY = (
    "Pi-hole has no gravity database yet, because its first start found no DNS; "
    "it answers, and blocks nothing until gravity is run (docker exec pihole pihole -g)"
)


class PiholeError(ToolError):
    """Pi-hole did not do what it was asked to; the message says which one and why."""


class AwayError(PiholeError):
    """Nobody answers there, in time or at all: while Pi-hole restarts itself that is to be waited for."""


class BusySeatsError(PiholeError):
    """Pi-hole gives no session now: all are taken, or it was asked too often within this second."""


class NoSessionError(PiholeError):
    """The session is over, or the password is another one."""


class NoGravityError(PiholeError):
    """Pi-hole has no gravity database, because its first start found no DNS: it blocks nothing."""


TWO_FACTORS = (
    "Pi-hole has two-factor authentication, whose codes a task cannot give. Make an application password (web "
    "interface, Settings, Web interface / API, Expert, 'Configure app password') and write it into .env: "
    "PIHOLE_APP_PASSWORD for this node's Pi-hole, PEER_PIHOLE_APP_PASSWORD for the other one's; "
    "then docker compose up -d --force-recreate settings"
)
NO_APP_SUDO = (
    "an application password may not change Pi-hole's configuration; set webserver.api.app_sudo on that node "
    "(FTLCONF_webserver_api_app_sudo=true, as stack/pihole/settings.env has it)"
)
# What FTL says (v6.4.1: src/api/auth.c, teleporter.c and list.c, src/zip/teleporter.c, src/database/gravity-db.c), and
# what that means here.
REFUSALS: tuple[tuple[str, type[PiholeError], str], ...] = (
    ("2FA token", PiholeError, TWO_FACTORS),
    ("webserver.api.app_sudo", PiholeError, NO_APP_SUDO),
    ("Database not available", NoGravityError, NO_GRAVITY),
    ("Failed to create gravity database", NoGravityError, NO_GRAVITY),
)


@dataclass(frozen=True, slots=True)
class Request:
    """What to ask, until when (monotonic time), and the seconds that this leaves, for messages."""

    method: str
    url: str
    deadline: float
    patience: float
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    pin: Pin | None = None  # the certificate without which nothing is sent

    def wrong(self, what: str) -> PiholeError:
        """An error about this request."""
        return PiholeError(f"{self.url} {what}")


class PiholeAnswer:
    """A good answer, whose body is still to be read."""

    def __init__(self, request: Request, response: http.client.HTTPResponse, late: threading.Event) -> None:
        self.request = request
        self._response = response
        self._late = late

    def chunks(self, limit: int) -> Iterator[bytes]:
        """Give the body as it comes.

        Raises:
            PiholeError: it is larger than ``limit`` bytes, is cut off, or is not there in time.
        """
        promised, received = self._response.length, 0
        while True:
            with translated(self.request, self._late):
                chunk = self._response.read1(CHUNK_BYTES)
            if self._late.is_set():
                raise self.request.wrong(f"did not answer within {self.request.patience:g} s")
            if not chunk:
                break
            received += len(chunk)
            if received > limit:
                raise self.request.wrong(f"sends more than {limit >> 10} KiB")
            yield chunk
        if promised is not None and received < promised:  # http.client tells only whoever reads all at once
            what = f"ended its answer early, after {received} of {promised} bytes"
            raise AwayError(f"{self.request.url} {what}")

    def json(self, limit: int) -> Any:  # noqa: ANN401
        """Read the body as JSON; raises as ``chunks`` does, and when it is none."""
        content = b"".join(self.chunks(limit))
        try:
            return parse_json(content, "the answer")
        except ParseError as error:
            raise self.request.wrong(f"makes no sense: {error}") from None


@contextlib.contextmanager
def exchange(request: Request) -> Iterator[PiholeAnswer]:
    """Send a request and give its answer if it is a good one.

    Raises:
        AwayError: nobody answers there.
        BusySeatsError: Pi-hole has no session left.
        NoSessionError: it wants another one.
        NoGravityError: it has no gravity database.
        PiholeError: there is no answer in time, or not a good one.
    """
    left = request.deadline - time.monotonic()
    if left <= 0:
        raise request.wrong(f"was not asked any more: {request.patience:g} s are over")
    parts = urlsplit(request.url)
    connection = _connection(parts, left)
    late = threading.Event()
    with contextlib.closing(connection), contextlib.ExitStack() as bounds:
        with translated(request, late):
            connection.connect()
            bounds.enter_context(_cut_at(request.deadline, connection.sock, late))
            if request.pin is not None:
                request.pin.check(connection.sock)
            target = parts.path + (f"?{parts.query}" if parts.query else "")
            connection.request(request.method, target, request.body, {"Connection": "close", **request.headers})
            response = bounds.enter_context(connection.getresponse())
        if not 200 <= response.status < 300:
            with translated(request, late):
                text = response.read(MAXIMUM_ERROR_BYTES)
            raise _refusal(request, response.status, text)
        yield PiholeAnswer(request, response, late)


@contextlib.contextmanager
def translated(request: Request, late: threading.Event) -> Iterator[None]:
    """Turn what can go wrong on the network into a sentence."""
    try:
        yield
    except (OSError, http.client.HTTPException) as error:
        if late.is_set() or isinstance(error, TimeoutError):
            raise AwayError(f"{request.url} did not answer within {request.patience:g} s") from None
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
        raise AwayError(f"{request.url} cannot be asked: {reason}; does Pi-hole run there?") from None


@contextlib.contextmanager
def _cut_at(deadline: float, connection: socket.socket, late: threading.Event) -> Iterator[None]:
    """Shut the connection down at the deadline, so that whatever waits for it ends."""

    def cut() -> None:
        late.set()
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(max(0.0, deadline - time.monotonic()), cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _connection(parts: SplitResult, timeout: float) -> http.client.HTTPConnection:
    # Without a port http.client takes the end of an IPv6 address for one.
    if parts.scheme != "https":
        return http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=timeout)
    # Pi-hole makes its certificate itself, for the name pi.hole: nothing vouches for it but its fingerprint.
    return http.client.HTTPSConnection(parts.hostname or "", parts.port or 443, timeout=timeout, context=context())


def _refusal(request: Request, status: int, text: bytes) -> PiholeError:
    try:
        document = parse_json(text, "the error")
    except ParseError:
        document = None
    error = document.get("error") if isinstance(document, dict) else None
    error = error if isinstance(error, dict) else {}
    words = " ".join(str(error[part]) for part in ("message", "hint") if error.get(part))[:300]
    if status == HTTPStatus.UNAUTHORIZED and "2FA" not in words:
        return NoSessionError(f"{request.url} refuses the password; write the right one into the password file")
    if status == HTTPStatus.TOO_MANY_REQUESTS and error.get("key") == "api_seats_exceeded":
        return BusySeatsError(f"{request.url} has no free session: all are taken")
    if status == HTTPStatus.TOO_MANY_REQUESTS:  # with words of it, or cut off by a Pi-hole that ends
        return BusySeatsError(f"{request.url} was asked for a session too often: it takes three passwords a second")
    for sign, kind, sentence in REFUSALS:
        if sign in words:
            return kind(f"{request.url.partition('/api/')[0]}: {sentence}")
    return request.wrong(f"answers {status}{f': {words}' if words else ''}")
