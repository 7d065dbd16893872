"""A stand-in for Docker's API with eight healthy containers, for measuring; it proves nothing about Docker.

``python -m tests.bench.standin_docker SOCKET``
"""

from __future__ import annotations

import json
import socketserver
import sys
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path

CONTAINERS = ("pihole", "unbound", "keepalived", "guard", "exporter", "docker-proxy", "sync", "backup")
STARTED = "2026-01-01T00:00:00.000000000Z"


class Handler(BaseHTTPRequestHandler):
    """Answers version, list, inspect and events."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer."""
        path = self.path.partition("?")[0]
        if path.endswith("/events"):
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.flush()
            time.sleep(3600)
            return
        if path == "/version":
            body = json.dumps({"ApiVersion": "1.51"})
        elif path.endswith("/containers/json"):
            body = json.dumps(
                [{"Id": name, "Names": [f"/{name}"], "State": "running", "Status": "Up"} for name in CONTAINERS]
            )
        else:
            name = path.split("/")[-2]
            state = {
                "Status": "running", "Running": True, "ExitCode": 0, "OOMKilled": False,
                "StartedAt": STARTED, "Health": {"Status": "healthy"},
            }  # fmt: skip
            body = json.dumps({"Id": name, "Name": f"/{name}", "RestartCount": 0, "State": state})
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def address_string(self) -> str:
        """A unix socket's client has no address."""
        return "client"

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """Listens on a unix socket."""

    daemon_threads = True


if __name__ == "__main__":
    Path(sys.argv[1]).unlink(missing_ok=True)
    with Server(sys.argv[1], Handler) as server:
        server.serve_forever()
