"""One query to a hostile server: over a real socket, to a real deadline."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from exporter.model.observations import Protocol
from exporter.parsers.dns_answer import RANDOM_LENGTH, Answer, CanaryQuestion, Failure, Verdict
from exporter.sources.dns_query import READS_AT_ONCE, DnsClient, DnsServer, Result
from tests.unit.network_namespace import in_network_namespace
from tests.unit.standin_dns_server import (
    NXDOMAIN,
    QR,
    RD,
    REFUSED,
    SERVFAIL,
    TC,
    Behaviour,
    Close,
    Pause,
    Send,
    StandinDnsServer,
    answers_as,
    good,
    port_without_server,
    reply,
    sends,
    silent,
    txt,
    with_another_id,
    with_another_label,
)

TIMEOUT = 0.1  # of one query
MOMENT = 0.5  # what a busy machine may add before it shows
BOTH: tuple[Protocol, ...] = ("udp", "tcp")
QUESTION = CanaryQuestion("canary.dnsha.example")


@dataclass
class Asked:
    verdict: Verdict
    seconds: float

    @property
    def reason(self) -> str:
        assert isinstance(self.verdict, Failure), self.verdict
        return self.verdict.reason


def ask(port: int, protocol: Protocol, *, host: str = "127.0.0.1", timeout: float = TIMEOUT) -> Asked:
    client: DnsClient[str] = DnsClient()
    began = time.monotonic()
    client.ask("it", DnsServer(host, port, "ipv6" if ":" in host else "ipv4", protocol), new_query(), timeout)
    try:
        while time.monotonic() < began + timeout + 5:
            for result in client.wait(timeout):
                assert result.ticket == "it"
                return Asked(result.verdict, result.at - began)
    finally:
        client.close()
    pytest.fail("the query never ended")


def ask_standin(behaviour: Behaviour, protocol: Protocol, *, timeout: float = TIMEOUT) -> Asked:
    with StandinDnsServer(behaviour) as server:
        return ask(server.port, protocol, timeout=timeout)


def new_query() -> bytes:
    return QUESTION.query(os.urandom(RANDOM_LENGTH))


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_good_answer_is_good(protocol: Protocol, host: str) -> None:
    with StandinDnsServer(answers_as("node-b"), host=host) as server:
        asked = ask(server.port, protocol, host=host, timeout=2)
    assert asked.verdict == Answer("node-b")
    assert 0 < asked.seconds < 1


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize("rcode, name", [(SERVFAIL, "SERVFAIL"), (NXDOMAIN, "NXDOMAIN"), (REFUSED, "REFUSED")])
def test_a_refusing_server_is_believed_at_once(protocol: Protocol, rcode: int, name: str) -> None:
    asked = ask_standin(sends(lambda query: reply(query, rcode=rcode)), protocol, timeout=2)
    assert isinstance(asked.verdict, Failure)
    assert (asked.verdict.reason, asked.verdict.rcode) == ("rcode", name)
    assert asked.seconds < 1


@pytest.mark.parametrize("protocol", BOTH)
def test_silence_ends_at_the_deadline(protocol: Protocol) -> None:
    asked = ask_standin(silent, protocol)
    assert asked.reason == "timeout"
    assert TIMEOUT <= asked.seconds < TIMEOUT + MOMENT


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_port_without_a_server_is_known_at_once(protocol: Protocol, host: str) -> None:
    asked = ask(port_without_server(), protocol, host=host, timeout=5)
    assert asked.reason == "refused"
    assert asked.seconds < 1


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize(
    "forged",
    [lambda query: good(with_another_id(query), "evil"), lambda query: good(with_another_label(query), "evil")],
)
def test_forged_replies_are_ignored_and_the_right_one_is_taken(
    protocol: Protocol, forged: Callable[[bytes], bytes]
) -> None:
    asked = ask_standin(sends(forged, forged, lambda query: good(query, "node-a")), protocol, timeout=2)
    assert asked.verdict == Answer("node-a")


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize(
    "forged",
    [lambda query: good(with_another_id(query), "evil"), lambda query: good(with_another_label(query), "evil")],
)
def test_only_forged_replies_are_a_mismatch_at_the_deadline(
    protocol: Protocol, forged: Callable[[bytes], bytes]
) -> None:
    asked = ask_standin(sends(forged), protocol)
    assert asked.reason == "mismatch"
    assert asked.seconds >= TIMEOUT


def test_a_reply_from_another_port_is_not_seen() -> None:
    asked = ask_standin(lambda query: [Send(good(query, "evil"), from_elsewhere=True)], "udp")
    assert asked.reason == "timeout"


def test_a_flood_of_forged_replies_neither_blocks_nor_extends_the_deadline() -> None:
    flooding = threading.Event()

    def flood(query: bytes) -> list[Send | Pause]:
        flooding.set()
        return [Pause(0.0), *[Send(good(with_another_id(query), "evil"))] * 100_000]

    asked = ask_standin(flood, "udp")
    assert flooding.is_set()
    assert asked.reason == "mismatch"
    assert asked.seconds < TIMEOUT + MOMENT


@pytest.mark.parametrize("protocol", BOTH)
def test_a_truncated_answer_is_a_failure(protocol: Protocol) -> None:
    assert ask_standin(sends(lambda query: reply(query, flags=QR | RD | TC)), protocol, timeout=2).reason == "truncated"


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize("garbage", [b"", b"\0", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\xff" * 600])
def test_garbage_is_waited_past(protocol: Protocol, garbage: bytes) -> None:
    asked = ask_standin(sends(lambda query: garbage, good), protocol, timeout=2)
    assert asked.verdict == Answer("node-a")


def test_an_empty_datagram_alone_is_malformed_at_the_deadline() -> None:
    asked = ask_standin(sends(lambda query: b""), "udp")
    assert asked.reason == "malformed"
    assert asked.seconds >= TIMEOUT


@pytest.mark.parametrize("protocol", BOTH)
def test_a_huge_answer_is_malformed_and_not_read_to_its_end(protocol: Protocol) -> None:
    asked = ask_standin(sends(lambda query: good(query) + bytes(60_000)), protocol, timeout=2)
    assert asked.reason == "malformed"
    assert asked.seconds < 1


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize("records", [[], [txt(b"\xff" * 255)], [txt(b'a"} 1\n')]])
def test_an_answer_without_a_node_name_is_no_answer(protocol: Protocol, records: list[bytes]) -> None:
    assert ask_standin(sends(lambda query: reply(query, *records)), protocol, timeout=2).reason == "no_answer"


@pytest.mark.parametrize("protocol", BOTH)
def test_a_late_answer_does_not_reach_the_next_query(protocol: Protocol) -> None:
    with StandinDnsServer(lambda query: [Pause(1.5 * TIMEOUT), Send(good(query, "late"))]) as server:
        assert ask(server.port, protocol).reason == "timeout"
        server.behaviour = answers_as("prompt")
        time.sleep(TIMEOUT)
        assert ask(server.port, protocol, timeout=2).verdict == Answer("prompt")


@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize("sent", [b"", b"\0", b"\0\x40half"])
def test_a_connection_that_ends_early_is_closed(reset: bool, sent: bytes) -> None:
    asked = ask_standin(lambda query: [Send(sent, raw=True), Close(reset=reset)], "tcp", timeout=2)
    assert asked.reason == "closed"
    assert asked.seconds < 1


def test_a_connection_that_ends_after_a_forged_reply_is_a_mismatch() -> None:
    asked = ask_standin(lambda query: [Send(good(with_another_id(query))), Close()], "tcp", timeout=2)
    assert asked.reason == "mismatch"


def test_a_server_that_drips_cannot_extend_the_deadline() -> None:
    def drip(query: bytes) -> list[Send | Pause]:
        message = good(query)
        framed = len(message).to_bytes(2, "big") + message
        return [step for byte in framed for step in (Send(bytes([byte]), raw=True), Pause(TIMEOUT / 4))]

    asked = ask_standin(drip, "tcp")
    assert asked.reason == "timeout"
    assert asked.seconds < TIMEOUT + MOMENT


def test_an_answer_in_single_bytes_is_good_if_it_is_in_time() -> None:
    def hesitate(query: bytes) -> list[Send | Pause]:
        message = good(query)
        framed = len(message).to_bytes(2, "big") + message
        return [step for byte in framed for step in (Send(bytes([byte]), raw=True), Pause(0.001))]

    assert ask_standin(hesitate, "tcp", timeout=5).verdict == Answer("node-a")


@pytest.mark.parametrize("length", [b"\xff\xff", b"\x04\xd1"])
def test_a_length_that_makes_no_sense_is_malformed_at_once(length: bytes) -> None:
    asked = ask_standin(lambda query: [Send(length, raw=True)], "tcp", timeout=2)
    assert asked.reason == "malformed"
    assert asked.seconds < 1


def test_a_length_of_nothing_is_waited_past() -> None:
    asked = ask_standin(lambda query: [Send(b"\0\0\0\0", raw=True), Send(good(query))], "tcp", timeout=2)
    assert asked.verdict == Answer("node-a")


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize(
    "number, reason",
    [
        (errno.ENETUNREACH, "unreachable"),
        (errno.EHOSTUNREACH, "unreachable"),
        (errno.EPERM, "local"),
        (errno.EADDRNOTAVAIL, "local"),
        (errno.EAGAIN, "local"),
        (errno.ETIMEDOUT, "timeout"),
        (errno.EPROTO, "network"),
    ],
)
def test_what_the_kernel_says_while_connecting_is_told_by_reason(
    monkeypatch: pytest.MonkeyPatch, protocol: Protocol, number: int, reason: str
) -> None:
    class RefusingSocket(socket.socket):
        def connect(self, address: object) -> None:
            raise OSError(number, os.strerror(number))

        def connect_ex(self, address: object) -> int:
            return number

    monkeypatch.setattr("exporter.sources.dns_query.socket.socket", RefusingSocket)
    assert ask(53, protocol).reason == reason


@pytest.mark.parametrize("protocol", BOTH)
def test_a_host_without_a_free_descriptor_is_told_as_local(monkeypatch: pytest.MonkeyPatch, protocol: Protocol) -> None:
    def no_socket(*_: object) -> socket.socket:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr("exporter.sources.dns_query.socket.socket", no_socket)
    asked = ask(53, protocol)
    assert asked.reason == "local"
    assert isinstance(asked.verdict, Failure)
    assert "Too many open files" in asked.verdict.error


def test_an_answer_waiting_in_its_socket_is_not_late_after_this_process_stopped() -> None:
    with StandinDnsServer(answers_as("node-a")) as server:
        client: DnsClient[None] = DnsClient()
        client.ask(None, DnsServer("127.0.0.1", server.port, "ipv4", "udp"), new_query(), 0.1)
        time.sleep(0.2)
        (result,) = client.wait(0)
    assert result.verdict == Answer("node-a")


def test_a_query_does_not_expire_in_a_pause_before_its_socket_was_read() -> None:
    times = iter([0.0, 0.05, 10.0, 10.0, 10.0])  # asked; a look begins, this process is stopped, goes on; a look
    with StandinDnsServer(silent) as server:
        client: DnsClient[None] = DnsClient(monotonic=lambda: next(times))
        client.ask(None, DnsServer("127.0.0.1", server.port, "ipv4", "udp"), new_query(), 0.1)
        assert client.wait(0) == []
        (result,) = client.wait(0)
    assert isinstance(result.verdict, Failure)
    assert result.verdict.reason == "timeout"


def test_the_replies_that_wait_in_one_socket_are_read_in_parts() -> None:
    forged = [lambda query: good(with_another_id(query), "evil")] * (2 * READS_AT_ONCE)
    with StandinDnsServer(sends(*forged, good)) as server:
        client: DnsClient[None] = DnsClient()
        client.ask(None, DnsServer("127.0.0.1", server.port, "ipv4", "udp"), new_query(), 5)
        time.sleep(0.1)  # for all of them to be there
        assert client.wait(0) == []
        assert client.wait(0) == []
        (result,) = client.wait(5)
    assert result.verdict == Answer("node-a")


def test_many_queries_are_under_way_at_once_and_each_ends_by_itself() -> None:
    with StandinDnsServer(silent) as mute, StandinDnsServer(answers_as("node-a")) as server:
        client: DnsClient[str] = DnsClient()
        for number in range(10):
            client.ask(f"mute {number}", DnsServer("127.0.0.1", mute.port, "ipv4", "tcp"), new_query(), TIMEOUT)
            client.ask(f"good {number}", DnsServer("127.0.0.1", server.port, "ipv4", "udp"), new_query(), 5)
        results: list[Result[str]] = []
        deadline = time.monotonic() + 5
        while len(results) < 20 and time.monotonic() < deadline:
            results += client.wait(1)
        client.close()
    ended = {result.ticket: result.verdict for result in results}
    assert len(ended) == len(results) == 20
    assert {ended[f"good {number}"] for number in range(10)} == {Answer("node-a")}
    assert all(isinstance(ended[f"mute {number}"], Failure) for number in range(10))
    assert [result.ticket[:4] for result in results] == ["good"] * 10 + ["mute"] * 10


def test_waiting_without_a_query_ends_in_time() -> None:
    client: DnsClient[None] = DnsClient()
    began = time.monotonic()
    assert client.wait(0.05) == []
    assert 0.04 < time.monotonic() - began < 0.05 + MOMENT


def test_closing_gives_up_what_is_under_way_and_leaves_no_descriptor() -> None:
    with StandinDnsServer(silent) as server:
        before = open_descriptors()
        client: DnsClient[None] = DnsClient()
        client.ask(None, DnsServer("127.0.0.1", server.port, "ipv4", "udp"), new_query(), 60)
        assert open_descriptors() == before + 1
        client.close()
        assert open_descriptors() == before


def test_a_server_is_named_with_port_and_protocol() -> None:
    assert str(DnsServer("192.0.2.53", 53, "ipv4", "udp")) == "192.0.2.53:53 (udp)"
    assert str(DnsServer("2001:db8::53", 5335, "ipv6", "tcp")) == "[2001:db8::53]:5335 (tcp)"


@in_network_namespace
def test_an_ipv4_address_of_this_host_is_asked_from_loopback_and_any_other_is_not(tmp_path: Path) -> None:
    """So that Pi-hole's dns.ignoreLocalhost holds for a virtual IP while it is here, whatever its prefix length."""
    for command in (
        "ip link set lo up",
        "ip link add here type veth peer name there",
        "ip address add 198.51.100.1/24 dev here",
        "ip address add 198.51.100.53/24 dev here",
        "ip address add 192.0.2.53/32 dev here",
        "ip link set here up",
        # Some keepalived guides tell people to set it.
        "sysctl --quiet --write net.ipv4.ip_nonlocal_bind=1",
    ):
        subprocess.run(command.split(), check=True)
    client: DnsClient[str] = DnsClient()
    for virtual in ("192.0.2.53", "198.51.100.53"):
        with socket.socket(type=socket.SOCK_DGRAM) as udp, socket.socket() as tcp:
            for server in (udp, tcp):
                server.settimeout(5)
                server.bind((virtual, 5300))
            tcp.listen()
            for protocol in BOTH:
                client.ask("own", DnsServer(virtual, 5300, "ipv4", protocol), new_query(), TIMEOUT)
            assert udp.recvfrom(512)[1][0] == "127.0.0.1"
            connection, asker = tcp.accept()
            connection.close()
            assert asker[0] == "127.0.0.1"

    # Nobody is there, but the query must not leave with a loopback address.
    client.ask("other", DnsServer("198.51.100.2", 5300, "ipv4", "udp"), new_query(), TIMEOUT)
    table = [line.split() for line in Path("/proc/self/net/udp").read_text().splitlines()]
    assert [line[1].partition(":")[0] for line in table if line[2] == "026433C6:14B4"] == ["016433C6"]
    client.close()


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
