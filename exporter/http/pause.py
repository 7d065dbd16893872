"""POST /api/v1/pause: the one thing that can be asked of an exporter, by who has the token of the pair key.

The exporter knows no password of Pi-hole's. It writes the request down, and the loop of the sync on this node, which
watches that file, pauses both nodes.
"""

from __future__ import annotations

import hmac
import json
import logging
import re
import time
from http import HTTPStatus
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs

from exporter.engine.files import write_atomically
from exporter.http.access import WebAccess
from exporter.http.handler import TEXT, Handler, Route
from exporter.http.pair_key import KeySource, PairKeyError, no_key
from exporter.http.pause_request import END, FILE, PATH, PERIOD, PURPOSE
from exporter.http.server import Server
from exporter.model.addressing import Address

log = logging.getLogger(__name__)

_SECRET: Final = re.compile(r"token=[^&\s]*")


class PauseServer(Server):
    """A server that takes this request too, and writes it into a folder."""

    def __init__(
        self,
        host: str,
        port: int,
        routes: dict[str, Route],
        folder: Path,
        *,
        peer: Address | None = None,
        pair_key: KeySource = no_key,
        access: WebAccess | None = None,
    ) -> None:
        """Listen, as any server.

        Raises:
            ListenError: the address or port cannot be had.
        """
        super().__init__(host, port, routes, PauseHandler, peer=peer, pair_key=pair_key, access=access)
        self.folder = folder

    def allowed(self, path: str) -> str:
        """The methods of a path, as ``Allow`` names them."""
        return "POST, OPTIONS" if path == PATH else super().allowed(path)


class PauseHandler(Handler):
    """Takes a POST to one path. The token is the password, so a web configuration asks for no other one there."""

    server: PauseServer

    def do_POST(self) -> None:  # noqa: N802 (the library calls it so)
        """Answer a request; a body is not read."""
        url = self._url()
        if url.path != PATH:
            self.send_error(HTTPStatus.NOT_IMPLEMENTED, f"Unsupported method ({self.command!r})")
            return
        fields = parse_qs(url.query, keep_blank_values=True, max_num_fields=10)
        status, text = self._asked(fields)
        self._send(status, f"{text}\n".encode(), TEXT)

    def _asked(self, fields: dict[str, list[str]]) -> tuple[HTTPStatus, str]:
        kind, _, bearer = self.headers.get("Authorization", "").partition(" ")
        given = bearer.strip() if kind.lower() == "bearer" else fields.get("token", [""])[0]
        try:
            token = self.server.pair_key().token(PURPOSE)
        except PairKeyError as error:
            log.warning("a pause is refused: %s", error)
            token = None
        if token is None:
            return HTTPStatus.FORBIDDEN, "This takes PAIR_KEY in .env, the same on both nodes"
        if not hmac.compare_digest(token.encode(), given.encode("utf-8", "replace")):
            return HTTPStatus.FORBIDDEN, "This takes the token that `docker compose run --rm tools pause url` shows"
        text = fields.get("for", [""])[0]
        try:
            seconds = 0.0 if text == END else PERIOD(text)
        except ValueError as error:
            return HTTPStatus.BAD_REQUEST, f"for: {error}, or end"
        request = {"asked": time.time(), "seconds": seconds}
        try:
            write_atomically(self.server.folder / FILE, json.dumps(request).encode())
        except OSError as error:
            log.warning("%s cannot be written: %s", self.server.folder / FILE, error.strerror)
            return HTTPStatus.INTERNAL_SERVER_ERROR, "This failed; the log says why"
        what = f"block nothing for {seconds:g} s" if seconds else "block again"
        return HTTPStatus.ACCEPTED, f"Both Pi-holes {what}, in a few seconds"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Log requests without their token."""
        log.debug("%s %s", self.client_address[0], _SECRET.sub("token=...", format % args))
