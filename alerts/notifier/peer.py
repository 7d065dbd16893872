"""What the other node's notifier has told: the two Alertmanagers share the work, and a recovery may come to either."""

from __future__ import annotations

import http.client
import json
import logging
import socket
import time
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Final

from alerts.notifier.changes import Told
from alerts.notifier.told import told_of
from exporter.errors import ParseError
from exporter.files import parse_json

log = logging.getLogger(__name__)

PATH: Final = "/told"
SECONDS: Final = 1.0
MAXIMUM_BYTES: Final = 2 << 20


@dataclass(frozen=True, slots=True)
class Peer:
    """What the other node's notifier says: its name, what it told, and what it is about to tell, by fingerprint."""

    node: str
    told: Mapping[str, Told]
    in_hand: frozenset[str]


def document(told: Mapping[str, Told], in_hand: Collection[str], node: str) -> bytes:
    """What is answered to the peer; it holds no secret and no text of an alert."""
    alerts = {fingerprint: asdict(entry) for fingerprint, entry in told.items()}
    return json.dumps({"version": 2, "node": node, "alerts": alerts, "in_hand": sorted(in_hand)}).encode()


def ask(address: str, port: int) -> Peer | None:
    """Ask the peer; None when it did not answer, which is known within a second."""
    deadline = time.monotonic() + SECONDS
    connection = http.client.HTTPConnection(address, port, timeout=SECONDS)
    try:
        connection.request("GET", PATH, headers={"Connection": "close"})
        answer = connection.getresponse()
        content = b""
        while len(content) <= MAXIMUM_BYTES:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            if isinstance(connection.sock, socket.socket):
                connection.sock.settimeout(left)
            part = answer.read1(1 << 16)
            if not part:
                break
            content += part
        if answer.status != http.client.OK:
            log.warning("the notifier at %s answered with status %d", address, answer.status)
            return None
        return _parse(content)
    except (OSError, http.client.HTTPException) as error:
        log.warning("the notifier at %s did not answer (%s)", address, type(error).__name__)
    except (ParseError, KeyError, TypeError, ValueError, AttributeError):
        log.warning("the notifier at %s answered what makes no sense; do both nodes run the same version?", address)
    finally:
        connection.close()
    return None


def _parse(content: bytes) -> Peer:
    answer = parse_json(content, "its answer")
    told = {str(fingerprint): told_of(entry) for fingerprint, entry in answer["alerts"].items()}
    return Peer(str(answer["node"]), told, frozenset(map(str, answer["in_hand"])))
