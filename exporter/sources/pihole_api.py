"""Pi-hole's API by one session, which is taken when it is needed, kept, and given back at the end.

Pi-hole gives out 16 sessions (``webserver.api.max_sessions``), and forgets one that was not used for half an hour
(FTL v6.4.1, ``src/api/auth.c``). The password goes to this node alone, and is in no message.
"""

from __future__ import annotations

import http
import json
from collections.abc import Callable
from ipaddress import ip_address
from urllib.parse import urlsplit

from exporter.http.client import FetchError, HttpAnswer, StatusError, http_exchange
from exporter.model.errors import CollectorError, ParseError
from exporter.parsers.pihole import parse_session

# FTL's longest answer here is its summary, of 2 KB; ten names of 255 characters are less.
MAXIMUM_BYTES = 64 << 10
_NO_CONTENT = 204
# Why a log-in is refused; what else there is says its status.
_REFUSALS: dict[int, str] = {
    http.HTTPStatus.UNAUTHORIZED: "its password is another one: write the password that its web interface made into "
    "PIHOLE_APP_PASSWORD in .env, and docker compose up -d",
    http.HTTPStatus.TOO_MANY_REQUESTS: "it has no free session, or there were too many log-ins in a second; log out of "
    "its web interface or raise webserver.api.max_sessions",
    http.HTTPStatus.BAD_REQUEST: "it asks for a second factor: make an application password in its web interface",
}


class LoginError(CollectorError):
    """Pi-hole refuses the password; another try soon would be refused as well."""


class PiholeApi:
    """One Pi-hole of this node; ``timeout`` bounds each request, in seconds. Not for several threads at once."""

    def __init__(self, url: str, password: Callable[[], str], timeout: float, own: str = "127.0.0.1") -> None:
        """``own``: this node's address; the password goes there, or to loopback, and nowhere else."""
        parts = urlsplit(url)
        self._url = url
        self._own = own
        self._host = parts.hostname or ""
        self._tls = parts.scheme == "https"
        self._port = parts.port or (443 if self._tls else 80)
        self._password = password
        self._timeout = timeout
        self._sid: str | None = None  # empty: Pi-hole needs none; None: not logged in

    def get(self, path: str) -> bytes:
        """GET a path below ``/api``; a session that Pi-hole has forgotten is replaced once.

        Raises:
            LoginError: the password was refused.
            CollectorError: there is no good answer.
        """
        try:
            if self._sid is None:
                self._log_in()
            try:
                return self._exchange("GET", path).body
            except StatusError as error:
                if error.status != http.HTTPStatus.UNAUTHORIZED:
                    raise
                self._log_in()
                return self._exchange("GET", path).body
        except FetchError as error:
            raise CollectorError(f"Pi-hole's API: {error}") from None

    def log_out(self, timeout: float | None = None) -> None:
        """Give the session back, if there is one; where that fails Pi-hole forgets it after half an hour.

        Raises:
            CollectorError: it was not given back.
        """
        sid, self._sid = self._sid, None
        if not sid:
            return
        try:
            self._exchange("DELETE", "/auth", sid=sid, timeout=timeout)
        except StatusError as error:
            if error.status not in (_NO_CONTENT, http.HTTPStatus.UNAUTHORIZED):
                raise CollectorError(f"Pi-hole's session was not given back: {error}") from None
        except FetchError as error:
            raise CollectorError(f"Pi-hole's session was not given back: {error}") from None

    def _log_in(self) -> None:
        self._sid = None
        password = self._password()
        if not self._is_here():
            raise LoginError(f"{self._url} is not on this node: its password is sent nowhere else; correct PIHOLE_API")
        try:
            answer = self._exchange("POST", "/auth", content=json.dumps({"password": password}).encode())
            self._sid = parse_session(answer.body)
        except StatusError as error:
            why = _REFUSALS.get(error.status, "is it Pi-hole v6?")
            kind = CollectorError if error.status == http.HTTPStatus.TOO_MANY_REQUESTS else LoginError
            raise kind(f"Pi-hole at {self._url} refused to log in ({error.status}): {why}") from None
        except ParseError as error:
            raise LoginError(f"Pi-hole at {self._url}: {error}; is it Pi-hole v6?") from None

    def _is_here(self) -> bool:
        try:
            return ip_address(self._host).is_loopback or ip_address(self._host) == ip_address(self._own)
        except ValueError:
            return self._host == "localhost"

    def _exchange(
        self,
        method: str,
        path: str,
        *,
        content: bytes | None = None,
        sid: str | None = None,
        timeout: float | None = None,
    ) -> HttpAnswer:
        headers = {"User-Agent": "dns-ha-exporter"}
        if sid or self._sid:
            headers["X-FTL-SID"] = sid or self._sid or ""
        if content is not None:
            headers["Content-Type"] = "application/json"
        return http_exchange(
            self._host,
            self._port,
            f"/api{path}",
            timeout or self._timeout,
            MAXIMUM_BYTES,
            headers,
            tls=self._tls,
            method=method,
            content=content,
        )
