"""Stands in for Pi-hole v6's REST API: sessions, Teleporter and custom hosts, kept in one file.

It says 401 without a session and 429 when 16 are open, as Pi-hole does.
"""

from __future__ import annotations

import hmac
import io
import json
import os
import secrets
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

HOSTS = Path("/etc/pihole/hosts")
MOST_SESSIONS = 16


def password() -> str:
    """The password, from the file that Pi-hole's image would read it from."""
    name = os.environ.get("WEBPASSWORD_FILE")
    return Path("/run/secrets", name).read_text().strip() if name else ""


class Api(BaseHTTPRequestHandler):
    """The endpoints that are used."""

    sessions: set[str] = set()  # noqa: RUF012 (of the server's life)
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _json(self, status: int, document: dict[str, Any]) -> None:
        self._send(status, "application/json", json.dumps(document).encode())

    def _send(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", "0")))

    def _known(self) -> bool:
        if self.headers.get("X-FTL-SID", "") in self.sessions:
            return True
        self._json(401, {"error": {"key": "unauthorized", "message": "Unauthorized", "hint": None}})
        return False

    def do_POST(self) -> None:
        """Open a session, or import an archive."""
        body = self._body()
        if self.path == "/api/auth":
            if not hmac.compare_digest(str(json.loads(body or b"{}").get("password")), password()):
                self._json(401, {"session": {"valid": False, "sid": None, "message": "password incorrect"}})
            elif len(self.sessions) >= MOST_SESSIONS:
                self._json(429, {"error": {"key": "api_seats_exceeded", "message": "API seats exceeded"}})
            else:
                sid = secrets.token_urlsafe(16)
                self.sessions.add(sid)
                self._json(200, {"session": {"valid": True, "sid": sid, "validity": 1800}})
        elif self.path == "/api/teleporter":
            if self._known():
                start = body.find(b"PK\x03\x04")
                with zipfile.ZipFile(io.BytesIO(body[start:])) as archive:
                    HOSTS.write_bytes(archive.read("etc/pihole/hosts"))
                self._json(200, {"files": ["etc/pihole/hosts"], "took": 0.01})
        else:
            self._json(404, {"error": {"key": "not_found", "message": "Not found"}})

    def do_GET(self) -> None:
        """Say what it is, or export an archive."""
        if self.path == "/api/auth":
            self._json(200 if self.headers.get("X-FTL-SID", "") in self.sessions else 401, {"session": {}})
        elif self.path == "/api/teleporter":
            if self._known():
                content = io.BytesIO()
                with zipfile.ZipFile(content, "w") as archive:
                    archive.writestr("etc/pihole/hosts", HOSTS.read_bytes())
                self._send(200, "application/zip", content.getvalue())
        elif self.path == "/api/info/version":
            if self._known():
                self._json(200, {"version": {"ftl": {"local": {"version": "v6.3-standin"}}}})
        else:
            self._json(404, {"error": {"key": "not_found", "message": "Not found"}})

    def do_DELETE(self) -> None:
        """End a session."""
        if self.path == "/api/auth" and self._known():
            self.sessions.discard(self.headers["X-FTL-SID"])
            self.send_response(204)
            self.send_header("Content-Length", "0")
            self.end_headers()


def main() -> None:
    """Serve on the first port that Pi-hole's setting names."""
    setting = os.environ.get("FTLCONF_webserver_port", "80o,443os").split(",")[0]  # noqa: SIM112 (Pi-hole's name)
    ThreadingHTTPServer(("0.0.0.0", int(setting.rstrip("ors"))), Api).serve_forever()


if __name__ == "__main__":
    main()
