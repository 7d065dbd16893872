"""The other node, as its own exporter tells it: asked in one way by the exporter, preflight and the tools."""

from __future__ import annotations

import time
from collections.abc import Callable

from exporter.http.pair_key import KeySource
from exporter.model.observations import PeerStatus
from exporter.parsers.status_document import STATUS_PATH, parse_peer
from exporter.sources.peer_get import peer_get


def ask_peer(
    host: str, port: int, timeout: float, key: KeySource, *, tls: bool, clock: Callable[[], float] = time.time
) -> PeerStatus:
    """Ask for the other node's status; ``timeout`` is for the whole of it, in seconds.

    Raises:
        FetchError: there is no answer, or somebody else's.
        ParseError: it makes no sense.
    """
    asked_at, began = clock(), time.monotonic()
    answer = peer_get(host, port, STATUS_PATH, timeout, key, tls=tls)
    # The answer was made somewhere between the question and its arrival.
    return parse_peer(answer, asked_at + (time.monotonic() - began) / 2)
