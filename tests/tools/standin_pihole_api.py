"""A stand-in for Pi-hole v6's API: the paths that the tools and nebula-sync use, as strict as FTL v6.4.1.

Paths, status codes, error keys and texts are FTL's, whose source file stands beside each. It holds one Pi-hole: what a
person configures (``content``), the gravity that was built from it, and its sessions. A Teleporter import ends in a
restart, as FTL's does: the API goes away and comes back, and so does DNS, by way of the hooks.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import secrets
import socket
import sqlite3
import ssl
import subprocess
import threading
import time
import tomllib
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal, cast
from urllib.parse import parse_qs, unquote, urlsplit

from tests.tools.standin_pihole_config import KEYS, detailed, flat, nested, problem

# webserver.api.max_sessions (src/config/config.c).
MAXIMUM_SESSIONS = 16
# MAX_PASSWORD_ATTEMPTS_PER_SECOND (src/config/password.h).
ATTEMPTS_PER_SECOND = 3
PASSWORD = "correct horse battery"
DOMAINS_OF_A_LIST = 1000

# The settings that are kept among what a person configures, with their names there.
ITEM_KEYS = {"lists": "address", "domains": "domain", "groups": "name", "clients": "client"}
CONTENT_KEYS = {"dns.hosts": "hosts", "dns.cnameRecords": "cnameRecords"}

Fault = Literal["", "truncated", "hang", "drip", "huge", "not_zip", "no_database", "damaged", "garbage", "error"]

# What Teleporter copies of gravity.db (src/zip/teleporter.c: gravity_tables), with the columns of Pi-hole's schema.
TABLES = {
    "group": "id, enabled, name, date_added, date_modified, description",
    "adlist": "id, address, enabled, date_added, date_modified, comment, date_updated, number, invalid_domains, "
    "status, abp_entries, type",
    "adlist_by_group": "adlist_id, group_id",
    "domainlist": "id, type, domain, enabled, date_added, date_modified, comment",
    "domainlist_by_group": "domainlist_id, group_id",
    "client": "id, ip, date_added, date_modified, comment",
    "client_by_group": "client_id, group_id",
}
# domainlist.type and adlist.type (src/database/gravity-db.h: enum gravity_list_type).
DOMAIN_TYPES = [("allow", "exact"), ("deny", "exact"), ("allow", "regex"), ("deny", "regex")]
LIST_TYPES = ["block", "allow"]


def empty_content() -> dict[str, Any]:
    """What a Pi-hole without anything in it has."""
    groups = [{"id": 0, "name": "Default", "enabled": True, "comment": "The default group"}]
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


def no_statistics() -> dict[str, Any]:
    """What FTL v6.4.1 says of queries and clients before there was one (measured; without ``status``)."""
    types = ["A", "AAAA", "ANY", "SRV", "SOA", "PTR", "TXT", "NAPTR", "MX", "DS", "RRSIG", "DNSKEY", "NS", "SVCB"]
    replies = ["UNKNOWN", "NODATA", "NXDOMAIN", "CNAME", "IP", "DOMAIN", "RRNAME", "SERVFAIL", "REFUSED", "NOTIMP"]
    counts = dict.fromkeys(["total", "blocked", "percent_blocked", "unique_domains", "forwarded", "cached"], 0)
    return {
        "queries": {
            **counts,
            "frequency": 0,
            "types": dict.fromkeys([*types, "HTTPS", "OTHER"], 0),
            "replies": dict.fromkeys([*replies, "OTHER", "DNSSEC", "NONE", "BLOB"], 0),
        },
        "clients": {"active": 0, "total": 0},
    }


def _rows(held: dict[str, Any]) -> dict[str, list[tuple[Any, ...]]]:
    rows: dict[str, list[tuple[Any, ...]]] = {table: [] for table in TABLES}
    for group in held["groups"]:
        rows["group"].append((group["id"], group["enabled"], group["name"], 1, 1, group["comment"]))
    for entry in held["lists"]:
        kind = LIST_TYPES.index(entry["type"])
        ready = (1, entry["comment"], 1, DOMAINS_OF_A_LIST, 0, 1, 0, kind)
        rows["adlist"].append((entry["id"], entry["address"], entry["enabled"], 1, *ready))
        rows["adlist_by_group"] += [(entry["id"], group) for group in entry["groups"]]
    for entry in held["domains"]:
        number = DOMAIN_TYPES.index((entry["type"], entry["kind"]))
        rows["domainlist"].append((entry["id"], number, entry["domain"], entry["enabled"], 1, 1, entry["comment"]))
        rows["domainlist_by_group"] += [(entry["id"], group) for group in entry["groups"]]
    for entry in held["clients"]:
        rows["client"].append((entry["id"], entry["client"], 1, 1, entry["comment"]))
        rows["client_by_group"] += [(entry["id"], group) for group in entry["groups"]]
    return rows


def _content(rows: dict[str, list[Any]]) -> dict[str, Any]:
    def groups(table: str, number: int) -> list[int]:
        return sorted(group for entry, group in rows[table] if entry == number)

    return {
        "groups": [{"id": r[0], "enabled": bool(r[1]), "name": r[2], "comment": r[5]} for r in rows["group"]],
        "lists": [
            {"id": r[0], "address": r[1], "type": LIST_TYPES[r[11]], "enabled": bool(r[2]), "comment": r[5],
             "groups": groups("adlist_by_group", r[0])}
            for r in rows["adlist"]
        ],
        "domains": [
            {"id": r[0], "domain": r[2], "type": DOMAIN_TYPES[r[1]][0], "kind": DOMAIN_TYPES[r[1]][1],
             "enabled": bool(r[3]), "comment": r[6], "groups": groups("domainlist_by_group", r[0])}
            for r in rows["domainlist"]
        ],
        "clients": [
            {"id": r[0], "client": r[1], "comment": r[4], "groups": groups("client_by_group", r[0])}
            for r in rows["client"]
        ],
    }  # fmt: skip


def _database(rows: dict[str, list[tuple[Any, ...]]]) -> bytes:
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        for table, columns in TABLES.items():
            connection.execute(f'CREATE TABLE "{table}" ({columns})')
            marks = ", ".join("?" * (columns.count(",") + 1))
            connection.executemany(f'INSERT INTO "{table}" VALUES ({marks})', rows[table])  # noqa: S608
        connection.commit()
        return connection.serialize()


def teleporter_archive(held: dict[str, Any], *, database: bool = True) -> bytes:
    """An archive as FTL writes it (src/zip/teleporter.c: generate_teleporter_zip)."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        # JSON's strings are TOML's; the line of noise makes it as large as the real one, packed.
        toml = f"[dns]\nhosts = {json.dumps(held['hosts'])}\ncnameRecords = {json.dumps(held['cnameRecords'])}\n"
        archive.writestr("etc/pihole/pihole.toml", f"{toml}# {secrets.token_hex(2000)}\n")
        archive.writestr("etc/hosts", "127.0.0.1 localhost\n")
        if database:
            archive.writestr("etc/pihole/gravity.db", _database(_rows(held)))
    return packed.getvalue()


@dataclass(frozen=True, slots=True)
class Session:
    """One taken seat (src/api/auth.c: struct session)."""

    number: int
    app: bool = False
    user_agent: str = ""
    login_at: float = 0.0


@dataclass(slots=True)
class Gravity:
    """What ``pihole -g`` built last: FTL reads both figures from gravity.db (src/database/gravity-db.c)."""

    domains: int
    last_update: int
    lists: tuple[str, ...]


@dataclass
class StandinPihole:
    """One Pi-hole. ``fault`` is what the next downloads suffer from; times are in seconds."""

    content: dict[str, Any]
    fault: Fault = ""
    password: str = ""  # empty: PASSWORD
    # Called when DNS goes away and when it is back, in a restart.
    on_restart: Callable[[], None] | None = None
    on_started: Callable[[], None] | None = None
    # Keys such as dns.upstreams that the environment sets.
    read_only: frozenset[str] = frozenset()
    # Where it keeps what outlives its process.
    state_file: Path | None = None
    app_password: str = ""
    app_sudo: bool = True
    totp: bool = False
    attempts_per_second: int = ATTEMPTS_PER_SECOND
    # False: no gravity.db, as after a first start without DNS. ``resolves``: whether gravity finds names now.
    database: bool = True
    # Whether FTL has opened it: one that it began without stays closed until it restarts, because the first time stamp
    # that it sees is no newer one (src/database/gravity-db.c: gravity_updated).
    opened_database: bool = True
    resolves: bool = True
    gravity_seconds: float = 0.2
    # A restart: how long the old process answers still, and how long nothing listens then. 250 ms and the ends of some
    # threads (src/main.c: sleepms(250), cleanup), then a start that reads the history.
    dying_seconds: float = 0.3
    away_seconds: float = 0.3
    # What is not as FTL's defaults have it, by key; hosts and CNAMEs are in ``content``.
    settings: dict[str, Any] = field(default_factory=lambda: {"dns.upstreams": ["127.0.0.1#5335"]})
    # When a pause of blocking ends (monotonic); in FTL's memory alone (src/timers.c).
    pause_ends: float | None = None
    gravity: Gravity | None = None
    # What it has counted in a day, and its lists of the most frequent: domains, blocked and clients (src/api/stats.c).
    statistics: dict[str, Any] = field(default_factory=no_statistics)
    top: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    sessions: dict[str, Session] = field(default_factory=dict)
    opened: int = 0
    restored: list[bytes] = field(default_factory=list)
    restarts: int = 0
    # Each restart's seconds without DNS, and each request as "POST /api/auth 200".
    gaps: list[float] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    url: str = ""
    dying: bool = False
    freed: bool = False  # the sessions are put away, requests are still taken
    started: float = field(default_factory=time.monotonic)
    lock: threading.RLock = field(default_factory=threading.RLock)
    building: threading.Lock = field(default_factory=threading.Lock)
    _attempts: tuple[int, int] = (0, 0)

    def __post_init__(self) -> None:
        """Take up what was kept; otherwise gravity was built from what is held, a while ago."""
        if self.state_file is not None and self.state_file.exists():
            kept = json.loads(self.state_file.read_text())
            self.content, self.database = kept["content"], kept["database"]
            self.settings |= kept.get("settings", {})
            self.gravity = (
                Gravity(**{**kept["gravity"], "lists": tuple(kept["gravity"]["lists"])}) if kept["gravity"] else None
            )
            self.sessions = {sid: Session(**session) for sid, session in kept["sessions"].items()}
        elif self.gravity is None and self.database:
            self._build(1_700_000_000)
        self.opened_database = self.database

    def keep(self) -> None:
        """Write down what outlives the process; FTL restores its sessions too (src/database/session-table.c)."""
        if self.state_file is None:
            return
        kept = {
            "content": self.content,
            "settings": self.settings,
            "database": self.database,
            "gravity": dataclasses.asdict(self.gravity) if self.gravity else None,
            "sessions": {sid: dataclasses.asdict(session) for sid, session in self.sessions.items()},
        }
        unfinished = self.state_file.with_suffix(".new")
        unfinished.write_text(json.dumps(kept))
        unfinished.replace(self.state_file)

    @property
    def loaded(self) -> bool:
        """Whether gravity is built from the lists that are held now."""
        return self.gravity is not None and self.gravity.lists == self._enabled_lists()

    @property
    def configuration(self) -> dict[str, Any]:
        """The value of every setting, by key."""
        defaults = {key: default for key, (default, _) in KEYS.items()}
        return defaults | self.settings | {key: self.content[name] for key, name in CONTENT_KEYS.items()}

    def blocking(self) -> dict[str, Any]:
        """Answer GET /api/dns/blocking (src/api/dns.c: get_blocking), having ended a pause that is over."""
        if self.pause_ends is not None and time.monotonic() >= self.pause_ends:
            self.pause_ends = None
            self.settings["dns.blocking.active"] = True
        active = self.configuration["dns.blocking.active"]
        timer = None if self.pause_ends is None else self.pause_ends - time.monotonic()
        return {"blocking": "enabled" if active else "disabled", "timer": timer, "took": 0.001}

    def pause(self, seconds: float) -> None:
        """Switch blocking off for a while, as the web interface does."""
        self.settings["dns.blocking.active"] = False
        self.pause_ends = time.monotonic() + seconds

    def log_in(self, body: Any, user_agent: str) -> tuple[int, dict[str, Any]]:
        """Answer POST /api/auth (src/api/auth.c: api_auth; src/config/password.c: verify_password)."""
        if not isinstance(body, dict) or "password" not in body:
            return _error(400, "bad_request", "No password found in JSON payload")
        second, attempts = self._attempts
        for _ in range(2 if self.app_password and body["password"] != self._password else 1):
            attempts = attempts + 1 if second == int(time.time()) else 1
            second = int(time.time())
        self._attempts = second, attempts
        if attempts > self.attempts_per_second:
            time.sleep(0.25)
            return _error(429, "rate_limiting", "Rate-limiting login attempts")
        app = bool(self.app_password) and body["password"] == self.app_password
        if not app and body["password"] != self._password:
            return 401, self._session(None, "password incorrect")
        if self.totp and not app and "totp" not in body:
            return _error(400, "bad_request", "No 2FA token found in JSON payload")
        if self.totp and not app:
            return _error(401, "unauthorized", "Invalid 2FA token")
        free = sorted(set(range(MAXIMUM_SESSIONS)) - {session.number for session in self.sessions.values()})
        if not free or self.freed:
            return _error(429, "api_seats_exceeded", "API seats exceeded", "increase webserver.api.max_sessions")
        sid = secrets.token_urlsafe(16)
        self.sessions[sid] = Session(free[0], app, user_agent, int(time.time()))
        self.opened += 1
        return 200, self._session(sid, "app-password correct" if app else "password correct")

    def import_archive(self, file: bytes, options: dict[str, Any] | None) -> tuple[int, dict[str, Any]]:
        """Take a Teleporter archive (src/api/teleporter.c, src/zip/teleporter.c: read_teleporter_zip)."""
        taken: list[str] = []
        try:
            with zipfile.ZipFile(io.BytesIO(file)) as archive:
                if "etc/pihole/pihole.toml" in archive.namelist() and (
                    options is None or options.get("config") is True
                ):
                    dns = tomllib.loads(archive.read("etc/pihole/pihole.toml").decode())["dns"]
                    self.content |= {key: dns[key] for key in ("hosts", "cnameRecords") if key in dns}
                    taken.append("etc/pihole/pihole.toml")
                gravity = None if options is None else options.get("gravity")
                if "etc/pihole/gravity.db" in archive.namelist() and (options is None or isinstance(gravity, dict)):
                    if not self.database:
                        return _error(
                            400, "bad_request", "Invalid request", "Failed to delete from disk database table"
                        )
                    tables = [table for table in TABLES if gravity is None or gravity.get(table) is True]
                    self._import(archive.read("etc/pihole/gravity.db"), tables)
                    taken += [f"etc/pihole/gravity.db->{table}" for table in tables]
        except (zipfile.BadZipFile, sqlite3.Error) as error:
            return _error(400, "bad_request", "Invalid request", f"Failed to parse received ZIP archive: {error}")
        self.restored.append(file)
        self.keep()
        return 200, {"files": taken, "took": 0.1}

    def run_gravity(self) -> Iterator[str]:
        """``pihole -g``, as it prints (Pi-hole's gravity.sh); it changes the database at its end alone."""
        with self.building:
            yield "  [i] Neutrino emissions detected...\n"
            if not self.resolves:
                time.sleep(self.gravity_seconds)
                yield "   [✗] No DNS resolution available. Please contact support.\n"
                return
            time.sleep(self.gravity_seconds)
            self.database = True
            self._build(int(time.time()))
            self.keep()
            yield "  [✓] Done.\n"

    def _build(self, now: int) -> None:
        # FTL takes a newer time stamp alone for a new database (gravity-db.c: gravity_updated).
        previous = self.gravity.last_update if self.gravity else 0
        lists = self._enabled_lists()
        self.gravity = Gravity(DOMAINS_OF_A_LIST * len(lists), max(now, previous + 1), lists)

    def _enabled_lists(self) -> tuple[str, ...]:
        return tuple(f"{entry['id']} {entry['address']}" for entry in self.content["lists"] if entry["enabled"])

    def _import(self, database: bytes, tables: list[str]) -> None:
        rows: dict[str, list[Any]] = dict(_rows(self.content))
        with contextlib.closing(sqlite3.connect(":memory:")) as connection:
            connection.deserialize(database)
            for table in tables:
                rows[table] = connection.execute(f'SELECT * FROM "{table}"').fetchall()  # noqa: S608
        self.content |= _content(rows)

    @property
    def _password(self) -> str:
        return self.password or PASSWORD

    def _session(self, sid: str | None, message: str) -> dict[str, Any]:
        found = {"valid": sid is not None, "totp": self.totp, "sid": sid, "validity": 1800 if sid else -1}
        return {"session": {**found, **({"csrf": "x"} if sid else {}), "message": message}, "took": 0.01}


def _error(status: int, key: str, message: str, hint: str | None = None) -> tuple[int, dict[str, Any]]:
    return status, {"error": {"key": key, "message": message, "hint": hint}, "took": 0.001}


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


class _Handler(BaseHTTPRequestHandler):
    """Answers as src/api/api.c routes; ``server`` is a ``Server``."""

    protocol_version = "HTTP/1.1"

    @property
    def pihole(self) -> StandinPihole:
        return cast("_Listener", self.server).pihole

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
            self._json(*_error(404, "not_found", "Not found", self.path))

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
            self._json(*_error(404, "not_found", "Not found", self.path))

    def do_PUT(self) -> None:
        """PUT a list, domain, group or client: make it or replace it (src/api/list.c: api_list_write).

        Of a group that is missing nothing is made, with the answer of success (measured with FTL v6.4.1).
        """
        body = _parsed(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        parts = self._path().split("/")
        if not self._known():
            return
        if parts[0] not in ITEM_KEYS or not isinstance(body, dict):
            self._json(*_error(404, "not_found", "Not found", self.path))
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
            self._json(*_error(404, "not_found", "Not found", self.path))
        elif not isinstance(body, dict) or not isinstance(body.get("config"), dict):
            self._json(*_error(400, "body_error", 'No "config" object in body data'))
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
                self._json(*_error(400, "bad_request", "Session ID not in use"))
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
            self._json(*_error(404, "not_found", "Not found", self.path))
            return
        self._send(204, b"", "text/plain")

    def _read_lists(self, kind: str) -> None:
        if not self.pihole.opened_database:  # src/database/gravity-db.c: gravityDB_readTable
            self._json(
                *_error(400, "database_error", "Could not read domains from database table", "Database not available")
            )
            return
        self._json(200, {kind: self.pihole.content[kind], "took": 0.001})

    def _add(self, parts: list[str], body: Any) -> None:
        """POST a list, domain, group or client (src/api/list.c: api_list_write)."""
        kind = parts[0]
        key = ITEM_KEYS[kind]
        if not isinstance(body, dict) or not isinstance(body.get(key), str):
            self._json(*_error(400, "bad_request", f'No "{key}" string in body data'))
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
                self._json(*_error(400, "bad_request", "Config item is invalid", hint))
                return
            if key in self.pihole.read_only and present[key] != value:
                message = "Config items set via environment variables cannot be changed via the API"
                self._json(*_error(400, "bad_request", message, key))
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
            self._json(*_error(400, "body_error", 'No "blocking" boolean in body data'))
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
            self._json(*_error(400, "bad_request", "No ZIP archive received"))
            return
        name, file = form["file"]
        if not name.endswith(".zip") or len(file) < 40 or not file.startswith(b"PK\3\4"):
            hint = "The uploaded file does not appear to be a valid Pi-hole Teleporter archive"
            self._json(*_error(400, "bad_request", "Invalid file", hint))
            return
        options = _parsed(form["import"][1]) if "import" in form else None
        if "import" in form and not isinstance(options, dict):
            self._json(*_error(400, "bad_request", "Invalid form request"))
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
        with cast("_Listener", self.server).busy():
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
            self._json(*_error(500, "compression_error", "Failed to create gravity database for heap ZIP archive!"))
            return
        archive = teleporter_archive(self.pihole.content, database=fault != "no_database")
        if fault == "error":
            self._json(*_error(500, "compression_error", "Failed creating heap ZIP archive"))
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
        self._json(*_error(401, "unauthorized", "Unauthorized"))
        return False

    def _refused(self) -> bool:
        session = self.pihole.sessions.get(self._sid())
        if session is None or not session.app or self.pihole.app_sudo:
            return False
        hint = (
            "The current app session is not allowed to modify Pi-hole config settings (webserver.api.app_sudo is false)"
        )
        self._json(*_error(403, "forbidden", "Unable to change configuration (read-only)", hint))
        return True

    def _restart(self) -> None:
        cast("_Listener", self.server).owner.restart()

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


class _Listener(ThreadingHTTPServer):
    """What listens between two restarts."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True

    def __init__(self, owner: Server, address: str, port: int) -> None:
        self.owner = owner
        self.pihole = owner.pihole
        self.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._clients: set[socket.socket] = set()
        self._busy: set[int] = set()
        super().__init__((address, port), _Handler)
        self._thread = threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def server_bind(self) -> None:
        """An IPv6 socket is for IPv6 alone, as CivetWeb's are without a plus sign."""
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        super().server_bind()

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        if self.owner.tls is not None and self.server_address[1] not in self.owner.plain:
            try:
                request.settimeout(10)
                request = self.owner.tls.wrap_socket(request, server_side=True)
            except OSError:
                self.shutdown_request(request)
                return
        self._clients.add(request)
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._clients.discard(request)

    @contextmanager
    def busy(self) -> Iterator[None]:
        """A request that the end of the process waits for."""
        self._busy.add(threading.get_ident())
        try:
            yield
        finally:
            self._busy.discard(threading.get_ident())

    def end(self) -> None:
        """Listen no more, wait for what is being done, and cut what is idle (mg_stop in CivetWeb)."""
        self.shutdown()
        self.server_close()
        while self._busy:
            time.sleep(0.01)
        for client in list(self._clients):
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)


class Server:
    """Serves a stand-in from now on, through its restarts, until it is closed."""

    def __init__(
        self,
        pihole: StandinPihole,
        address: str,
        port: int,
        *more: tuple[str, int],
        tls: ssl.SSLContext | None = None,
        plain: frozenset[int] = frozenset(),
    ) -> None:
        self.pihole = pihole
        self.plain = plain
        self.tls = tls
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._restarting: threading.Thread | None = None
        self._listeners = [_Listener(self, *place) for place in ((address, port), *more)]
        self.server_address = (address, self._listeners[0].server_address[1])
        self._places = (self.server_address, *more)
        host = f"[{address}]" if ":" in address else address
        pihole.url = f"{'https' if tls else 'http'}://{host}:{self.server_address[1]}"

    def restart(self) -> None:
        """End and begin anew, as FTL does by itself (src/signals.c: restart_ftl); at once back to the caller."""
        with self._lock:
            if self.pihole.dying or self._closed.is_set():
                return
            self.pihole.dying = True
        self._restarting = threading.Thread(target=self._restart, daemon=True)
        self._restarting.start()

    def _restart(self) -> None:
        pihole = self.pihole
        began = time.monotonic()
        if pihole.on_restart is not None:
            pihole.on_restart()
        time.sleep(pihole.dying_seconds)
        # First the sessions are put away, then the server ends (src/daemon.c: cleanup); in between nobody has one.
        pihole.freed = True
        pihole.keep()
        time.sleep(0.02)
        self._end()
        time.sleep(pihole.away_seconds)
        pihole.dying = pihole.freed = False
        pihole.pause_ends = None
        pihole.opened_database = pihole.database
        pihole.started = time.monotonic()
        pihole.restarts += 1
        if pihole.on_started is not None:
            pihole.on_started()
        pihole.gaps.append(time.monotonic() - began)
        if not self._closed.is_set():
            self._listeners = [_Listener(self, *place) for place in self._places]

    def wait(self) -> None:
        """Serve until it is closed, by another thread."""
        self._closed.wait()

    def close(self) -> None:
        """Serve no more."""
        self._closed.set()
        if self._restarting is not None:
            self._restarting.join(10)
        self._end()

    def _end(self) -> None:
        for listener in self._listeners:
            listener.end()


def made_certificate(folder: Path, file: str = "") -> ssl.SSLContext:
    """A certificate as Pi-hole makes one for itself: another one each time, or the one in ``file``."""
    pem = folder / (file or f"{secrets.token_hex(4)}.pem")
    if not pem.exists():
        _make_certificate(pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{pem}.crt", pem)
    return context


def _make_certificate(pem: Path) -> None:
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp384r1", "-nodes", "-days", "2",
         "-subj", "/CN=pi.hole", "-keyout", pem, "-out", f"{pem}.crt"],
        check=True, capture_output=True, timeout=30,
    )  # fmt: skip


def serve(
    pihole: StandinPihole,
    address: str,
    port: int,
    *more: tuple[str, int],
    tls: ssl.SSLContext | None = None,
    plain: frozenset[int] = frozenset(),
) -> Server:
    """Serve a stand-in on an address and a port (0: a free one), and on more of them, in threads of its own.

    With ``tls`` every port speaks it that is not ``plain``.
    """
    return Server(pihole, address, port, *more, tls=tls, plain=plain)


@contextmanager
def standin_pihole(held: dict[str, Any], tls: ssl.SSLContext | None = None, **more: Any) -> Iterator[StandinPihole]:
    """Serve a stand-in on a free port of this machine."""
    pihole = StandinPihole(held, **more)
    server = serve(pihole, "127.0.0.1", 0, tls=tls)
    try:
        yield pihole
    finally:
        server.close()
