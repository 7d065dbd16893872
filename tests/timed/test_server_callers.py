"""Seats for this machine, the peer and anybody: nobody takes another's, nor the queue before them."""

from __future__ import annotations

import contextlib
import errno
import http.client
import ipaddress
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.http import callers
from exporter.http.callers import ANYBODY, PEER, THIS_MACHINE
from exporter.http.seats import host_of
from exporter.http.server import HttpServer, ListenError
from tests.lab.waiting import wait_for
from tests.unit.network_namespace import in_network_namespace, ip

# On loopback: what does not come from the address it goes to is a stranger.
OTHER_NODE, STRANGERS = "127.0.0.9", [f"127.0.1.{number}" for number in range(1, 9)]


def make(host: str = "127.0.0.1", peer: str | None = OTHER_NODE) -> HttpServer:
    return HttpServer(
        host, 0, {"/": lambda *_: (b"ok", "text/plain")}, peer=ipaddress.ip_address(peer) if peer else None
    )


@contextlib.contextmanager
def serving(server: HttpServer) -> Iterator[HttpServer]:
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


@pytest.fixture
def server() -> Iterator[HttpServer]:
    with serving(make()) as one:
        yield one


@pytest.fixture
def held() -> Iterator[list[socket.socket]]:
    connections: list[socket.socket] = []
    yield connections
    for connection in connections:
        connection.close()


def connect(server: HttpServer, source: str, target: str = "127.0.0.1") -> socket.socket:
    return socket.create_connection((target, server.server_port), timeout=5, source_address=(source, 0))


def answer(server: HttpServer, source: str, target: str = "127.0.0.1") -> bytes:
    connection = http.client.HTTPConnection(target, server.server_port, timeout=5, source_address=(source, 0))
    try:
        connection.request("GET", "/")
        return connection.getresponse().read()
    except ConnectionError:
        return b"refused"
    finally:
        connection.close()


def fill(server: HttpServer, source: str, number: int, held: list[socket.socket], target: str = "127.0.0.1") -> None:
    """Hold connections that say nothing, and wait until each has its seat."""
    before = taken(server)
    held += [connect(server, source, target) for _ in range(number)]
    wait_for("the seats", lambda: taken(server), until=lambda seen: seen == before + number, timeout=15)


def taken(server: HttpServer) -> int:
    return sum(seats.taken for seats in server.seats.values())


def test_one_host_does_not_take_the_seats_of_another(server: HttpServer, held: list[socket.socket]) -> None:
    fill(server, STRANGERS[0], ANYBODY.each, held)
    assert answer(server, STRANGERS[0]) == b"refused"
    assert answer(server, STRANGERS[1]) == b"ok"


def test_all_strangers_together_leave_the_peer_and_this_machine_theirs(
    server: HttpServer, held: list[socket.socket]
) -> None:
    for stranger in STRANGERS[: ANYBODY.connections // ANYBODY.each]:
        fill(server, stranger, ANYBODY.each, held)
    assert answer(server, STRANGERS[-1]) == b"refused"
    assert [answer(server, source) for source in (OTHER_NODE, "127.0.0.1")] == [b"ok", b"ok"]


def test_the_peer_cannot_take_this_machine_s_seats_nor_the_strangers(
    server: HttpServer, held: list[socket.socket]
) -> None:
    fill(server, OTHER_NODE, PEER.connections, held)
    assert answer(server, OTHER_NODE) == b"refused"
    assert [answer(server, source) for source in (STRANGERS[0], "127.0.0.1")] == [b"ok", b"ok"]


def test_this_machine_has_seats_for_all_that_runs_on_it(server: HttpServer, held: list[socket.socket]) -> None:
    fill(server, "127.0.0.1", THIS_MACHINE.connections - 1, held)
    assert answer(server, "127.0.0.1") == b"ok"


def test_a_queue_that_strangers_have_filled_is_not_the_one_others_wait_in(held: list[socket.socket]) -> None:
    """The kernel's queue: nobody takes connections yet, as if the program had no time to."""
    server = make()
    strangers = overflow(server, STRANGERS[0], socket.AF_INET, "127.0.0.1")
    held += [*strangers, *(connect(server, source) for source in (OTHER_NODE, "127.0.0.1"))]
    with serving(server):
        assert [answer(server, source) for source in (OTHER_NODE, "127.0.0.1")] == [b"ok", b"ok"]


def overflow(server: HttpServer, source: str, family: socket.AddressFamily, target: str) -> list[socket.socket]:
    """Begin more connections than the strangers' queue holds."""
    begun = []
    for _ in range(ANYBODY.backlog + 50):
        one = socket.socket(family)
        one.setblocking(False)
        one.bind((source, 0))
        with contextlib.suppress(BlockingIOError):
            one.connect((target, server.server_port))
        begun.append(one)
    time.sleep(0.1)
    with socket.socket(family) as late:
        late.settimeout(0.3)
        late.bind((source, 0))
        with pytest.raises(TimeoutError):
            late.connect((target, server.server_port))
    return begun


def usable(address: str) -> bool:
    """Whether an IPv6 address of this host is: the kernel adds its route a moment after the address."""
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as one:
        one.settimeout(0.1)
        try:
            one.bind((address, 0))
            one.sendto(b"x", one.getsockname())
            return one.recv(1) == b"x"
        except OSError:
            return False


@in_network_namespace
def test_over_ipv6_a_host_is_its_64_and_the_peer_has_its_seats_too(tmp_path: Path) -> None:
    own, other_node, stranger, neighbour = "2001:db8::11", "2001:db8::12", "2001:db8:1::1", "2001:db8:1:0:ffff::2"
    addresses = (own, other_node, stranger, neighbour)
    ip("link set lo up", *(f"address add {each}/128 dev lo nodad" for each in addresses))
    wait_for("the addresses", lambda: all(map(usable, addresses)), timeout=15)
    held: list[socket.socket] = []
    server = make("", other_node)
    held += overflow(server, "2001:db8:1::1", socket.AF_INET6, own)
    held += [connect(server, source, own) for source in (other_node, own)]
    for connection in held:
        connection.close()
    with serving(server):
        wait_for("no seat", lambda: taken(server), until=lambda seen: seen == 0, timeout=15)
        fill(server, stranger, ANYBODY.each, held, own)
        assert answer(server, neighbour, own) == b"refused"
        fill(server, other_node, PEER.connections, held, own)
        assert [answer(server, own, own), answer(server, "::1", "::1")] == [b"ok", b"ok"]
        assert answer(server, "127.0.0.1", "127.0.0.1") == b"ok"
        # The peer's seats are for its one address.
        assert answer(server, "127.0.0.9", "127.0.0.1") == b"ok"
        for connection in held:
            connection.close()


@in_network_namespace
def test_a_peer_over_ipv4_is_known_where_both_families_are_served_by_one_socket(tmp_path: Path) -> None:
    ip("link set lo up")
    held: list[socket.socket] = []
    server = make("", OTHER_NODE)
    held += overflow(server, STRANGERS[0], socket.AF_INET, "127.0.0.1")
    held += [connect(server, source) for source in (OTHER_NODE, "127.0.0.1")]
    with serving(server):
        assert [answer(server, source) for source in (OTHER_NODE, "127.0.0.1")] == [b"ok", b"ok"]
        for connection in held:
            connection.close()


def test_without_a_peer_there_are_strangers_and_this_machine(held: list[socket.socket]) -> None:
    with serving(make(peer=None)) as server:
        fill(server, OTHER_NODE, ANYBODY.each, held)
        assert [answer(server, source) for source in (OTHER_NODE, "127.0.0.1")] == [b"refused", b"ok"]


def test_a_kernel_that_cannot_choose_serves_all_as_strangers_and_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(callers, "_ATTACH_REUSEPORT_CBPF", 9999)
    with serving(make()) as server:
        assert [answer(server, source) for source in ("127.0.0.1", OTHER_NODE, STRANGERS[0])] == [b"ok"] * 3
    assert os.strerror(errno.ENOPROTOOPT) in caplog.text
    assert "takes Linux 4.6" in caplog.text


def test_a_port_that_somebody_shares_is_in_use_all_the_same() -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(ListenError, match="Address already in use"):
            HttpServer("127.0.0.1", other.getsockname()[1], {})


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
    ],
)
def test_a_host_is_an_ipv4_address_or_a_64(address: str, host: str) -> None:
    assert host_of(address) == host
