"""What the stand-in for Pi-hole holds: lists, domains, groups, clients, records; and its Teleporter archive.

Tables and columns are those of FTL v6.4.1's gravity.db, whose source file stands beside each.
"""

from __future__ import annotations

import contextlib
import io
import json
import secrets
import sqlite3
import zipfile
from typing import Any

DOMAINS_OF_A_LIST = 1000


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


def to_rows(held: dict[str, Any]) -> dict[str, list[tuple[Any, ...]]]:
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


def from_rows(rows: dict[str, list[Any]]) -> dict[str, Any]:
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
            archive.writestr("etc/pihole/gravity.db", _database(to_rows(held)))
    return packed.getvalue()
