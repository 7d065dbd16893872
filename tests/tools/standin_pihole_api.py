"""A stand-in for Pi-hole v6's API: the few paths that the tools use, with its limits and its ways to fail.

Names, status codes and error keys are those of FTL v6. It holds one Pi-hole's lists in memory.
"""

from __future__ import annotations

import io
import json
import secrets
import sqlite3
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

MAXIMUM_SESSIONS = 16
PASSWORD = "correct horse battery"

Fault = Literal["", "truncated", "hang", "drip", "huge", "not_zip", "no_database", "damaged", "garbage", "error"]


def teleporter_archive(content: dict[str, Any], *, database: bool = True) -> bytes:
    """An archive as FTL writes it: the members' names and the tables are Pi-hole's, their columns fewer."""
    with sqlite3.connect(":memory:") as connection:
        connection.executescript(
            'CREATE TABLE "group" (name TEXT); CREATE TABLE adlist (address TEXT);'
            "CREATE TABLE domainlist (domain TEXT); CREATE TABLE client (ip TEXT);"
        )
        connection.executemany("INSERT INTO adlist VALUES (?)", [(entry["address"],) for entry in content["lists"]])
        connection.executemany("INSERT INTO domainlist VALUES (?)", [(e["domain"],) for e in content["domains"]])
        connection.commit()
        gravity = connection.serialize()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("etc/pihole/pihole.toml", "[dns]\n  upstreams = []\n" + f"# {secrets.token_hex(2000)}\n")
        archive.writestr("etc/hosts", "127.0.0.1 localhost\n")
        if database:
            archive.writestr("etc/pihole/gravity.db", gravity)
    return packed.getvalue()


def empty_content() -> dict[str, Any]:
    """What a Pi-hole without anything in it has."""
    groups = [{"id": 0, "name": "Default", "enabled": True, "comment": "The default group", "date_modified": 1}]
    return {"lists": [], "domains": [], "groups": groups, "clients": [], "hosts": [], "cnameRecords": []}


def content(*lists: str, domains: tuple[str, ...] = (), hosts: tuple[str, ...] = ()) -> dict[str, Any]:
    """A Pi-hole with some lists, denied domains and local records."""
    made = empty_content()
    made["lists"] = [
        {"id": number, "address": address, "type": "block", "enabled": True, "comment": None, "groups": [0]}
        for number, address in enumerate(lists, 1)
    ]
    made["domains"] = [
        {"id": number, "domain": name, "type": "deny", "kind": "exact", "enabled": True, "comment": None, "groups": [0]}
        for number, name in enumerate(domains, 1)
    ]
    made["hosts"] = list(hosts)
    return made


@dataclass
class StandinPihole:
    """The state of one Pi-hole; ``fault`` is what the next downloads suffer from."""

    content: dict[str, Any]
    fault: Fault = ""
    sessions: set[str] = field(default_factory=set)
    opened: int = 0
    restored: list[bytes] = field(default_factory=list)
    url: str = ""

    def log_in(self, password: str) -> tuple[int, dict[str, Any]]:
        if password != PASSWORD:
            return 401, {"session": {"valid": False, "sid": None, "message": "password incorrect"}}
        if len(self.sessions) >= MAXIMUM_SESSIONS:
            error = {"key": "api_seats_exceeded", "message": "API seats exceeded", "hint": "increase max_sessions"}
            return 429, {"error": error}
        sid = secrets.token_urlsafe(16)
        self.sessions.add(sid)
        self.opened += 1
        return 200, {"session": {"valid": True, "totp": False, "sid": sid, "csrf": "x", "validity": 1800}}


class _Handler(BaseHTTPRequestHandler):
    pihole: StandinPihole

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/api/auth":
            self._json(*self.pihole.log_in(json.loads(body)["password"]))
        elif self.path.startswith("/standin/"):  # how standin-nebula-sync writes, in Teleporter's place
            self.pihole.content[self.path.removeprefix("/standin/")] = json.loads(body)
            self._json(200, {})
        elif self._known() and self.path == "/api/teleporter":
            boundary = self.headers["Content-Type"].partition("boundary=")[2].encode()
            file = body.split(b"--" + boundary)[1].partition(b"\r\n\r\n")[2].removesuffix(b"\r\n")
            if not zipfile.is_zipfile(io.BytesIO(file)):
                self._json(400, {"error": {"key": "bad_request", "message": "Invalid ZIP archive", "hint": None}})
                return
            self.pihole.restored.append(file)
            with zipfile.ZipFile(io.BytesIO(file)) as archive:
                self._json(200, {"files": archive.namelist()})

    def do_DELETE(self) -> None:
        if self._known():
            self.pihole.sessions.discard(self.headers["X-FTL-SID"])
            self.send_response(204)
            self.end_headers()

    def do_GET(self) -> None:
        if not self._known():
            return
        held, name = self.pihole.content, self.path.removeprefix("/api/")
        if self.pihole.fault == "garbage" and name != "teleporter":
            self._send(200, b"<html>", "text/html")
        elif name in ("lists", "domains", "groups", "clients"):
            self._json(200, {name: held[name], "took": 0.001})
        elif name == "config/dns":
            dns = {"hosts": held["hosts"], "cnameRecords": held["cnameRecords"], "upstreams": ["127.0.0.1#5335"]}
            self._json(200, {"config": {"dns": dns}, "took": 0.001})
        elif name == "teleporter":
            self._teleporter()
        else:
            self._json(404, {"error": {"key": "not_found", "message": "Not found", "hint": self.path}})

    def _teleporter(self) -> None:
        fault = self.pihole.fault
        archive = teleporter_archive(self.pihole.content, database=fault != "no_database")
        if fault == "error":
            self._json(500, {"error": {"key": "compression_error", "message": "Failed", "hint": None}})
        elif fault == "hang":
            time.sleep(30)
        elif fault == "drip":
            self._head(200, len(archive), "application/zip")
            for byte in archive[:100]:
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
                time.sleep(0.3)
        elif fault == "huge":
            self._head(200, 1 << 40, "application/zip")
            while True:
                self.wfile.write(b"\0" * (1 << 20))
        elif fault == "truncated":
            self._head(200, len(archive), "application/zip")
            self.wfile.write(archive[: len(archive) // 2])
        elif fault == "not_zip":
            self._send(200, b"it works!" * 100, "application/zip")
        elif fault == "damaged":
            middle = len(archive) // 4
            self._send(200, archive[:middle] + b"\xff\x00\xff\x00" + archive[middle + 4 :], "application/zip")
        else:
            self._send(200, archive, "application/zip")

    def _known(self) -> bool:
        if self.headers.get("X-FTL-SID") in self.pihole.sessions:
            return True
        self._json(401, {"error": {"key": "unauthorized", "message": "Unauthorized", "hint": None}})
        return False

    def _json(self, status: int, document: object) -> None:
        self._send(status, json.dumps(document).encode(), "application/json")

    def _send(self, status: int, body: bytes, kind: str) -> None:
        self._head(status, len(body), kind)
        self.wfile.write(body)

    def _head(self, status: int, length: int, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(length))
        self.end_headers()

    def handle(self) -> None:
        try:
            super().handle()
        except OSError:
            return  # the client went away

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        return


@contextmanager
def standin_pihole(held: dict[str, Any]) -> Iterator[StandinPihole]:
    """Serve a stand-in on a free port of this machine."""
    pihole = StandinPihole(held)
    handler = type("Handler", (_Handler,), {"pihole": pihole})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    server.block_on_close = False
    serving = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    serving.start()
    pihole.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield pihole
    finally:
        server.shutdown()
        server.server_close()
        serving.join(5)
