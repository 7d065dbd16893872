"""How the docker package's requests travel: over one guarded connection.

This module imports the docker package, which costs 150 ms and 7 MiB: import it where Docker is asked, not before.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from docker.transport.basehttpadapter import BaseHTTPAdapter

from exporter.model.errors import CollectorError, ParseError
from exporter.parsers.fields import parse_json
from exporter.sources.docker_guard import Guard, RefusedError, VersionError


class _Connection(urllib3.connection.HTTPConnection):
    def __init__(self, *arguments: Any, guard: Guard, **options: Any) -> None:  # noqa: ANN401
        super().__init__(*arguments, **options)
        self._guard = guard

    def connect(self) -> None:
        self.sock = self._guard.connect()


class _Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Connection


class GuardedAdapter(BaseHTTPAdapter):
    """Carries a session's requests over one guarded connection, and lets successful answers through only."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._pool = _Pool(guard.host, maxsize=1, guard=guard)
        super().__init__()

    def get_connection(self, url: Any, proxies: Any = None) -> urllib3.HTTPConnectionPool:  # noqa: ANN401, ARG002
        """Return the one connection there is; Docker is never asked through a proxy for the web."""
        return self._pool

    def request_url(self, request: Any, proxies: Any) -> str:  # noqa: ANN401, ARG002
        """Return what the request line holds."""
        return str(request.path_url)

    def close(self) -> None:
        """Close the connection."""
        self._pool.close()
        super().close()

    def send(self, request: Any, *arguments: Any, **options: Any) -> requests.Response:  # noqa: ANN401
        """Send a request; the guard must have been told what its answer may cost.

        Raises:
            CollectorError: there is no answer or not a good one.
            requests.RequestException: it is not HTTP, or is cut off.
        """
        response = super().send(request, *arguments, **options)
        # Or else an answer that does not tell is decoded by guessing, which takes seconds for a long one.
        response.encoding = "utf-8"
        if "Content-Encoding" in response.headers:
            response.close()
            msg = f"{self._guard.where} sends compressed answers, which nobody asked for; what listens there?"
            raise CollectorError(msg)
        if response.status_code != requests.codes.ok:
            with response:
                raise self._refusal(request, response)
        return response

    def _refusal(self, request: Any, response: requests.Response) -> CollectorError:  # noqa: ANN401
        status = response.status_code
        path = re.sub(r"^/v[0-9.]+", "", urlsplit(request.path_url).path)
        msg = f"{self._guard.where} answered {status} to GET {path}"
        spoken = response.headers.get("Api-Version", "")
        asked = request.path_url.removeprefix("/v").split("/")[0]
        if status == requests.codes.bad_request and re.fullmatch(r"1\.\d{2,3}", spoken, re.ASCII) and spoken != asked:
            return VersionError(f"{msg}: it speaks version {spoken}, not {asked}", spoken)
        if status == requests.codes.forbidden:
            msg += "; let the socket proxy allow GET on the list of containers, their inspection and events"
        elif reason := _reason(response):
            msg += f": {reason}"
        return RefusedError(msg, status)


def _reason(response: requests.Response) -> str | None:
    try:
        document = parse_json(response.content, "the reason")
    except ParseError:
        return None
    reason = document.get("message") if isinstance(document, dict) else None
    return "".join(filter(str.isprintable, reason))[:200] if isinstance(reason, str) else None
