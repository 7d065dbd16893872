"""HTTP requests made from any host of the lab."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Mapping
from dataclasses import dataclass

from .host import Host
from .namespaces import family_of


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP response: status code, headers and decoded body."""

    status: int
    headers: Mapping[str, str]
    body: str


class _Connection(http.client.HTTPConnection):
    """An HTTP connection whose socket belongs to a lab host."""

    def __init__(self, seen_from: Host, address: str, port: int, timeout: float) -> None:
        super().__init__(address, port, timeout=timeout)
        self._seen_from = seen_from
        self._seconds = timeout

    def connect(self) -> None:
        """Connect from the lab host's network."""
        self.sock = self._seen_from.socket(family_of(self.host), socket.SOCK_STREAM)
        self.sock.settimeout(self._seconds)
        self.sock.connect((self.host, self.port))


def get(
    seen_from: Host,
    address: str,
    port: int,
    path: str,
    *,
    headers: Mapping[str, str] | None = None,
    timeout: float = 5.0,
) -> Response:
    """GET a path from a server, as the host ``seen_from`` sees it.

    Raises:
        OSError: no connection, or no answer within ``timeout`` seconds.
        http.client.HTTPException: what came back is not HTTP.
    """
    connection = _Connection(seen_from, address, port, timeout)
    try:
        connection.request("GET", path, headers=dict(headers or {}))
        answer = connection.getresponse()
        body = answer.read().decode()
        return Response(answer.status, dict(answer.getheaders()), body)
    finally:
        connection.close()
