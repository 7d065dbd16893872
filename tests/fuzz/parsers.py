"""Every parser, real input for it, and the errors that it documents."""

from __future__ import annotations

import functools
import ipaddress
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from alerts.notifier import payload, peer, silences, store
from exporter.app import Snapshot
from exporter.http import basic_auth, client, web_config
from exporter.model.errors import ConfigurationError, ParseError
from exporter.model.observations import Status
from exporter.parsers import (
    advert_filter,
    container,
    dns_answer,
    firewall,
    health_report,
    keepalived_dump,
    keepalived_events,
    stamp,
    status_document,
    vip_state,
    vrrp_state,
    wire_report,
)  # fmt: skip
from exporter.parsers.fields import parse_json
from exporter.settings import cron, parse, web_port
from exporter.sources import resolvers
from exporter.views import status_document as view
from exporter.wire import address_message, arp, ip_packet, neighbor_message, vrrp_advertisement
from stack.guard import netlink
from stack.health import dns_question, link, world_question
from stack.preflight import env_file, port
from stack.tools import archive, gravity, overwrite_check, pihole_content, pihole_http, pinned
from stack.tools.errors import ToolError
from stack.unbound import allowed
from tests.fuzz import real_input as real
from tests.fuzz.mutations import MAXIMUM_BYTES
from tests.fuzz.standin_connection import answer
from tests.unit import samples

# Of what nobody but the kernel, the owner or our own recorder writes: longer is nobody's attack.
OWN_BYTES: Final = 4 << 10
# What the readers of the notifier's documents raise, and its callers catch.
NO_DOCUMENT: Final = (ParseError, KeyError, TypeError, ValueError, OverflowError, AttributeError)


@dataclass(frozen=True, slots=True)
class Parser:
    """One parser; whatever is not of ``errors`` is a fault of it."""

    name: str
    parse: Callable[[bytes], object]
    samples: tuple[bytes, ...]
    errors: tuple[type[Exception], ...] = (ParseError,)
    largest: int = MAXIMUM_BYTES


def parsers(folder: Path) -> Iterator[Parser]:
    """All of them; ``folder`` is for those that read files."""
    yield from _of_the_lan()
    yield from _of_the_other_node_and_clients()
    yield from _of_keepalived()
    yield from _of_the_kernel()
    yield from _of_alerts(folder)
    yield from _of_docker_and_pihole(folder)
    yield from _of_the_owner(folder)


def _of_the_kernel() -> Iterator[Parser]:
    changes = real.netlink()
    yield Parser("address messages", address_message.parse_address_messages, changes, (ParseError,), OWN_BYTES)
    yield Parser("guard's address changes", netlink.parse_changes, changes, ())
    yield Parser("neighbours", netlink.parse_neighbours, real.neighbours(), ())
    yield Parser("/proc/net/tcp", _text(lambda text: port.parse_table(text, "tcp", {53})), (real.TABLE,), ())


def _of_the_lan() -> Iterator[Parser]:
    query, answers = real.canary()
    wire, packets = query.to_wire(), real.packets()
    probe = arp.build_arp_probe(bytes(6), ipaddress.IPv4Address(samples.VIP))
    yield Parser("ARP", arp.parse_arp, (probe,))
    yield Parser("ARP's answers", lambda data: link._arp_answer(data, bytes(6)), (_arp_reply(probe),))
    yield Parser("IP packets", ip_packet.parse_ip_packet, packets)
    yield Parser("VRRP adverts", _after_ip(vrrp_advertisement.parse_advertisement), packets)
    yield Parser("neighbor adverts", _after_ip(neighbor_message.parse_neighbor_advertisement), (real.NEIGHBOR,))
    yield Parser("canary's answers", lambda data: dns_answer.evaluate(data, wire), answers, ())
    yield Parser("reply of a service", lambda data: dns_question.is_reply(data) and dns_question.identifier_of(data),
                 answers, ())  # fmt: skip
    yield Parser("world's answers", lambda data: world_question.read(data, wire), answers, ())


def _of_keepalived() -> Iterator[Parser]:
    yield Parser("keepalived's dump", keepalived_dump.parse_keepalived_dump, real.fixtures("keepalived/*/vrrp.json"))
    yield Parser("event log", _events, real.fixtures("keepalived/*/events.jsonl"), (), OWN_BYTES)
    yield Parser("VRRP counters", vrrp_state.parse_vrrp_state, (real.VRRP_STATE,))
    yield Parser("VIP counters", vip_state.parse_vip_state, (real.VIP_STATE,))
    yield Parser("health report", health_report.parse_health_report, (real.HEALTH,))
    yield Parser("processes' report", health_report.parse_processes, (real.PROCESSES,))
    yield Parser("advert filter's report", advert_filter.parse_advert_filter, (real.FILTER,))
    yield Parser("firewall's report", firewall.parse_firewall, (real.FIREWALL,))
    yield Parser("wire watch's report", wire_report.parse_wire_report, (real.WIRE,))


def _of_docker_and_pihole(folder: Path) -> Iterator[Parser]:
    listed, inspected = real.fixtures("docker/*/list.json"), real.fixtures("docker/*/inspect-*.json")
    yield Parser("containers", lambda data: container.parse_container(parse_json(data, "it"), "pihole"), inspected)
    yield Parser("list of containers", lambda data: container.find_containers(parse_json(data, "it"), ["a"]), listed)
    yield Parser("container events", container.parse_event, real.lines("docker/*/events.jsonl"))
    asked = pihole_http.Request("GET", "http://127.0.0.1/api/lists", time.monotonic(), 1.0)
    yield Parser("Pi-hole's ports", _text(web_port.parse), (b"80o,443os,[::]:80o,[::]:443os", b"127.0.0.1:8080"),
                 (ValueError,))  # fmt: skip
    yield Parser("Pi-hole's content", _content, (real.CONTENT,))
    yield Parser("Pi-hole's refusals", lambda data: pihole_http._refusal(asked, 400, data), (real.REFUSAL,), ())
    yield Parser("Pi-hole's figures", _figures, (real.FIGURES,), (ParseError, ToolError))
    yield Parser("Teleporter archives", _file(folder / "archive.zip", archive.inspect), (real.teleporter(),),
                 (ToolError,))  # fmt: skip
    pin = _file(folder / pinned.FILE, lambda path: pinned.pinned("https://127.0.0.1:9", path.parent))
    yield Parser("pinned certificate", pin, (real.PIN,), (ToolError,))
    yield Parser(
        "baseline of the last sync", _file(folder / "baseline", overwrite_check.read_baseline), (real.BASELINE,), ()
    )
    yield Parser("gravity's state", _file(folder / "gravity", gravity.read_state), (real.GRAVITY_STATE,), ())
    yield Parser("stamps", lambda data: stamp.parse_stamp(data, 1e9), (real.STAMP,))


def _of_the_other_node_and_clients() -> Iterator[Parser]:
    snapshot = Snapshot(samples.healthy(), (), Status.OK)
    document = view.build(snapshot.status, snapshot.checks, snapshot.verdict)
    yield Parser("status document", functools.partial(status_document.parse_peer, received_at=1.0), (document,))
    yield Parser("drop-in files", lambda data: allowed.review(data, ("canary.dnsha.example",)), (real.DROP_IN,))
    yield Parser("answers over HTTP", lambda data: client._parsed(data, "it"), (real.ANSWER,),
                 (client.FetchError,))  # fmt: skip
    yield Parser("requests over HTTP", answer, real.REQUESTS, ())
    yield Parser("passwords over HTTP", _text(basic_auth._credentials), (b"Basic b3duZXI6c2VjcmV0",), ())


def _of_alerts(folder: Path) -> Iterator[Parser]:
    yield Parser("Alertmanager's post", payload.parse, (real.POST,))
    yield Parser("Alertmanager's silences", lambda data: _silences(data, real.RULES).covering(), (real.SILENCES,), ())
    yield Parser("Prometheus' rules", lambda data: _silences(real.SILENCES, data).covering(), (real.RULES,), ())
    yield Parser("Alertmanager's alerts", lambda data: _silences(data, real.RULES).hidden(), (real.ALERTS,), ())
    yield Parser("what the other notifier told", peer._parse, (real.TOLD_BY_PEER,), NO_DOCUMENT)
    yield Parser("what was told and is owed", _file(folder / "told.json", store.Store), (real.TOLD,), ())


def _of_the_owner(folder: Path) -> Iterator[Parser]:
    crons = (b"30 3 * * *", b"*/5 0-6,12 1,15 jan mon-fri")
    yield Parser("cron", _text(cron.parse_cron), crons, (ValueError,), OWN_BYTES)
    env = _text(lambda text: env_file.parse_env(text, ".env"))
    yield Parser(".env", env, (real.ENV,), (ConfigurationError,), OWN_BYTES)
    yield Parser("networks", _text(parse.networks), real.NETWORKS[:1], (ValueError,), OWN_BYTES)
    yield Parser("virtual addresses", _text(parse.virtual_addresses), real.NETWORKS[1:2], (ValueError,), OWN_BYTES)
    yield Parser("endpoints", _text(parse.endpoints(53)), real.NETWORKS[2:], (ValueError,), OWN_BYTES)
    servers = (b"nameserver 9.9.9.9\nsearch lan\nnameserver ::1\n",)
    yield Parser("resolv.conf", _text(resolvers.parse_resolvers), servers, (), OWN_BYTES)
    web = _file(folder / "web.yaml", web_config.read)
    yield Parser("web configuration", web, (real.WEB,), (ConfigurationError,), OWN_BYTES)


def _text(read: Callable[[str], object]) -> Callable[[bytes], object]:
    return lambda data: read(data.decode("utf-8", "surrogateescape"))


def _file(path: Path, read: Callable[[Path], object]) -> Callable[[bytes], object]:
    def parse(data: bytes) -> object:
        path.write_bytes(data)
        return read(path)

    return parse


def _after_ip(read: Callable[[Any], object]) -> Callable[[bytes], object]:
    return lambda data: read(ip_packet.parse_ip_packet(data))


def _arp_reply(probe: bytes) -> bytes:
    """An answer to the interface whose hardware address is all zeros."""
    return probe[:6] + b"\0\x02" + probe[8:]


def _events(data: bytes) -> None:
    history = keepalived_events.History()
    for line in data.splitlines():
        try:
            history.add_line(line)
        except ParseError:
            continue


def _content(data: bytes) -> object:
    documents = parse_json(data, "it")  # each path's is the API's, the mapping our own
    return pihole_content.parse(documents) if isinstance(documents, dict) else None


def _figures(data: bytes) -> object:
    class StandinApi:
        url = "http://127.0.0.1"

        def get(self, path: str) -> Any:
            return parse_json(data, "it")

    api: Any = StandinApi()
    return gravity.figures(api)


def _silences(alertmanager: bytes, prometheus: bytes) -> silences.Silences:
    return silences.Silences(lambda _: parse_json(alertmanager, "it"), lambda _: parse_json(prometheus, "it"), dict)
