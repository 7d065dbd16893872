"""Given dnsdist as layout B ships it before two stand-ins for Pi-hole, when one is lost, then clients hardly notice."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Final

import pytest

from exporter.settings.table import SETTINGS
from tests.lab.dnsdist import dnsdist, why_not
from tests.lab.query_sampler import QuerySampler, Record
from tests.lab.waiting import wait_for
from tests.unit.network_namespace import in_network_namespace, ip
from tests.unit.standin_dns_server import (
    NXDOMAIN,
    REFUSED,
    SERVFAIL,
    Behaviour,
    StandinDnsServer,
    answers_as,
    reply,
    sends,
    silent,
)

SERVER, SERVER6 = "192.0.2.53", "2001:db8::53"
CLIENT, CLIENT6 = "192.0.2.77", "2001:db8::77"
PORTS: Final = (5301, 5302)
ZONE: Final = next(str(setting.default) for setting in SETTINGS if setting.key == "canary_zone")
FIRST, SECOND = "first", "second"
A, TXT, AAAA, OPT, CLIENT_SUBNET = 1, 16, 28, 41, 8
DNSSEC_OK = 0x8000
# The longest that the health check of dnsdist 1.9 takes to put a server down or up again: two looks, a second apart.
NOTICED_SECONDS = 6.0


@pytest.fixture(scope="module", autouse=True)
def _dnsdist_here() -> None:
    reason = why_not()
    if reason is not None and os.environ.get("CI"):
        pytest.fail(reason, pytrace=False)
    if reason is not None:
        pytest.skip(reason)


class Node:
    """dnsdist and the two stand-ins behind it, on the addresses of this network namespace."""

    def __init__(self, stack: contextlib.ExitStack) -> None:
        self.servers: list[StandinDnsServer] = []
        self._running: list[contextlib.ExitStack] = []
        for name, port in zip((FIRST, SECOND), PORTS, strict=True):
            running = stack.enter_context(contextlib.ExitStack())
            self.servers.append(running.enter_context(StandinDnsServer(answers_as(name), port=port)))
            self._running.append(running)

    @property
    def seen(self) -> list[bytes]:
        """What clients' questions have become, without dnsdist's own."""
        return [query for server in self.servers for query in server.queries if b"\x07dnsdist" not in query]

    def all_behave(self, behaviour: Behaviour) -> None:
        for server in self.servers:
            server.behaviour = behaviour

    def stop_first(self) -> None:
        """Close its port, so that the kernel refuses what is sent there."""
        self._running[0].close()


@contextlib.contextmanager
def node(tmp_path: Path) -> Iterator[Node]:
    ip("link set lo up", *(f"address add {address}/64 dev lo nodad" for address in (SERVER6, CLIENT6)))
    ip(*(f"address add {address}/24 dev lo" for address in (SERVER, CLIENT)))
    environment = {
        "CLIENT_NETWORKS": "127.0.0.0/8,192.0.2.0/24,2001:db8::/32",
        "PIHOLE_PORTS": ",".join(map(str, PORTS)),
        "CANARY_ZONE": ZONE,
        "NODE_IP": f"{SERVER}/24",
    }
    with contextlib.ExitStack() as stack:
        made = Node(stack)
        stack.enter_context(dnsdist(tmp_path / "dnsdist.log", **environment))
        wait_for("dnsdist to answer", lambda: ask(question("ready.example")) is not None, timeout=15.0, every=0.1)
        for server in made.servers:
            server.queries.clear()
        yield made


# What a client sends.


def question(name: str, kind: int = TXT, additional: bytes = b"", records: int = 0) -> bytes:
    wire = b"".join(bytes([len(label)]) + label.encode() for label in [*name.split("."), ""])
    return struct.pack("!6H", 0x1234, 0x0100, 1, 0, 0, records) + wire + struct.pack("!2H", kind, 1) + additional


def option(code: int, data: bytes, length: int | None = None) -> bytes:
    return struct.pack("!2H", code, len(data) if length is None else length) + data


def subnet(family: int, prefix: int, address: bytes) -> bytes:
    return option(CLIENT_SUBNET, struct.pack("!HBB", family, prefix, 0) + address)


def opt(*options: bytes, version: int = 0, flags: int = 0, length: int | None = None) -> bytes:
    data = b"".join(options)
    return b"\0" + struct.pack("!HHBBHH", OPT, 4096, 0, version, flags, len(data) if length is None else length) + data


POSE = subnet(1, 32, ip_address("192.0.2.99").packed)
# What FTL takes for a client's hardware address, as bytes and as text (src/edns0.c, v6.4.1).
MAC = option(65001, bytes(range(6)))
MAC_TEXT = option(65073, b"02:00:00:00:00:01")
WELL_FORMED: Final = {
    "no EDNS": b"",
    "EDNS without an option": opt(),
    "no subnet at all, 0/0": opt(subnet(1, 0, b"")),
    "the node itself": opt(subnet(1, 32, ip_address("127.0.0.1").packed)),
    "another client": opt(POSE),
    "another client's network": opt(subnet(1, 24, ip_address("192.0.2.0").packed[:3])),
    "another client over IPv6": opt(subnet(2, 128, ip_address("2001:db8::99").packed)),
    "two other clients": opt(POSE, POSE),
    "a hardware address": opt(MAC, MAC_TEXT),
    "a cookie before another client": opt(option(10, b"12345678"), POSE),
    "an unknown option of no length": opt(option(65500, b""), POSE),
    "another version of EDNS": opt(POSE, version=1),
    "an unknown address family": opt(subnet(7, 32, b"1234")),
    "a cookie of a wrong length": opt(option(10, b"12345")),
}
MALFORMED: Final = {
    "a subnet of two bytes": opt(option(CLIENT_SUBNET, b"\0\1")),
    "a subnet that says it is longer": opt(option(CLIENT_SUBNET, b"\0\1\x20\0", length=400)),
    "an OPT record that says it is longer": opt(POSE, length=400),
    "an OPT record that says it is shorter": opt(POSE, POSE, length=len(POSE)),
    "two OPT records": opt(POSE) + opt(POSE),
    "a record before OPT": b"\0" + struct.pack("!HHIH", A, 1, 0, 4) + b"1234" + opt(POSE),
}


def ask(
    message: bytes, client: str = CLIENT, *, server: str | None = None, tcp: bool = False, timeout: float = 1.0
) -> bytes | None:
    """The answer to a message; None without one."""
    family = socket.AF_INET6 if ":" in client else socket.AF_INET
    target = server or (SERVER6 if ":" in client else SERVER)
    with socket.socket(family, socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM) as channel:
        channel.settimeout(timeout)
        channel.bind((client, 0))
        try:
            channel.connect((target, 53))
            channel.sendall(struct.pack("!H", len(message)) + message if tcp else message)
            answer = channel.recv(4096)
        except OSError:
            return None
        return (answer[2:] if tcp else answer) or None


# What a server sees, taken apart by hand.


def end_of_question(message: bytes) -> int:
    end = 12
    while message[end]:
        end += 1 + message[end]
    return end + 5


def options_seen(message: bytes) -> tuple[int, int, list[tuple[int, bytes]]]:
    """EDNS version, flags and options of a question that has one OPT record and nothing else whatever."""
    assert struct.unpack_from("!4H", message, 4) == (1, 0, 0, 1)
    record = message[end_of_question(message) :]
    root, kind, _, _, version, flags, length = struct.unpack_from("!BHHBBHH", record)
    assert (root, kind, length) == (0, OPT, len(record) - 11)
    found, rest = [], record[11:]
    while rest:
        code, size = struct.unpack_from("!2H", rest)
        assert len(rest) >= 4 + size
        found.append((code, rest[4 : 4 + size]))
        rest = rest[4 + size :]
    return version, flags, found


def whole(client: str) -> tuple[int, bytes]:
    """The client subnet option (RFC 7871, 6) that says a whole address."""
    address = ip_address(client)
    return CLIENT_SUBNET, struct.pack("!HBB", {4: 1, 6: 2}[address.version], address.max_prefixlen, 0) + address.packed


@in_network_namespace
def test_pihole_sees_the_client_s_whole_address_whatever_the_client_says_of_it(tmp_path: Path) -> None:
    with node(tmp_path) as made:
        for client in (CLIENT, CLIENT6):
            for tcp in (False, True):
                for said, additional in (WELL_FORMED | MALFORMED).items():
                    what = f"{said}, {client}, {'TCP' if tcp else 'UDP'}"
                    records = 0 if not additional else 2 if said in {"two OPT records", "a record before OPT"} else 1
                    before = len(made.seen)
                    answer = ask(
                        question("ads.example", additional=additional, records=records), client, tcp=tcp, timeout=0.3
                    )
                    if said in WELL_FORMED:
                        assert answer is not None, what
                        assert len(made.seen) == before + 1, what
                    for query in made.seen[before:]:
                        assert options_seen(query) == (0, 0, [whole(client)]), what


@in_network_namespace
def test_what_a_client_wants_of_dnssec_reaches_pihole_and_no_subnet_comes_back(tmp_path: Path) -> None:
    with node(tmp_path) as made:
        answer = ask(question("signed.example", additional=opt(flags=DNSSEC_OK), records=1))
        assert [options_seen(query) for query in made.seen] == [(0, DNSSEC_OK, [whole(CLIENT)])]
        assert answer is not None
        assert whole(CLIENT)[1] not in answer
        plain = ask(question("plain.example"))
        assert plain is not None
        assert plain[10:12] == b"\0\0", "a client without EDNS gets an answer without"


@in_network_namespace
def test_pi_hole_is_this_node_for_clients(tmp_path: Path) -> None:
    with node(tmp_path) as made:
        address, other = ask(question("pi.hole", A)), ask(question("pi.hole", AAAA))
        assert address is not None
        assert address.endswith(struct.pack("!H", 4) + ip_address(SERVER).packed)
        assert other is not None
        assert (other[3] & 15, other[6:8]) == (0, b"\0\0"), "there is the name, and it has no IPv6 address"
        assert made.seen == []


@contextlib.contextmanager
def client(interval: float) -> Iterator[list[Record]]:
    """Somebody who asks every so many seconds; a question has a second."""
    sampler = QuerySampler(SERVER, interval, 1.0)
    stop, tell = os.pipe()
    thread = threading.Thread(target=sampler.run, args=(stop,))
    thread.start()
    try:
        yield sampler.records
    finally:
        os.close(tell)
        thread.join()
        os.close(stop)


def runs(records: list[Record]) -> list[int]:
    """How many questions in a row were lost, each time."""
    text = "".join("." if answered is None else " " for _, answered, *_ in records)
    return [len(run) for run in text.split()]


def lose_the_first(tmp_path: Path, how: Callable[[Node], None]) -> None:
    """Lose the first Pi-hole in the middle of questions, and look what clients lose."""
    with node(tmp_path) as made:
        with client(0.02) as questions, client(0.1) as checks:
            time.sleep(1.0)
            how(made)
            time.sleep(NOTICED_SECONDS)
        assert {name for *_, name in questions} >= {FIRST, SECOND}, "the first one was asked before"
        # Measured: one, and none when it says SERVFAIL. keepalived's check gives up after four in a row.
        assert sum(runs(questions)) <= 8
        assert max(runs(checks), default=0) <= 2
        assert {name for *_, name in questions[-50:]} == {SECOND}


def first_behaves(behaviour: Behaviour) -> Callable[[Node], None]:
    def change(made: Node) -> None:
        made.servers[0].behaviour = behaviour

    return change


def says(rcode: int) -> Behaviour:
    return sends(lambda query: reply(query, rcode=rcode))


@in_network_namespace
def test_a_stopped_pihole_costs_a_question_or_two(tmp_path: Path) -> None:
    lose_the_first(tmp_path, Node.stop_first)


@in_network_namespace
def test_a_pihole_that_hangs_costs_a_question_or_two(tmp_path: Path) -> None:
    lose_the_first(tmp_path, first_behaves(silent))


@in_network_namespace
def test_a_pihole_that_says_servfail_costs_next_to_nothing(tmp_path: Path) -> None:
    lose_the_first(tmp_path, first_behaves(says(SERVFAIL)))


@in_network_namespace
def test_a_pihole_that_refuses_to_answer_costs_next_to_nothing(tmp_path: Path) -> None:
    lose_the_first(tmp_path, first_behaves(says(REFUSED)))


@in_network_namespace
def test_a_failure_of_both_is_told_after_both_were_asked_once(tmp_path: Path) -> None:
    with node(tmp_path) as made:
        for tcp in (False, True):
            for rcode, asked in ((SERVFAIL, 2), (NXDOMAIN, 1)):
                made.all_behave(says(rcode))
                before = len(made.seen)
                answer = ask(question("bogus.example"), tcp=tcp)
                assert answer is not None
                assert answer[3] & 15 == rcode
                assert len(made.seen) == before + asked
                for query in made.seen[before:]:
                    assert options_seen(query) == (0, 0, [whole(CLIENT)])


@in_network_namespace
def test_a_node_whose_piholes_were_both_silent_answers_again(tmp_path: Path) -> None:
    with node(tmp_path) as made:
        made.all_behave(silent)
        with client(0.02) as questions:
            time.sleep(NOTICED_SECONDS)
        assert questions[-1][3] is None
        made.all_behave(answers_as(SECOND))
        wait_for("an answer", lambda: ask(question("back.example"), timeout=0.2) is not None, timeout=NOTICED_SECONDS)
        time.sleep(NOTICED_SECONDS)
        with client(0.02) as questions:
            time.sleep(1.0)
        assert runs(questions) == []
