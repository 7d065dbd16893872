"""What one request may cost: bytes of its head, and time, to ask and to take the answer."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from exporter.http import handler
from exporter.http.handler import MAXIMUM_HEAD_BYTES
from exporter.http.server import HttpServer
from tests.lab.waiting import wait_for

LARGE = b"x" * (16 << 20)
LINE, END = b"GET / HTTP/1.1\r\n", b"\r\n\r\n"


@pytest.fixture
def server() -> Iterator[HttpServer]:
    routes = {"/": lambda *_: (b"ok", "text/plain"), "/large": lambda *_: (LARGE, "text/plain")}
    one = HttpServer("127.0.0.1", 0, routes)
    thread = threading.Thread(target=one.serve_forever)
    thread.start()
    yield one
    one.shutdown()
    one.server_close()
    thread.join(5)


def connect(server: HttpServer) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.server_port), timeout=10)


def status(server: HttpServer, request: bytes) -> int:
    """Send all of a request, whatever is answered meanwhile, and return the status of the answer."""
    with connect(server) as connection:
        connection.sendall(request)
        answer = b""
        while part := connection.recv(65536):
            answer += part
    return int(answer.split()[1])


def head_of(size: int) -> bytes:
    lines = LINE + b"".join(b"X-%d: %s\r\n" % (number, b"x" * 1000) for number in range(8))
    return lines + b"Y: " + b"y" * (size - len(lines) - 3 - len(END)) + END


def test_a_head_may_have_16_kib_and_no_byte_more(server: HttpServer) -> None:
    assert MAXIMUM_HEAD_BYTES == 16384
    assert status(server, head_of(16384)) == 200
    assert status(server, head_of(16385)) == 431


@pytest.mark.parametrize(
    "request_",
    [
        LINE + b"".join(b"X-%d: %s\r\n" % (number, b"x" * 65000) for number in range(99)) + b"\r\n",
        LINE + b"X: " + b"x" * 1_000_000 + END,
        LINE + b"".join(b"X-%d: x\r\n" % number for number in range(101)) + b"\r\n",
        b"GET /" + b"x" * 20_000 + b" HTTP/1.1" + END,
        b"G" * 20_000,
    ],
    ids=["99 headers of 64 KiB", "one header", "101 headers", "a path", "no request"],
)
def test_a_head_that_is_too_large_is_answered_with_431(server: HttpServer, request_: bytes) -> None:
    assert status(server, request_) == 431
    assert status(server, LINE + END) == 200


def read_all(connection: socket.socket) -> None:
    while connection.recv(65536):
        pass


def seats_taken(server: HttpServer) -> int:
    return sum(seats.taken for seats in server.seats.values())


def wait_for_nobody(server: HttpServer, seconds: float) -> None:
    wait_for("no seat taken", lambda: seats_taken(server), until=lambda seen: not seen, timeout=seconds)


@pytest.mark.parametrize("half_closed", [False, True])
def test_who_does_not_read_the_answer_loses_it_and_leaves_nothing_in_the_kernel(
    server: HttpServer, monkeypatch: pytest.MonkeyPatch, half_closed: bool
) -> None:
    monkeypatch.setattr(handler, "CLIENT_TIMEOUT_SECONDS", 0.5)
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(10)
        connection.connect(("127.0.0.1", server.server_port))
        connection.sendall(b"GET /large HTTP/1.0\r\n\r\n")
        if half_closed:
            connection.shutdown(socket.SHUT_WR)
        time.sleep(0.2)
        assert seats_taken(server) == 1
        wait_for_nobody(server, 5)
        with pytest.raises(ConnectionResetError):
            read_all(connection)


def test_an_answer_that_fits_into_the_kernel_s_memory_keeps_its_seat_until_read(
    server: HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise a client could leave behind as many of them as it likes."""
    monkeypatch.setattr(handler, "CLIENT_TIMEOUT_SECONDS", 0.5)
    server.routes["/"] = lambda *_: (b"x" * 100_000, "text/plain")
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(10)
        connection.connect(("127.0.0.1", server.server_port))
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
        connection.shutdown(socket.SHUT_WR)
        time.sleep(0.3)
        assert seats_taken(server) == 1
        wait_for_nobody(server, 5)
        with pytest.raises(ConnectionResetError):
            read_all(connection)


def test_a_reader_that_takes_its_time_but_not_too_much_has_the_whole_answer(server: HttpServer) -> None:
    got = 0
    with connect(server) as connection:
        connection.sendall(b"GET /large HTTP/1.0\r\n\r\n")
        connection.shutdown(socket.SHUT_WR)
        while part := connection.recv(1 << 20):
            got += len(part)
            time.sleep(0.01)
    assert got > len(LARGE)


def test_a_head_that_drips_ends_at_the_deadline(server: HttpServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handler, "CLIENT_TIMEOUT_SECONDS", 0.3)
    began = time.monotonic()
    with connect(server) as connection, contextlib.suppress(OSError):
        connection.sendall(LINE)
        while time.monotonic() - began < 5:
            connection.sendall(b"X: x\r\n")
            time.sleep(0.02)
    assert 0.3 <= time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("accepted", "compressed"),
    [
        ("gzip", True),
        ("deflate, gzip;q=0.5", True),
        ("GZIP ; q=1.0", True),
        ("x-gzip", True),
        ("gzip;q=0", False),
        ("gzip; q=0.000, identity", False),
        ("nogzip", False),
        ("identity", False),
        ("gzip;q=", False),
    ],
)
def test_compression_is_for_those_who_take_it(server: HttpServer, accepted: str, compressed: bool) -> None:
    with connect(server) as connection:
        connection.sendall(b"GET /large HTTP/1.0\r\nAccept-Encoding: " + accepted.encode() + END)
        head = connection.recv(1000).partition(END)[0].lower()
        assert (b"content-encoding: gzip" in head, b"vary: accept-encoding" in head) == (compressed, True)


@pytest.mark.parametrize("path", [b"/", b"/nothing", b"*"])
def test_options_says_that_one_can_only_look(server: HttpServer, path: bytes) -> None:
    with connect(server) as connection:
        connection.sendall(b"OPTIONS " + path + b" HTTP/1.1" + END)
        answer = b""
        while part := connection.recv(65536):
            answer += part
    head, _, body = answer.partition(END)
    assert (answer.split()[1], body) == (b"204", b"")
    assert b"\r\nAllow: GET, HEAD, OPTIONS\r\n" in head
    assert b"Access-Control" not in head


def test_nobody_may_show_a_page_in_a_frame(server: HttpServer) -> None:
    with connect(server) as connection:
        connection.sendall(b"GET /nothing HTTP/1.1" + END)
        assert b"frame-ancestors 'none'" in connection.recv(65536)
