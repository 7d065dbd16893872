"""Every parser, real input for it, and the errors that it documents."""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import dns.message
import dns.rdatatype

from alerts.notifier import payload
from exporter.app import Look
from exporter.http import web_config
from exporter.model.errors import ConfigurationError, ParseError
from exporter.model.observations import Status
from exporter.parsers import (
    address_message,
    advert_filter,
    container,
    dns_answer,
    health_report,
    keepalived_dump,
    keepalived_events,
    stamp,
    status_document,
    vip_state,
)  # fmt: skip
from exporter.parsers.fields import parse_json
from exporter.settings import cron, web_port
from exporter.sources import resolvers
from exporter.views import status_document as view
from exporter.wire import arp, ip_packet, neighbor_message, vrrp_advertisement
from stack.guard import netlink
from stack.health import dns_question, world_question
from stack.preflight import env_file, port
from stack.tools import pihole_content
from tests.unit import samples

FIXTURES: Final = Path(__file__).parents[1] / "fixtures"


@dataclass(frozen=True, slots=True)
class Parser:
    """One parser; whatever is not of ``errors`` is a fault of it."""

    name: str
    parse: Callable[[bytes], object]
    samples: tuple[bytes, ...]
    errors: tuple[type[Exception], ...] = (ParseError,)


def _fixtures(pattern: str) -> tuple[bytes, ...]:
    found = tuple(path.read_bytes() for path in sorted(FIXTURES.glob(pattern)))
    assert found, pattern
    return found


def _lines(pattern: str) -> tuple[bytes, ...]:
    return tuple(line for content in _fixtures(pattern) for line in content.splitlines())


def _text(parse: Callable[[str], object]) -> Callable[[bytes], object]:
    return lambda data: parse(data.decode("utf-8", "surrogateescape"))


def _packets(suffix: str = "*") -> tuple[bytes, ...]:
    texts = _fixtures(f"vrrp/*/{suffix}.hex")
    return tuple(bytes.fromhex(line.split(b"#")[0].decode()) for text in texts for line in text.splitlines() if line)


def _netlink() -> tuple[bytes, ...]:
    """Made by hand from rtnetlink(7)."""
    import struct

    def attribute(kind: int, data: bytes) -> bytes:
        return struct.pack("=HH", 4 + len(data), kind) + data

    found = []
    for kind in (20, 21):  # RTM_NEWADDR, RTM_DELADDR
        for family, address in ((2, bytes([192, 0, 2, 53])), (10, bytes.fromhex("20010db8" + "00" * 11 + "53"))):
            body = struct.pack("=BBBBI", family, len(address) * 8, 0x80, 0, 2)
            body += attribute(1, address) + attribute(2, address) + attribute(8, struct.pack("=I", 0x82))
            found.append(struct.pack("=IHHII", 16 + len(body), kind, 0, 1, 0) + body)
    return (*found, b"".join(found), struct.pack("=IHHIIi", 20, 3, 0, 1, 0, 0))


def _dns() -> tuple[dns.message.QueryMessage, tuple[bytes, ...]]:
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


def _events(data: bytes) -> None:
    history = keepalived_events.History()
    for line in data.splitlines():
        try:
            history.add_line(line)
        except ParseError:
            continue


def _after_ip(parse: Callable[[Any], object]) -> Callable[[bytes], object]:
    return lambda data: parse(ip_packet.parse_ip_packet(data))


def _content(data: bytes) -> object:
    documents = parse_json(data, "it")  # each path's is the API's, the mapping our own
    return pihole_content.parse(documents) if isinstance(documents, dict) else None


def _web_config(folder: Path, data: bytes) -> object:
    path = folder / "web.yaml"
    path.write_bytes(data)
    return web_config.read(path)


def parsers(folder: Path) -> Iterator[Parser]:
    """All of them; ``folder`` is for those that read files."""
    query, answers = _dns()
    wire = query.to_wire()
    look = Look(samples.healthy(), (), Status.OK)
    document = view.build(look.status, look.checks, look.verdict)
    packets, changes = _packets(), _netlink()
    listed, inspected = _fixtures("docker/*/list.json"), _fixtures("docker/*/inspect-*.json")
    yield Parser("address messages", address_message.parse_address_messages, changes)
    yield Parser("guard's address changes", netlink.parse_changes, changes, ())
    yield Parser("ARP", arp.parse_arp, (arp.build_arp_probe(bytes(6), ipaddress.IPv4Address(samples.VIP)),))
    yield Parser("IP packets", ip_packet.parse_ip_packet, packets)
    yield Parser("VRRP adverts", _after_ip(vrrp_advertisement.parse_advertisement), packets)
    yield Parser("neighbor adverts", _after_ip(neighbor_message.parse_neighbor_advertisement), (_NEIGHBOR,))
    yield Parser("containers", lambda data: container.parse_container(parse_json(data, "it"), "pihole"), inspected)
    yield Parser("list of containers", lambda data: container.find_containers(parse_json(data, "it"), ["a"]), listed)
    yield Parser("container events", container.parse_event, _lines("docker/*/events.jsonl"))
    yield Parser("canary's answers", lambda data: dns_answer.judge(data, wire), answers, ())
    yield Parser("keepalived's dump", keepalived_dump.parse_keepalived_dump, _fixtures("keepalived/*/vrrp.json"))
    yield Parser("event log", _events, _fixtures("keepalived/*/events.jsonl"), ())
    yield Parser("status document", functools.partial(status_document.parse_peer, received_at=1.0), (document,))
    yield Parser("stamps", lambda data: stamp.parse_stamp(data, 1e9), (_STAMP,))
    yield Parser("VIP counters", vip_state.parse_vip_state, (_VIP_STATE,))
    yield Parser("health report", health_report.parse_health_report, (_HEALTH,))
    yield Parser("processes' report", health_report.parse_processes, (_PROCESSES,))
    yield Parser("advert filter's report", advert_filter.parse_advert_filter, (_FILTER,))
    yield Parser("reply of a service", lambda data: dns_question.is_reply(data) and dns_question.identifier_of(data),
                 answers, ())  # fmt: skip
    yield Parser("world's answers", lambda data: world_question.read(data, wire), answers, ())
    yield Parser("Alertmanager's post", payload.parse, (_POST,))
    yield Parser("cron", _text(cron.parse_cron), (b"30 3 * * *", b"*/5 0-6,12 1,15 jan mon-fri"), (ValueError,))
    yield Parser(
        "Pi-hole's ports", _text(web_port.parse), (b"80o,443os,[::]:80o,[::]:443os", b"127.0.0.1:8080"), (ValueError,)
    )
    yield Parser("Pi-hole's content", _content, (_CONTENT,))
    yield Parser(
        ".env", _text(lambda text: env_file.parse_env(text, ".env")), (_ENV,), (ConfigurationError, ValueError)
    )
    yield Parser(
        "resolv.conf", _text(resolvers.parse_resolvers), (b"nameserver 9.9.9.9\nsearch lan\nnameserver ::1\n",), ()
    )
    yield Parser("/proc/net/tcp", _text(lambda text: port.parse_table(text, "tcp", {53})), (_TABLE,), ())
    yield Parser("web configuration", functools.partial(_web_config, folder), (_WEB,), (ConfigurationError,))


# RFC 4861, 4.4, from 2001:db8::53 to ff02::1, override, with the target's hardware address and a checksum.
_NEIGHBOR: Final = bytes.fromhex(
    "6000000000203aff 20010db8000000000000000000000053 ff020000000000000000000000000001"
    "8800f886 20000000 20010db8000000000000000000000053 0201020000000001"
)
_STAMP: Final = (
    b'{"last_attempt": 1.5, "last_success": 1.5, "duration": 2.0, "exit_status": 1, "last_error": "it failed"}'
)
_VIP_STATE: Final = vip_state.format_vip_state({samples.VIP: vip_state.SavedVip(True, 3, 2, 5.5, (1.0, 5.5))})
_HEALTH: Final = b"""{"time": 5.0, "questions": {"chain": {"verdict": "ok", "problem": "", "since": 1.0},
"world": {"verdict": "soft", "problem": "late", "since": 2.0}}}"""
_PROCESSES: Final = b"""{"time": 5.0, "processes": {"check": {"running": true, "starts": 2, "last_start": 1.0,
"last_end": "exit status 1"}}}"""
_FILTER: Final = b'{"loaded": true, "problem": "", "time": 5.0, "dropped": {"ttl": 1}, "last_dropped": {"ttl": 4.0}}'
_POST: Final = (
    b'{"version": "4", "status": "firing", "groupKey": "{}:{}", "receiver": "r", "groupLabels": {"site": "home"}, '
    b'"commonLabels": {}, "commonAnnotations": {}, "externalURL": "", "truncatedAlerts": 0, "alerts": [{"status": '
    b'"firing", "labels": {"alertname": "DnsHaNoOwner", "severity": "critical"}, "annotations": {"summary": "s"}, '
    b'"startsAt": "2026-01-02T03:04:05.678Z", "endsAt": "0001-01-01T00:00:00Z", "generatorURL": "", '
    b'"fingerprint": "0123456789abcdef"}]}'
)
_CONTENT: Final = (
    b'{"groups": {"groups": [{"id": 0, "name": "Default", "enabled": true, "comment": null}]}, "lists": {"lists": '
    b'[{"id": 1, "address": "https://example.com/l", "type": "block", "groups": [0], "enabled": true}]}, "domains": '
    b'{"domains": []}, "clients": {"clients": []}}'
)
_ENV: Final = b"# text\nA=1\nB='x $A'\nC=\"y ${A:-z}\" # more\nexport D=${A:+q}\nE=\n"
_TABLE: Final = (
    b"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
    b"   0: 0100007F:0035 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 4711 1 0 100\n"
)
_WEB: Final = (
    b"tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem\n  min_version: TLS13\nbasic_auth_users:\n"
    b"  owner: $2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW\n"
)
