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
import sqlite3
import threading
import time
import tomllib
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from tests.tools.standin_pihole_config import KEYS
from tests.tools.standin_pihole_content import DOMAINS_OF_A_LIST, TABLES, from_rows, no_statistics, to_rows

# webserver.api.max_sessions (src/config/config.c).
MAXIMUM_SESSIONS = 16


# MAX_PASSWORD_ATTEMPTS_PER_SECOND (src/config/password.h).
ATTEMPTS_PER_SECOND = 3


PASSWORD = "correct horse battery"


CONTENT_KEYS = {"dns.hosts": "hosts", "dns.cnameRecords": "cnameRecords"}


Fault = Literal["", "truncated", "hang", "drip", "huge", "not_zip", "no_database", "damaged", "garbage", "error"]


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
            return refusal(400, "bad_request", "No password found in JSON payload")
        second, attempts = self._attempts
        for _ in range(2 if self.app_password and body["password"] != self._password else 1):
            attempts = attempts + 1 if second == int(time.time()) else 1
            second = int(time.time())
        self._attempts = second, attempts
        if attempts > self.attempts_per_second:
            time.sleep(0.25)
            return refusal(429, "rate_limiting", "Rate-limiting login attempts")
        app = bool(self.app_password) and body["password"] == self.app_password
        if not app and body["password"] != self._password:
            return 401, self._session(None, "password incorrect")
        if self.totp and not app and "totp" not in body:
            return refusal(400, "bad_request", "No 2FA token found in JSON payload")
        if self.totp and not app:
            return refusal(401, "unauthorized", "Invalid 2FA token")
        free = sorted(set(range(MAXIMUM_SESSIONS)) - {session.number for session in self.sessions.values()})
        if not free or self.freed:
            return refusal(429, "api_seats_exceeded", "API seats exceeded", "increase webserver.api.max_sessions")
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
                        return refusal(
                            400, "bad_request", "Invalid request", "Failed to delete from disk database table"
                        )
                    tables = [table for table in TABLES if gravity is None or gravity.get(table) is True]
                    self._import(archive.read("etc/pihole/gravity.db"), tables)
                    taken += [f"etc/pihole/gravity.db->{table}" for table in tables]
        except (zipfile.BadZipFile, sqlite3.Error) as error:
            return refusal(400, "bad_request", "Invalid request", f"Failed to parse received ZIP archive: {error}")
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
        rows: dict[str, list[Any]] = dict(to_rows(self.content))
        with contextlib.closing(sqlite3.connect(":memory:")) as connection:
            connection.deserialize(database)
            for table in tables:
                rows[table] = connection.execute(f'SELECT * FROM "{table}"').fetchall()  # noqa: S608
        self.content |= from_rows(rows)

    @property
    def _password(self) -> str:
        return self.password or PASSWORD

    def _session(self, sid: str | None, message: str) -> dict[str, Any]:
        found = {"valid": sid is not None, "totp": self.totp, "sid": sid, "validity": 1800 if sid else -1}
        return {"session": {**found, **({"csrf": "x"} if sid else {}), "message": message}, "took": 0.01}


def refusal(status: int, key: str, message: str, hint: str | None = None) -> tuple[int, dict[str, Any]]:
    return status, {"error": {"key": key, "message": message, "hint": hint}, "took": 0.001}
