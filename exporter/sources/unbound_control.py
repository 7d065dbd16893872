"""Unbound's remote control over its UNIX socket: one command, one answer, and the connection ends.

``UBCT1`` is the protocol's version, the same from Unbound 1.4 to 1.22 (``daemon/remote.c``, ``unbound-control(8)``).
"""

from __future__ import annotations

import socket
import time
from pathlib import Path

from exporter.model.errors import CollectorError

# Four thousand bytes for each thread, and two lines for each type of query.
MAXIMUM_BYTES = 256 << 10
_STATISTICS = b"UBCT1 stats_noreset\n"
_SEE = "see: docker compose logs unbound docker-proxy"


def read_statistics(path: Path, timeout: float) -> bytes:
    """Ask for the statistics, without making them begin anew; ``timeout`` is for the whole of it, in seconds.

    Raises:
        CollectorError: there is no complete answer.
    """
    where = f"Unbound's control socket {path}"
    deadline = time.monotonic() + timeout
    answer = bytearray()
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(timeout)
            connection.connect(str(path))
            connection.sendall(_STATISTICS)
            while True:
                connection.settimeout(_left(deadline))
                chunk = connection.recv(65536)
                if not chunk:
                    break
                answer += chunk
                if len(answer) > MAXIMUM_BYTES:
                    break
    except (TimeoutError, BlockingIOError):
        raise CollectorError(f"{where} did not answer within {timeout:g} s; {_SEE}") from None
    except OSError as error:
        raise CollectorError(f"{where} cannot be used: {error.strerror or error}; {_SEE}") from None
    if len(answer) > MAXIMUM_BYTES:
        raise CollectorError(f"{where} sent more than {MAXIMUM_BYTES} bytes; what listens there?")
    if not answer:
        raise CollectorError(f"{where} ended the connection without an answer; is Unbound running? {_SEE}")
    return bytes(answer)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
