"""Asks one exporter for its status at a fixed rate and tells every change at once; a process of its own.

``python -m tests.lab.status_sampler ADDRESS PORT INTERVAL`` writes ``started``, then one JSON object a line whenever
what the exporter reports has changed, until its standard input ends. ``time`` is CLOCK_MONOTONIC, taken when the answer
had arrived; ``silent`` says that there was none.
"""

from __future__ import annotations

import http.client
import json
import select
import sys
import time
from typing import Any

_TIMEOUT_SECONDS = 0.5


def summary(document: dict[str, Any]) -> dict[str, Any]:
    """What matters of a status document: the verdict, the VIPs that the node says it owns, and every check not ok."""
    return {
        "silent": False,
        "status": document["status"],
        "owned": [vip["address"] for vip in document["vips"] or () if vip["owned"]],
        "troubles": [
            {"id": check["id"], "node": check["node"], "subject": check["subject"], "status": check["status"]}
            for check in document["checks"]
            if check["status"] != "ok"
        ],
    }


def ask(connection: http.client.HTTPConnection) -> dict[str, Any]:
    """The exporter's report now; a closed connection is opened again at the next question."""
    try:
        connection.request("GET", "/api/v1/status")
        response = connection.getresponse()
        body = response.read()
        if response.status == http.client.OK:
            return summary(json.loads(body))
    except (OSError, http.client.HTTPException):
        connection.close()
    return {"silent": True, "status": None, "owned": [], "troubles": []}


def watch(address: str, port: int, interval: float, stop: int) -> None:
    """Ask until the descriptor ``stop`` becomes readable."""
    connection = http.client.HTTPConnection(address, port, timeout=_TIMEOUT_SECONDS)
    last = None
    while not select.select([stop], [], [], interval)[0]:
        seen = ask(connection)
        if seen != last:
            print(json.dumps({"time": time.monotonic(), **seen}), flush=True)
            last = seen
    connection.close()


def main() -> None:
    """Watch as the command line says."""
    print("started", flush=True)
    watch(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), sys.stdin.fileno())


if __name__ == "__main__":
    main()
