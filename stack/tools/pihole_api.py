"""Pi-hole v6's REST API, as far as sync and backup need it.

Pi-hole gives out 16 sessions at most, so every session is given back.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from exporter.engine.files import read_first_line
from exporter.model.errors import ParseError
from stack.tools.errors import ToolError
from stack.tools.pihole_http import (
    AwayError,
    BusySeatsError,
    NoSessionError,
    PiholeAnswer,
    PiholeError,
    Request,
    exchange,
)
from stack.tools.pinned import Pin
from stack.tools.progress import say

MAXIMUM_JSON_BYTES = 32 << 20
# Gravity prints a screen or two for each list.
MAXIMUM_TEXT_BYTES = 32 << 20
SEATS_RETRY_SECONDS = 2.0
# For the log-out alone: longer than a restart of FTL takes on a slow machine.
LOGOUT_SECONDS = 20.0
AWAY_RETRY_SECONDS = 0.5


def read_password(path: Path) -> str:
    """Read a password from the first line of a file.

    Raises:
        ToolError: there is none.
    """
    try:
        password = read_first_line(path)
    except ParseError as error:
        raise ToolError(f"the password file {error}") from None
    if not password:
        raise ToolError(f"the password file {path} is empty")
    return password


class PiholeApi:
    """One Pi-hole; ``timeout`` (seconds) bounds what is done in one session, but for giving it back.

    Pi-hole forgets a session when it likes, and while it restarts it knows none: then another one is taken.
    """

    def __init__(self, url: str, password: str, timeout: float, pin: Pin | None = None) -> None:
        self.url = url
        self.pin = pin
        self._password = password
        self._timeout = timeout
        self._deadline = 0.0
        self._sids: list[str | None] = []  # the last one is used, all are given back

    @contextlib.contextmanager
    def session(self) -> Iterator[PiholeApi]:
        """Log in, and give the session back whatever happens.

        Raises:
            PiholeError: the password is wrong, or there is no free session in time.
        """
        self.renew()
        self._log_in()
        try:
            yield self
        finally:
            self._log_out()

    def renew(self, timeout: float | None = None) -> None:
        """Begin another part of the work, with a time of its own (seconds)."""
        self._timeout = timeout or self._timeout
        self._deadline = time.monotonic() + self._timeout

    def get(self, path: str) -> Any:  # noqa: ANN401
        """GET a path below ``/api`` and return its JSON.

        Raises:
            PiholeError: there is no good answer.
        """
        with self._exchange("GET", path) as answer:
            return answer.json(MAXIMUM_JSON_BYTES)

    def send(self, method: str, path: str, document: object) -> Any:  # noqa: ANN401
        """POST, PUT or PATCH a JSON document, and return the JSON answer.

        Raises:
            PiholeError: it was refused.
        """
        with self._exchange(method, path, "application/json", json.dumps(document).encode()) as answer:
            return answer.json(MAXIMUM_JSON_BYTES)

    def download(self, path: str, target: IO[bytes], limit: int) -> None:
        """GET a path into an open file.

        Raises:
            PiholeError: there is no good answer, or it is larger than ``limit`` bytes.
            OSError: the file cannot be written.
        """
        with self._exchange("GET", path) as answer:
            for chunk in answer.chunks(limit):
                target.write(chunk)

    def upload(self, path: str, name: str, content: bytes) -> Any:  # noqa: ANN401
        """POST a file as a browser's form would (RFC 7578), and return the JSON answer.

        Raises:
            PiholeError: it was not taken.
        """
        boundary = secrets.token_hex(16)
        head = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
            "Content-Type: application/zip\r\n\r\n"
        )
        body = head.encode() + content + f"\r\n--{boundary}--\r\n".encode()
        with self._exchange("POST", path, f"multipart/form-data; boundary={boundary}", body) as answer:
            return answer.json(MAXIMUM_JSON_BYTES)

    def stream(self, path: str) -> Iterator[str]:
        """POST to a path and give the text that it answers, as it comes.

        Raises:
            PiholeError: there is no good answer, or it breaks off.
        """
        with self._exchange("POST", path) as answer:
            for chunk in answer.chunks(MAXIMUM_TEXT_BYTES):
                yield chunk.decode(errors="replace")

    def delete(self, path: str) -> None:
        """DELETE a path.

        Raises:
            PiholeError: it was refused.
        """
        with self._exchange("DELETE", path):
            pass

    def _request(self, method: str, path: str, kind: str | None = None, body: bytes | None = None) -> Request:
        headers = {"Content-Type": kind} if kind else {}
        sid = self._sids[-1] if self._sids else None
        if sid is not None:
            headers["X-FTL-SID"] = sid
        return Request(method, f"{self.url}/api{path}", self._deadline, self._timeout, headers, body, self.pin)

    @contextlib.contextmanager
    def _exchange(
        self, method: str, path: str, kind: str | None = None, body: bytes | None = None
    ) -> Iterator[PiholeAnswer]:
        with contextlib.ExitStack() as stack:
            try:
                answer = stack.enter_context(exchange(self._request(method, path, kind, body)))
            except NoSessionError:
                self._log_in()
                answer = stack.enter_context(exchange(self._request(method, path, kind, body)))
            yield answer

    def _log_in(self) -> None:
        body = json.dumps({"password": self._password}).encode()
        while True:
            request = Request(
                "POST",
                f"{self.url}/api/auth",
                self._deadline,
                self._timeout,
                {"Content-Type": "application/json"},
                body,
                self.pin,
            )
            try:
                with exchange(request) as answer:
                    self._sids.append(_session_id(answer.json(MAXIMUM_JSON_BYTES), request))
                    return
            except BusySeatsError as error:
                if time.monotonic() + SEATS_RETRY_SECONDS > self._deadline:
                    raise PiholeError(f"{error}; log out of its web interface or raise max_sessions") from None
                say(f"{error}; trying again")
                time.sleep(SEATS_RETRY_SECONDS)

    def _log_out(self) -> None:
        """Give all sessions back; Pi-hole keeps them through a restart, so that is waited for."""
        self.renew(LOGOUT_SECONDS)
        while self._sids:
            request = self._request("DELETE", "/auth")
            try:
                if self._sids[-1] is not None:
                    with exchange(request):
                        pass
            except NoSessionError:
                pass  # Pi-hole has forgotten it
            except AwayError as error:
                if time.monotonic() + AWAY_RETRY_SECONDS < self._deadline:
                    time.sleep(AWAY_RETRY_SECONDS)
                    continue
                say(f"the session could not be given back: {error}")
            except PiholeError as error:
                say(f"the session could not be given back: {error}")
            self._sids.pop()


def _session_id(document: Any, request: Request) -> str | None:  # noqa: ANN401
    session = document.get("session") if isinstance(document, dict) else None
    if not isinstance(session, dict) or session.get("valid") is not True:
        problem = (
            "gave no session, the password is another one; "
            "after a change in .env: docker compose up -d --force-recreate settings pihole"
        )
        raise request.wrong(problem)
    sid = session.get("sid")
    if sid is not None and not (isinstance(sid, str) and sid.isascii() and sid.isprintable() and len(sid) <= 200):
        problem = "gave a session that makes no sense; is it Pi-hole v6?"
        raise request.wrong(problem)
    return sid or None  # none where Pi-hole has no password
