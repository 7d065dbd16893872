"""The notifier's HTTP server: what Alertmanager posts, and what others may look at."""

from __future__ import annotations

import ipaddress
import json
import logging
import threading
from collections.abc import Callable
from http import HTTPStatus
from typing import Final

from alerts.notifier import peer
from alerts.notifier.heartbeat import Heartbeat
from alerts.notifier.metrics import CONTENT_TYPE, Metrics
from alerts.notifier.notifier import Notifier
from alerts.notifier.payload import parse
from exporter.http.handler import TEXT, Handler, Route
from exporter.http.pair_key import KeySource, no_key
from exporter.http.server import HttpServer
from exporter.model.addressing import Address
from exporter.model.errors import ParseError

log = logging.getLogger(__name__)

# A thousand alerts with long texts are about 2 MiB.
MAXIMUM_POST_BYTES: Final = 4 << 20
_AGAIN: Final = {
    "failed": "no receiver took it; the notifier's log says why",
    "not_yet": "the other node is telling it, its end has just been told, or it begins in the future; try again",
}
Outcome = tuple[HTTPStatus, str]


class NotifierServer(HttpServer):
    """Listens; see the table in ``routes`` and ``posts``."""

    def __init__(
        self,
        host: str,
        port: int,
        notifier: Notifier,
        heartbeat: Heartbeat,
        metrics: Metrics,
        peer_address: Address | None = None,
        pair_key: KeySource = no_key,
    ) -> None:
        def alerts(body: bytes) -> Outcome:
            verdict = notifier.take(parse(body))
            if verdict in ("failed", "not_yet"):
                return HTTPStatus.SERVICE_UNAVAILABLE, _AGAIN[verdict]
            return HTTPStatus.OK, verdict

        def beat(_: bytes) -> Outcome:
            result = heartbeat.beat()
            if result == "failed":
                return HTTPStatus.BAD_GATEWAY, "HEARTBEAT_URL failed; the notifier's log says why"
            return HTTPStatus.OK, result

        routes: dict[str, Route] = {
            "/metrics": lambda *_: (metrics.render(), CONTENT_TYPE),
            "/healthz": lambda *_: (b"ok\n", TEXT),
            peer.PATH: lambda *_: (notifier.for_peer(), "application/json"),
        }
        self.posts: dict[str, Callable[[bytes], Outcome]] = {"/": alerts, "/heartbeat": beat}
        self.bad_requests = metrics.bad_requests
        self._posts_in_hand = 0
        self._all_answered = threading.Condition()
        super().__init__(
            host,
            port,
            routes,
            NotifierHandler,
            peer=peer_address,
            pair_key=pair_key,
            variables="NOTIFIER",
        )

    def allowed(self, path: str) -> str:
        """The methods of a path, as ``Allow`` names them."""
        return "POST, OPTIONS" if path in self.posts else super().allowed(path)

    def take_in_hand(self, change: int) -> None:
        """Count the posts that are being answered."""
        with self._all_answered:
            self._posts_in_hand += change
            self._all_answered.notify_all()

    def wait_for_answers(self, seconds: float) -> None:
        """Wait until every post has its answer."""
        with self._all_answered:
            self._all_answered.wait_for(lambda: not self._posts_in_hand, max(seconds, 0))


class NotifierHandler(Handler):
    """Takes posts from this machine only: nobody else may write to the owner's phone."""

    server: NotifierServer
    server_version = "dnsha-notifier"

    def do_POST(self) -> None:  # noqa: N802 (the library calls it so)
        """Answer a post."""
        self.server.take_in_hand(1)
        try:
            status, text = self._answer_post()
            self._send(status, f"{text}\n".encode(), TEXT)
        finally:
            self.server.take_in_hand(-1)

    def _answer_post(self) -> Outcome:
        if not _is_this_machine(str(self.client_address[0])):
            return self._refuse(HTTPStatus.FORBIDDEN, "not_local", "only this machine may post here")
        action = self.server.posts.get(self.path)
        if action is None:
            return self._refuse(HTTPStatus.NOT_FOUND, "path", f"posts go to {' or '.join(self.server.posts)}")
        length = self.headers.get("Content-Length", "")
        if not length.isascii() or not length.isdigit():
            return self._refuse(HTTPStatus.LENGTH_REQUIRED, "length", "Content-Length is missing")
        if len(length) > 10 or int(length) > MAXIMUM_POST_BYTES:
            return self._refuse(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large", f"more than {MAXIMUM_POST_BYTES} bytes"
            )
        try:
            self.bounded.allow(int(length))
            body = self.rfile.read(int(length))
        except TimeoutError:
            return self._refuse(HTTPStatus.REQUEST_TIMEOUT, "slow", "the post did not come in time")
        if len(body) < int(length):
            return self._refuse(HTTPStatus.BAD_REQUEST, "cut", "the post was cut off")
        try:
            return action(body)
        except ParseError as error:
            return self._refuse(HTTPStatus.BAD_REQUEST, "malformed", str(error))
        except Exception as error:  # noqa: BLE001 (the text may hold anything)
            log.error("a post failed with %s", type(error).__name__)  # noqa: TRY400
            return HTTPStatus.INTERNAL_SERVER_ERROR, "this failed; the notifier's log says why"

    def _refuse(self, status: HTTPStatus, reason: str, text: str) -> Outcome:
        self.server.bad_requests.labels(reason).inc()
        self.close_connection = True
        # repr: what a client wrote must not make lines of a log.
        log.warning("refused a post of %s with %d: %s", self.client_address[0], status, json.dumps(text)[:300])
        return status, text


def _is_this_machine(address: str) -> bool:
    parsed = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(parsed, "ipv4_mapped", None)
    return bool((mapped or parsed).is_loopback)
