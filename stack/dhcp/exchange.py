"""Leases go from node to node: each serves what it knows to PEER_IP alone, signed by the pair key, and asks the other.

Asked every two seconds, for a change is to be on the other node before the next failure; an answer says "the same" in
no byte. Who listens in learns names of devices, as everybody on a LAN does who hears their DHCP.
"""

from __future__ import annotations

import hashlib
import http.client
import ipaddress
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from socket import AF_INET, AF_INET6
from typing import Any, Final

from exporter.http.client import FetchError
from exporter.http.pair_key import NONCE_HEADER, SIGNATURE_HEADER, KeySource, PairKeyError
from exporter.model.addressing import Address
from exporter.model.errors import ParseError
from exporter.sources.peer_get import peer_get
from stack.dhcp.leases import MOST, Lease, parse
from stack.preflight.port import DHCP_LEASES_PORT

EVERY_SECONDS: Final = 2.0
WAIT_SECONDS: Final = 2.0
NO_KEY: Final = "there is no PAIR_KEY, by which the nodes know each other's leases: stack/deploy.sh makes one"
_PATH: Final = "/leases?other-than="
LONGEST: Final = 400 * MOST


class ExchangeError(Exception):
    """The other node's leases cannot be had; the message says why."""


def fetch(
    peer: Address, held: str, key: KeySource, port: int = DHCP_LEASES_PORT
) -> tuple[str, tuple[Lease, ...]] | None:
    """Ask the other node for its leases; None if they are those that are held. ``held`` is their text.

    Raises:
        ExchangeError: there is no answer, or none of the other node's.
    """
    try:
        if not key():
            raise ExchangeError(NO_KEY)
        content = peer_get(str(peer), port, _PATH + _digest(held), WAIT_SECONDS, key, LONGEST)
        text = content.decode("ascii")
        if text == "same":
            return None
        return text, parse(text)
    except (FetchError, PairKeyError, ParseError, UnicodeDecodeError) as error:
        raise ExchangeError(f"the other node's leases cannot be had: {error}") from None


class LeaseServer(HTTPServer):
    """Serves what ``leases`` returns to one address."""

    def __init__(
        self, own: Address, peer: Address, key: KeySource, leases: Callable[[], str], port: int = DHCP_LEASES_PORT
    ) -> None:
        self.address_family = AF_INET if own.version == 4 else AF_INET6
        self.peer, self.key, self.leases = peer, key, leases
        super().__init__((str(own), port), _Handler)

    def verify_request(self, request: Any, client_address: Any) -> bool:  # noqa: ANN401, ARG002
        """Nobody else is answered."""
        return bool(ipaddress.ip_address(str(client_address[0]).partition("%")[0]) == self.peer)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401
        """Somebody hung up."""


class _Handler(BaseHTTPRequestHandler):
    timeout = WAIT_SECONDS
    server: LeaseServer

    def do_GET(self) -> None:
        """Answer, signed."""
        try:
            text = self.server.leases()
            key = self.server.key()
        except (OSError, PairKeyError):
            self.send_error(http.client.SERVICE_UNAVAILABLE)
            return
        body = b"same" if self.path == _PATH + _digest(text) else text.encode("ascii")
        own = self.connection.getsockname()[0]
        signature = key.answers(own, self.path, self.headers.get(NONCE_HEADER), body)
        if signature is None or not self.path.startswith(_PATH):
            self.send_error(http.client.FORBIDDEN)
            return
        self.send_response_only(http.client.OK)
        self.send_header("Content-Length", str(len(body)))
        self.send_header(SIGNATURE_HEADER, signature)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nobody reads a line every two seconds."""


def serve_for_ever(make: Callable[[], LeaseServer], say: Callable[[str], None]) -> None:
    """Serve in a thread of its own, as long as this process lives; it is tried again where it cannot listen."""

    def run() -> None:
        told = ""
        while True:
            try:
                with make() as server:
                    told = ""
                    server.serve_forever()
            except OSError as error:
                problem = f"leases are not served to the other node: {error.strerror}"
                if problem != told:
                    say(problem)
                told = problem
                time.sleep(WAIT_SECONDS)

    threading.Thread(target=run, name="serve-leases", daemon=True).start()


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
