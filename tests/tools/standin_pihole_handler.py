"""The requests that the stand-in for Pi-hole answers: paths, status codes and error texts are FTL v6.4.1's."""

from __future__ import annotations

import contextlib
import json
import time
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import parse_qs, unquote, urlsplit

from tests.tools.standin_pihole_api import CONTENT_KEYS, StandinPihole, refusal
from tests.tools.standin_pihole_config import KEYS, detailed, flat, nested, problem
from tests.tools.standin_pihole_content import teleporter_archive

if TYPE_CHECKING:
    from tests.tools.standin_pihole_server import Listener

# The settings that are kept among what a person configures, with their names there.
ITEM_KEYS = {"lists": "address", "domains": "domain", "groups": "name", "clients": "client"}


def _form(kind: str, body: bytes) -> dict[str, tuple[str, bytes]]:
    """The parts of a form (RFC 7578), by name: file name and content."""
    boundary = kind.partition("boundary=")[2].strip('"').encode()
    found = {}
    for part in body.split(b"--" + boundary)[1:-1]:
        head, _, value = part.partition(b"\r\n\r\n")
        words = dict(word.split("=", 1) for word in head.decode().replace("\r\n", ";").split("; ") if "=" in word)
        found[words["name"].split(";")[0].strip('"')] = (
            words.get("filename", "").split(";")[0].strip('"'),
            value.removesuffix(b"\r\n"),
        )
    return found


class Handler(BaseHTTPRequestHandler):
    """Answers as src/api/api.c routes; ``server`` is a ``Listener``."""

    protocol_version = "HTTP/1.1"

    @property
    def pihole(self) -> StandinPihole:
        return cast("Listener", self.server).pihole

    def do_GET(self) -> None:
        path = self._path()
        if path == "info/login":  # src/api/info.c: api_info_login
            self._json(200, {"dns": True, "https_port": 443, "took": 0.001})
        elif not self._known():
            return
        elif self.pihole.fault == "garbage" and path != "teleporter":
            self._send(200, b"<html>", "text/html")
        elif path in ("lists", "domains", "groups", "clients"):
            self._read_lists(path)
        elif path == "config" or path.startswith("config/"):
            details = parse_qs(urlsplit(self.path).query).get("detailed") == ["true"]
            self._json(200, self._config(path.split("/")[1:], details=details))
        elif path == "dns/blocking":
            self._json(200, self.pihole.blocking())
        elif path == "teleporter":
            self._teleporter()
        elif path == "stats/summary":  # src/api/stats.c
            gravity = self.pihole.gravity
            domains = gravity.domains if gravity and self.pihole.opened_database else -2  # DB_NOT_AVAILABLE
            figures = {"domains_being_blocked": domains, "last_update": gravity.last_update if gravity else 0}
            self._json(200, {**self.pihole.statistics, "gravity": figures, "took": 0.001})
        elif path in ("stats/top_domains", "stats/top_clients"):
            query = parse_qs(urlsplit(self.path).query)
            kind = "clients" if path.endswith("clients") else "blocked" if query.get("blocked") else "domains"
            key = "clients" if kind == "clients" else "domains"
            found = self.pihole.top.get(kind, [])[: int(query.get("count", ["10"])[0])]
            self._json(200, {key: found, "total_queries": 0, "blocked_queries": 0, "took": 0.001})
        elif path == "info/ftl":  # src/api/info.c: uptime since this process began, in milliseconds
            uptime = 1000 * (time.monotonic() - self.pihole.started)
            self._json(200, {"ftl": {"pid": 42, "uptime": uptime}, "took": 0.001})
        elif path == "auth/sessions":
            found = [
                {"id": session.number, "user_agent": session.user_agent or None, "app": session.app,
                 "login_at": session.login_at, "current_session": sid == self._sid()}
                for sid, session in self.pihole.sessions.items()
            ]  # fmt: skip
            self._json(200, {"sessions": found, "took": 0.001})
        else:
            self._json(*refusal(404, "not_found", "Not found", self.path))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = self._path()
        if path == "auth":
            with self.pihole.lock:
                self._json(*self.pihole.log_in(_parsed(body), self.headers.get("User-Agent", "")))
        elif not self._known():
            return
        elif path == "teleporter":
            self._import(body)
        elif path == "action/gravity":
            self._gravity()
        elif path == "action/restartdns":
            self._json(200, {"status": "success", "took": 0.001})
            self._restart()
        elif path == "dns/blocking":
            self._blocking(_parsed(body))
        elif path.split("/")[0] in ("lists", "domains", "groups", "clients"):
            self._add(path.split("/"), _parsed(body))
        else:
            self._json(*refusal(404, "not_found", "Not found", self.path))

    def do_PUT(self) -> None:
        """PUT a list, domain, group or client: make it or replace it (src/api/list.c: api_list_write).

        Of a group that is missing nothing is made, with the answer of success (measured with FTL v6.4.1).
        """
        body = _parsed(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        parts = self._path().split("/")
        if not self._known():
            return
        if parts[0] not in ITEM_KEYS or not isinstance(body, dict):
            self._json(*refusal(404, "not_found", "Not found", self.path))
            return
        held, key, item = self.pihole.content[parts[0]], ITEM_KEYS[parts[0]], unquote(parts[-1])
        kind = parse_qs(urlsplit(self.path).query).get("type", ["block"])[0]
        same = {"lists": {"type": kind}, "domains": dict(zip(("type", "kind"), parts[1:3], strict=False))}
        here = {key: item, **same.get(parts[0], {})}
        found = [entry for entry in held if here.items() <= entry.items()]
        if not found and parts[0] != "groups":
            self._add(parts, {**body, key: item})
            return
        for entry in found:
            entry.update({name: body[name] for name in ("enabled", "comment", "groups") if name in body})
        self.pihole.keep()
        self._json(200, {parts[0]: found, "processed": {"errors": [], "success": [{"item": item}]}, "took": 0.01})

    def do_PATCH(self) -> None:
        """PATCH /api/config (src/api/config.c: api_config_patch)."""
        body = _parsed(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        if not self._known() or self._refused():
            return
        if self._path() != "config":
            self._json(*refusal(404, "not_found", "Not found", self.path))
        elif not isinstance(body, dict) or not isinstance(body.get("config"), dict):
            self._json(*refusal(400, "body_error", 'No "config" object in body data'))
        else:
            self._patch(body["config"])

    def do_DELETE(self) -> None:
        if not self._known():
            return
        path = self._path()
        parts = path.split("/")
        if path == "auth":
            self.pihole.sessions.pop(self._sid(), None)
        elif path.startswith("auth/session/"):
            found = [sid for sid, session in self.pihole.sessions.items() if str(session.number) == parts[-1]]
            if not found:
                self._json(*refusal(400, "bad_request", "Session ID not in use"))
                return
            del self.pihole.sessions[found[0]]
        elif parts[0] in ITEM_KEYS:
            key = ITEM_KEYS[parts[0]]
            kept = [entry for entry in self.pihole.content[parts[0]] if entry[key] != unquote(parts[-1])]
            if len(kept) == len(self.pihole.content[parts[0]]):
                self._json(404, {"took": 0.001})
                return
            self.pihole.content[parts[0]] = kept
            self.pihole.keep()
        else:
            self._json(*refusal(404, "not_found", "Not found", self.path))
            return
        self._send(204, b"", "text/plain")

    def _read_lists(self, kind: str) -> None:
        if not self.pihole.opened_database:  # src/database/gravity-db.c: gravityDB_readTable
            self._json(
                *refusal(400, "database_error", "Could not read domains from database table", "Database not available")
            )
            return
        self._json(200, {kind: self.pihole.content[kind], "took": 0.001})

    def _add(self, parts: list[str], body: Any) -> None:
        """POST a list, domain, group or client (src/api/list.c: api_list_write)."""
        kind = parts[0]
        key = ITEM_KEYS[kind]
        if not isinstance(body, dict) or not isinstance(body.get(key), str):
            self._json(*refusal(400, "bad_request", f'No "{key}" string in body data'))
            return
        held = self.pihole.content[kind]
        entry = {"id": max([0, *(e["id"] for e in held)]) + 1, key: body[key], "comment": body.get("comment")}
        if kind != "clients":
            entry["enabled"] = body.get("enabled", True)
        if kind != "groups":
            entry["groups"] = body.get("groups", [0])
        if kind == "lists":
            entry["type"] = parse_qs(urlsplit(self.path).query).get("type", ["block"])[0]
        if kind == "domains":
            entry["type"], entry["kind"] = parts[1], parts[2]
        held.append(entry)
        self.pihole.keep()
        self._json(201, {kind: [entry], "processed": {"errors": [], "success": [{"item": body[key]}]}, "took": 0.01})

    def _config(self, parts: list[str], *, details: bool = False) -> dict[str, Any]:
        pihole = self.pihole
        values: dict[str, Any] = {
            key: detailed(key, value, forced=key in pihole.read_only) if details else value
            for key, value in pihole.configuration.items()
        }
        whole: Any = {**nested(values), "webserver": {"api": {"app_sudo": pihole.app_sudo}}}
        part = parts[0] if parts else ""
        return {"config": {part: whole[part]} if part else whole, "took": 0.001}

    def _patch(self, config: dict[str, Any]) -> None:
        present, wanted, restart = self.pihole.configuration, flat(config), False
        for key, value in wanted.items():
            hint = problem(key, value)
            if hint is not None:
                self._json(*refusal(400, "bad_request", "Config item is invalid", hint))
                return
            if key in self.pihole.read_only and present[key] != value:
                message = "Config items set via environment variables cannot be changed via the API"
                self._json(*refusal(400, "bad_request", message, key))
                return
        for key, value in wanted.items():
            if present[key] == value:
                continue
            if key in CONTENT_KEYS:
                self.pihole.content[CONTENT_KEYS[key]] = value
            else:
                self.pihole.settings[key] = value
            restart = restart or KEYS[key][1]
        self.pihole.keep()
        self._json(200, self._config([]))
        if restart:
            self._restart()

    def _blocking(self, body: Any) -> None:
        """POST /api/dns/blocking (src/api/dns.c: set_blocking)."""
        if not isinstance(body, dict) or not isinstance(body.get("blocking"), bool):
            self._json(*refusal(400, "body_error", 'No "blocking" boolean in body data'))
            return
        timer = body.get("timer")
        self.pihole.settings["dns.blocking.active"] = body["blocking"]
        self.pihole.pause_ends = time.monotonic() + timer if timer else None
        self.pihole.keep()
        self._json(200, self.pihole.blocking())

    def _import(self, body: bytes) -> None:
        """POST /api/teleporter (src/api/teleporter.c: api_teleporter_POST)."""
        if self._refused():
            return
        form = _form(self.headers.get("Content-Type", ""), body)
        if "file" not in form or not form["file"][1]:
            self._json(*refusal(400, "bad_request", "No ZIP archive received"))
            return
        name, file = form["file"]
        if not name.endswith(".zip") or len(file) < 40 or not file.startswith(b"PK\3\4"):
            hint = "The uploaded file does not appear to be a valid Pi-hole Teleporter archive"
            self._json(*refusal(400, "bad_request", "Invalid file", hint))
            return
        options = _parsed(form["import"][1]) if "import" in form else None
        if "import" in form and not isinstance(options, dict):
            self._json(*refusal(400, "bad_request", "Invalid form request"))
            return
        status, answer = self.pihole.import_archive(file, options)
        self._json(status, answer)
        if status == 200:
            self._restart()

    def _gravity(self) -> None:
        """POST /api/action/gravity: always 200 and a text as it comes; afterwards FTL sends a second answer behind the
        end of the first (src/api/action.c: run_and_stream_command)."""
        self.close_connection = True
        self._note(200)
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n")
        with cast("Listener", self.server).busy():
            for text in self.pihole.run_gravity():
                data = text.encode()
                with contextlib.suppress(OSError):  # gravity goes on when its client has gone
                    self.wfile.write(b"%X\r\n%s\r\n" % (len(data), data))
                    self.wfile.flush()
            with contextlib.suppress(OSError):
                self.wfile.write(b"0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n" + b'{"status":"success"}')

    def _teleporter(self) -> None:
        fault = self.pihole.fault
        if not self.pihole.database:  # src/zip/teleporter.c: generate_teleporter_zip
            self._json(*refusal(500, "compression_error", "Failed to create gravity database for heap ZIP archive!"))
            return
        archive = teleporter_archive(self.pihole.content, database=fault != "no_database")
        if fault == "error":
            self._json(*refusal(500, "compression_error", "Failed creating heap ZIP archive"))
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
            self.close_connection = True
        elif fault == "not_zip":
            self._send(200, b"it works!" * 100, "application/zip")
        elif fault == "damaged":
            middle = len(archive) // 4
            self._send(200, archive[:middle] + b"\xff\x00\xff\x00" + archive[middle + 4 :], "application/zip")
        else:
            self._send(200, archive, "application/zip")

    def _path(self) -> str:
        return urlsplit(self.path).path.removeprefix("/api/").rstrip("/")

    def _sid(self) -> str:
        return self.headers.get("sid") or self.headers.get("X-FTL-SID") or ""

    def _known(self) -> bool:
        if self._sid() in self.pihole.sessions and not self.pihole.freed:
            return True
        self._json(*refusal(401, "unauthorized", "Unauthorized"))
        return False

    def _refused(self) -> bool:
        session = self.pihole.sessions.get(self._sid())
        if session is None or not session.app or self.pihole.app_sudo:
            return False
        hint = (
            "The current app session is not allowed to modify Pi-hole config settings (webserver.api.app_sudo is false)"
        )
        self._json(*refusal(403, "forbidden", "Unable to change configuration (read-only)", hint))
        return True

    def _restart(self) -> None:
        cast("Listener", self.server).owner.restart()

    def _json(self, status: int, document: object) -> None:
        self._send(status, json.dumps(document).encode(), "application/json")

    def _send(self, status: int, body: bytes, kind: str) -> None:
        self._head(status, len(body), kind)
        self.wfile.write(body)

    def _head(self, status: int, length: int, kind: str) -> None:
        self._note(status)
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(length))
        self.end_headers()

    def _note(self, status: int) -> None:
        self.pihole.requests.append(f"{self.command} {urlsplit(self.path).path} {status}")

    def handle(self) -> None:
        with contextlib.suppress(OSError):  # the client went away
            super().handle()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        return


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None
