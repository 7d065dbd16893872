"""What Pi-hole's API answers about itself (FTL v6.4.1: ``src/api/stats.c``, ``src/api/dns.c``, ``src/api/auth.c``)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from exporter.model.errors import ParseError
from exporter.model.observations import TopEntry
from exporter.parsers.fields import Fields, parse_object

# How many of the most frequent are asked for and taken, and how much of a name becomes a label.
TOP_COUNT = 10
TOP_NAME_LENGTH = 64
# FTL knows 16 types and 14 kinds of reply.
_MOST_WORDS = 64
_WORD = re.compile(r"[A-Za-z0-9_-]{1,24}", re.ASCII)
_SID = re.compile(r"[!-~]{1,200}", re.ASCII)
_BLOCKING = {"enabled": True, "disabled": False, "failed": None, "unknown": None}


@dataclass(frozen=True, slots=True)
class Summary:
    """``/api/stats/summary``; queries are of the last 24 hours, None is unknown."""

    queries: int
    blocked: int
    cached: int
    forwarded: int
    queries_by_type: dict[str, int]
    replies: dict[str, int]
    queries_per_second: float
    domains: int
    active_clients: int
    known_clients: int
    gravity_domains: int | None
    gravity_time: float | None


@dataclass(frozen=True, slots=True)
class Blocking:
    """``/api/dns/blocking``; ``timer``: seconds until FTL switches it over by itself."""

    enabled: bool | None
    timer: float | None


def parse_session(content: bytes) -> str:
    """Read the answer to a log-in; the session's ID is empty where Pi-hole has no password.

    Raises:
        ParseError: it gives no session.
    """
    session = parse_object(content, "Pi-hole's answer to the log-in").object("session")
    if not session.flag("valid"):
        msg = "Pi-hole gave no session"
        raise ParseError(msg)
    return session.word("sid", _SID, "a session's ID") if session.has("sid") else ""


def parse_summary(content: bytes) -> Summary:
    """Read the summary.

    Raises:
        ParseError: it is none.
    """
    document = parse_object(content, "Pi-hole's summary")
    queries, clients, gravity = (document.object(key) for key in ("queries", "clients", "gravity"))
    # Negative while the database is not there (src/database/gravity-db.h: DB_NOT_AVAILABLE -2, DB_FAILED -1).
    domains = gravity.integer("domains_being_blocked", -2, 1 << 40)
    updated = gravity.count("last_update")
    return Summary(
        queries=queries.count("total"),
        blocked=queries.count("blocked"),
        cached=queries.count("cached"),
        forwarded=queries.count("forwarded"),
        queries_by_type=_counts(queries, "types"),
        replies=_counts(queries, "replies"),
        queries_per_second=queries.number("frequency"),
        domains=queries.count("unique_domains"),
        active_clients=clients.count("active"),
        known_clients=clients.count("total"),
        gravity_domains=domains if domains >= 0 else None,
        gravity_time=float(updated) if updated else None,
    )


def parse_blocking(content: bytes) -> Blocking:
    """Read whether it blocks.

    Raises:
        ParseError: it does not say so.
    """
    document = parse_object(content, "Pi-hole's blocking")
    return Blocking(
        document.one_of("blocking", _BLOCKING), document.seconds("timer") if document.has("timer") else None
    )


def parse_top(content: bytes, kind: str) -> tuple[TopEntry, ...]:
    """Read the most frequent domains or clients; ``kind`` is what their entries say they are.

    Names that are equal once they are cut are one entry. A client without a name goes by its address.

    Raises:
        ParseError: it is no such list.
    """
    key, name = ("clients", "ip") if kind == "client" else ("domains", "domain")
    found: dict[str, int] = {}
    for entry in parse_object(content, f"Pi-hole's list of top {key}").objects(key)[:TOP_COUNT]:
        label = entry.excerpt("name", TOP_NAME_LENGTH) if kind == "client" and entry.has("name") else ""
        label = label or entry.excerpt(name, TOP_NAME_LENGTH)
        found[label] = found.get(label, 0) + entry.count("count")
    return tuple(TopEntry(kind, label, count) for label, count in found.items())


def _counts(queries: Fields, key: str) -> dict[str, int]:
    counts = queries.object(key, _MOST_WORDS, _WORD)
    return {word: counts.count(word) for word in counts.values}
