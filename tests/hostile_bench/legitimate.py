"""What Prometheus and Alertmanager do: a request every so often, each on a new connection; prints the times as JSON.

``python -m tests.hostile_bench.legitimate ADDRESS PORT PATH SECONDS SOURCE [--post]``; null is a request that failed.
"""

from __future__ import annotations

import argparse
import http.client
import json
import time
from typing import Final

EVERY_SECONDS: Final = 0.25
TIMEOUT_SECONDS: Final = 5.0
# Version 4 of Alertmanager's webhook, with one alert that has ended: nobody need be told of it.
POST: Final = json.dumps(
    {
        "version": "4",
        "groupKey": "bench",
        "alerts": [
            {
                "status": "resolved",
                "labels": {"alertname": "DnsHaBench", "severity": "info"},
                "annotations": {"summary": "bench", "description": "bench"},
                "startsAt": "2026-01-01T00:00:00Z",
                "endsAt": "2026-01-01T00:01:00Z",
                "generatorURL": "",
                "fingerprint": "0123456789abcdef",
            }
        ],
    }
).encode()


def ask(address: str, port: int, path: str, source: str, body: bytes | None) -> float | None:
    """Ask once; return the seconds until the whole answer was there, None for none or a bad one."""
    connection = http.client.HTTPConnection(address, port, timeout=TIMEOUT_SECONDS, source_address=(source, 0))
    began = time.monotonic()
    try:
        connection.request("GET" if body is None else "POST", path, body)
        answer = connection.getresponse()
        content = answer.read()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    return time.monotonic() - began if answer.status == http.client.OK and content else None


def main() -> None:
    """Ask as the command line says."""
    parser = argparse.ArgumentParser()
    parser.add_argument("address")
    parser.add_argument("port", type=int)
    parser.add_argument("path")
    parser.add_argument("seconds", type=float)
    parser.add_argument("source")
    parser.add_argument("--post", action="store_true")
    options = parser.parse_args()
    seconds: list[float | None] = []
    end = time.monotonic() + options.seconds
    while (began := time.monotonic()) < end:
        body = POST if options.post else None
        seconds.append(ask(options.address, options.port, options.path, options.source, body))
        time.sleep(max(0.0, began + EVERY_SECONDS - time.monotonic()))
    print(json.dumps(seconds))


if __name__ == "__main__":
    main()
