"""What an exporter says, asked on its own node so that no fault of the network hides it."""

from __future__ import annotations

import http.client
import json
import socket
from typing import Any

from tests.lab.namespaces import socket_in
from tests.lab.plan import EXPORTER_PORT

PATIENCE_SECONDS = 1.0


class _Local(http.client.HTTPConnection):
    def __init__(self, pid: int) -> None:
        super().__init__("127.0.0.1", EXPORTER_PORT)
        self._pid = pid

    def connect(self) -> None:
        self.sock = socket_in(self._pid, socket.AF_INET, socket.SOCK_STREAM)
        self.sock.settimeout(PATIENCE_SECONDS)
        self.sock.connect(("127.0.0.1", EXPORTER_PORT))


def fetch(pid: int, path: str) -> bytes | None:
    """Ask the exporter in the network namespace of a process; None when it gives no answer."""
    connection = _Local(pid)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        body = response.read()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    return body if response.status == http.client.OK else None


def status(pid: int) -> dict[str, Any] | None:
    """The verdict, the state of VRRP, and every check that is not ok: id, node, status and sentence."""
    body = fetch(pid, "/api/v1/status")
    if body is None:
        return None
    document = json.loads(body)
    instances = (document.get("vrrp") or {}).get("instances") or [{}]
    return {
        "status": document["status"],
        "state": instances[0].get("state"),
        "troubles": [
            [check["id"], check["node"], check["status"], check["seen"]]
            for check in document["checks"]
            if check["status"] != "ok"
        ],
    }


def counters(pid: int) -> dict[str, float] | None:
    """Every counter of /metrics, by its name with its labels."""
    body = fetch(pid, "/metrics")
    if body is None:
        return None
    found = {}
    for line in body.decode().splitlines():
        name, _, value = line.rpartition(" ")
        if not line.startswith("#") and name.partition("{")[0].endswith("_total"):
            found[name] = float(value)
    return found
