"""What the other node's notifier has told: the two Alertmanagers share the work, and a recovery may come to either."""

from __future__ import annotations

import http.client
import json
import logging
import socket
import time
from collections.abc import Mapping
from typing import Final

from alerts.notifier.changes import Known
from exporter.errors import ParseError
from exporter.files import parse_json

log = logging.getLogger(__name__)

PATH: Final = "/told"
SECONDS: Final = 1.0
MAXIMUM_BYTES: Final = 2 << 20


def document(known: Mapping[str, Known], node: str) -> bytes:
    """What is answered to the peer; it holds no secret and no text of an alert."""
    return json.dumps({"version": 1, "node": node, "alerts": known}).encode()


def ask(address: str, port: int) -> dict[str, Known] | None:
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
    except (ParseError, KeyError, TypeError, AttributeError):
        log.warning("the notifier at %s answered what makes no sense; do both nodes run the same version?", address)
    finally:
        connection.close()
    return None


def _parse(content: bytes) -> dict[str, Known]:
    alerts = parse_json(content, "its answer")["alerts"]
    return {str(fingerprint): "told" if known == "told" else "ended" for fingerprint, known in alerts.items()}
