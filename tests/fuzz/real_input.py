"""Real input for the parsers, or, where none was recorded, what the writer of it would write."""

from __future__ import annotations

import io
import sqlite3
import struct
import zipfile
from pathlib import Path
from typing import Final

import dns.message
import dns.rdatatype

from exporter.parsers import vip_state
from tests.unit import samples

FIXTURES: Final = Path(__file__).parents[1] / "fixtures"


def fixtures(pattern: str) -> tuple[bytes, ...]:
    """The content of recorded files."""
    found = tuple(path.read_bytes() for path in sorted(FIXTURES.glob(pattern)))
    assert found, pattern
    return found


def lines(pattern: str) -> tuple[bytes, ...]:
    """The lines of recorded files."""
    return tuple(line for content in fixtures(pattern) for line in content.splitlines())


def packets(suffix: str = "*") -> tuple[bytes, ...]:
    """Recorded VRRP packets."""
    texts = fixtures(f"vrrp/*/{suffix}.hex")
    return tuple(bytes.fromhex(line.split(b"#")[0].decode()) for text in texts for line in text.splitlines() if line)


def netlink() -> tuple[bytes, ...]:
    """Made by hand from rtnetlink(7)."""

    def attribute(kind: int, data: bytes) -> bytes:
        return struct.pack("=HH", 4 + len(data), kind) + data

    found = []
    for kind in (20, 21):  # RTM_NEWADDR, RTM_DELADDR
        for family, address in ((2, bytes([192, 0, 2, 53])), (10, bytes.fromhex("20010db8" + "00" * 11 + "53"))):
            body = struct.pack("=BBBBI", family, len(address) * 8, 0x80, 0, 2)
            body += attribute(1, address) + attribute(2, address) + attribute(8, struct.pack("=I", 0x82))
            found.append(struct.pack("=IHHII", 16 + len(body), kind, 0, 1, 0) + body)
    return (*found, b"".join(found), struct.pack("=IHHIIi", 20, 3, 0, 1, 0, 0))


def neighbours() -> tuple[bytes, ...]:
    """A neighbour of each family, of a dump of Linux 6.18 (``all_neighbours`` of ``stack/guard/netlink.py``)."""
    return (
        bytes.fromhex(
            "4c0000001c00020001000000196e0000 020000000300000080000001"
            "08000100c000020b0a00020002000000000b00000800040000000000"
            "140003003c0000003c0000003c00000000000000"
        ),
        bytes.fromhex(
            "580000001c00020001000000196e0000 0a0000000300000080000001"
            "1400010020010db80000000000000000000000530a00020002000000"
            "0066000008000400000000001400030038000000380000003800000000000000"
        ),
    )


def canary() -> tuple[dns.message.QueryMessage, tuple[bytes, ...]]:
    """A question for a canary's label, and answers of every kind to it."""
    query = dns.message.make_query("0123456789abcdef.canary.dnsha.example", "TXT", want_dnssec=True, payload=1232, id=7)
    found = []
    for rcode, texts in ((0, ["alpha"]), (0, []), (0, ["a", "b"]), (2, []), (3, []), (4, [])):
        reply = dns.message.make_response(query, recursion_available=True)
        reply.set_rcode(dns.rcode.Rcode(rcode))
        if texts:
            reply.answer.append(dns.rrset.from_text_list(query.question[0].name, 0, "IN", "TXT", texts))
        found.append(reply.to_wire())
    return query, tuple(found)


def teleporter() -> bytes:
    """A small archive with what is looked for in one (FTL, src/zip/teleporter.c)."""
    connection = sqlite3.connect(":memory:")
    for table in ("group", "adlist", "domainlist", "client"):
        connection.execute(f'CREATE TABLE "{table}" (id INTEGER PRIMARY KEY)')
    connection.commit()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("etc/pihole/pihole.toml", "[dns]\nhosts = []\n")
        archive.writestr("etc/pihole/gravity.db", connection.serialize())
    connection.close()
    return packed.getvalue()


# RFC 4861, 4.4, from 2001:db8::53 to ff02::1, override, with the target's hardware address and a checksum.
NEIGHBOR: Final = bytes.fromhex(
    "6000000000203aff 20010db8000000000000000000000053 ff020000000000000000000000000001"
    "8800f886 20000000 20010db8000000000000000000000053 0201020000000001"
)
STAMP: Final = (
    b'{"last_attempt": 1.5, "last_success": 1.5, "duration": 2.0, "exit_status": 1, "last_error": "it failed"}'
)
VIP_STATE: Final = vip_state.format_vip_state({samples.VIP: vip_state.SavedVip(True, 3, 2, 5.5, (1.0, 5.5))})
HEALTH: Final = b"""{"time": 5.0, "questions": {"chain": {"verdict": "ok", "problem": "", "since": 1.0},
"world": {"verdict": "soft", "problem": "late", "since": 2.0}}}"""
PROCESSES: Final = b"""{"time": 5.0, "processes": {"check": {"running": true, "starts": 2, "last_start": 1.0,
"last_end": "exit status 1"}}}"""
FILTER: Final = b'{"loaded": true, "problem": "", "time": 5.0, "dropped": {"ttl": 1}, "last_dropped": {"ttl": 4.0}}'
POST: Final = (
    b'{"version": "4", "status": "firing", "groupKey": "{}:{}", "receiver": "r", "groupLabels": {"site": "home"}, '
    b'"commonLabels": {}, "commonAnnotations": {}, "externalURL": "", "truncatedAlerts": 0, "alerts": [{"status": '
    b'"firing", "labels": {"alertname": "DnsHaNoOwner", "severity": "critical"}, "annotations": {"summary": "s"}, '
    b'"startsAt": "2026-01-02T03:04:05.678Z", "endsAt": "0001-01-01T00:00:00Z", "generatorURL": "", '
    b'"fingerprint": "0123456789abcdef"}]}'
)
CONTENT: Final = (
    b'{"groups": {"groups": [{"id": 0, "name": "Default", "enabled": true, "comment": null}]}, "lists": {"lists": '
    b'[{"id": 1, "address": "https://example.com/l", "type": "block", "groups": [0], "enabled": true}]}, "domains": '
    b'{"domains": []}, "clients": {"clients": []}, '
    b'"config/dns": {"config": {"dns": {"hosts": [], "cnameRecords": []}}}}'
)
ENV: Final = b"# text\nA=1\nB='x $A'\nC=\"y ${A:-z}\" # more\nexport D=${A:+q}\nE=\n"
TABLE: Final = (
    b"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
    b"   0: 0100007F:0035 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 4711 1 0 100\n"
)
WEB: Final = (
    b"tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem\n  min_version: TLS13\nbasic_auth_users:\n"
    b"  owner: $2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW\n"
)
WIRE: Final = (
    b'{"time": 5.0, "problem": "", "dropped": 1, "announcements": 2, "peer": [], "addresses": {"192.0.2.53": '
    b'{"replies": 3, "split": false, "foreign": {"hardware": "02:00:00:00:00:64", "lasting": true, "first": 1.0, '
    b'"last": 2.0}}}, "adverts": {"foreign_owner": 4}, "senders": [{"kind": "stranger", "source": "192.0.2.100", '
    b'"hardware": "02:00:00:00:00:64", "way": "unicast", "mixed": false, "settled": true, "lasting": true, '
    b'"first": 1.0, "last": 2.0, "count": 5, "seen": ["it"]}]}'
)
FIREWALL: Final = b'{"time": 5.0, "state": "failed", "problem": "no nf_tables", "closed": [9093, 9094]}'
VRRP_STATE: Final = (
    b'{"format": 1, "origin": 5.0, "sequence": 3, "counts": {"transitions": {"VI_1": {"master": 1, "backup": 2}}, '
    b'"starts": 1, "child_exits": 0}, "earlier": {"transitions": {}, "starts": 0, "child_exits": 0}}'
)
# Alertmanager's API v2 and Prometheus' API v1, as far as they are read.
SILENCES: Final = (
    b'[{"id": "a", "status": {"state": "active"}, "matchers": [{"name": "alertname", "value": "DnsHa.*|x", '
    b'"isRegex": true, "isEqual": true}, {"name": "severity", "value": "critical", "isRegex": false}]}, '
    b'{"id": "b", "status": {"state": "expired"}, "matchers": []}]'
)
RULES: Final = (
    b'{"status": "success", "data": {"groups": [{"name": "vip", "rules": [{"name": "DnsHaNoOwner", "labels": '
    b'{"severity": "critical"}}, {"name": "DnsHaSlow", "labels": {"severity": "info"}}]}]}}'
)
ALERTS: Final = (
    b'[{"labels": {"alertname": "DnsHaCriticalSilenced", "severity": "critical"}, "annotations": {"summary": "s"}, '
    b'"startsAt": "2026-01-02T03:04:05.678Z", "endsAt": "2026-01-02T03:14:05.678Z", "generatorURL": "", '
    b'"fingerprint": "0123456789abcdef", "status": {"state": "suppressed"}}]'
)
_TOLD = b'"0123456789abcdef": {"starts_at": 1.0, "told_at": 2.0, "ended_at": null}'
TOLD_BY_PEER: Final = b'{"version": 2, "node": "beta", "alerts": {' + _TOLD + b'}, "in_hand": ["fedcba"]}'
_ALERT = (
    b'{"fingerprint": "0123456789abcdef", "firing": true, "severity": "critical", "name": "n", "summary": "s", '
    b'"description": "d", "link": "", "starts_at": 1.0, "ends_at": 0.0, "labels": {"site": "home"}}'
)
TOLD: Final = (
    b'{"version": 1, "receivers": {"r": {' + _TOLD + b'}}, "owed": {"r": [{"since": 1.0, "key": "k", "held": false, '
    b'"whole": false, "alert": ' + _ALERT + b'}]}, "alerts": [' + _ALERT + b"]}"
)
DROP_IN: Final = (
    b'# local names\nserver:\n  local-zone: "home.example." static\n  local-data: "nas.home.example. A 192.0.2.9"\n'
    b"  private-domain: example.net # ours\nforward-zone:\n  name: 'example.org'\n"
    b"  forward-addr: 192.0.2.1@853#dns.example\n  forward-tls-upstream: yes\n"
)
_SCRAPE = (
    b"GET /metrics?name%5B%5D=up HTTP/1.1\r\nHost: a\r\nAccept: application/openmetrics-text;version=1.0.0,*/*;q=0.1"
    b"\r\nAccept-Encoding: gzip;q=0.5, identity\r\nX-Prometheus-Scrape-Timeout-Seconds: 10\r\n"
    b"X-Dnsha-Nonce: 0123456789abcdef0123456789abcdef\r\nAuthorization: Basic b3duZXI6c2VjcmV0\r\n\r\n"
)
REQUESTS: Final = (
    _SCRAPE,
    b"OPTIONS / HTTP/1.0\r\n\r\n",
    b"HEAD /runbooks/a.md HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nabcde",
)
ANSWER: Final = (
    b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nX-Dnsha-Signature: "
    + b"0" * 64
    + b"\r\nContent-Length: 2\r\n\r\nok"
)
REFUSAL: Final = (
    b'{"error": {"key": "bad_request", "message": "Invalid request", "hint": "Failed to create gravity database"}, '
    b'"took": 0.1}'
)
FIGURES: Final = b'{"gravity": {"domains_being_blocked": 3, "last_update": 1700000000}}'
BASELINE: Final = b'{"settled": {"list a": "block"}, "pending": [{"list b": "allow"}]}'
GRAVITY_STATE: Final = b'{"due": true, "tried": 5.0}'
PIN: Final = b'{"url": "https://127.0.0.1:9", "sha256": "' + b"ab" * 32 + b'"}'
NETWORKS: Final = (b"192.0.2.0/24, 2001:db8::/64", b"192.0.2.53/24,2001:db8::53/64", b"127.0.0.1:53,[::1]:5335")
