"""The HTTP server: few paths, bounded in number and time, whatever clients do."""

from __future__ import annotations

import contextlib
import gzip
import http.client
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from exporter.http import handler as module
from exporter.http.callers import THIS_MACHINE
from exporter.http.handler import Answer
from exporter.http.server import HttpServer, ListenError
from tests.lab.waiting import wait_for

LONG = b"x" * 5000


def small(accept: str, names: Sequence[str]) -> Answer:
    return f"{accept}|{','.join(names)}".encode(), "text/plain; charset=utf-8"


def large(_: str, __: Sequence[str]) -> Answer:
    return LONG, "text/html"


def broken(_: str, __: Sequence[str]) -> Answer:
    message = "a mistake of ours"
    raise ValueError(message)


def slow(_: str, __: Sequence[str]) -> Answer:
    time.sleep(0.05)
    return b"ok", "text/plain"


ROUTES: dict[str, Callable[[str, Sequence[str]], Answer]] = {
    "/": small,
    "/metrics": large,
    "/broken": broken,
    "/slow": slow,
}


@pytest.fixture
def server() -> Iterator[HttpServer]:
    yield from serving("127.0.0.1")


def serving(host: str) -> Iterator[HttpServer]:
    one = HttpServer(host, 0, ROUTES)
    thread = threading.Thread(target=one.serve_forever)
    thread.start()
    yield one
    one.shutdown()
    one.server_close()
    thread.join(5)


def ask(
    server: HttpServer, path: str, method: str = "GET", host: str = "127.0.0.1", **headers: str
) -> tuple[http.client.HTTPResponse, bytes]:
    connection = http.client.HTTPConnection(host, server.server_port, timeout=5)
    try:
        connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return answer, answer.read()
    finally:
        connection.close()


def test_a_known_path_is_answered_with_its_type_and_never_kept(server: HttpServer) -> None:
    answer, body = ask(server, "/", Accept="text/plain")
    assert (answer.status, body) == (200, b"text/plain|")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"] == (
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def test_the_names_that_were_asked_for_reach_the_route(server: HttpServer) -> None:
    _, body = ask(server, "/?name[]=dnsha_status&name%5B%5D=dnsha_vip_owned&other=x", Accept="*/*")
    assert body == b"*/*|dnsha_status,dnsha_vip_owned"


@pytest.mark.parametrize("path", ["/nothing", "/metrics/", "//metrics//", "/%2e%2e/etc/passwd", "*"])
def test_an_unknown_path_lists_those_there_are(server: HttpServer, path: str) -> None:
    answer, body = ask(server, path)
    assert (answer.status, body) == (404, b"Nothing here; there are /, /metrics, /broken, /slow\n")


def test_a_folder_s_pages_are_listed_to_those_alone_who_asked_for_one_of_them(server: HttpServer) -> None:
    server.routes = {"/": small, "/api/v1/status": small, "/pages/": small, "/pages/one": small, "/pages/two": small}
    assert ask(server, "/nothing")[1] == b"Nothing here; there are /, /api/v1/status, /pages/\n"
    assert ask(server, "/pages/three")[1] == (
        b"Nothing here; there are /, /api/v1/status, /pages/, /pages/one, /pages/two\n"
    )


def test_a_page_is_found_by_its_file_s_name_too(server: HttpServer) -> None:
    assert ask(server, "/slow.md")[1] == b"ok"
    assert ask(server, "/slow.md.md")[0].status == 404


def test_a_path_that_is_no_url_is_an_unknown_one(server: HttpServer) -> None:
    with connect(server) as connection:
        connection.sendall(b"GET http://[/ HTTP/1.0\r\n\r\n")
        assert connection.recv(12) == b"HTTP/1.0 404"


def test_a_proxy_s_form_of_the_path_is_understood(server: HttpServer) -> None:
    assert ask(server, f"http://127.0.0.1:{server.server_port}/slow")[1] == b"ok"


def test_head_has_everything_but_the_body(server: HttpServer) -> None:
    whole, _ = ask(server, "/metrics")
    answer, body = ask(server, "/metrics", method="HEAD")
    assert (answer.status, body, answer.headers["Content-Length"]) == (200, b"", "5000")
    assert dict(answer.headers.items()).keys() == dict(whole.headers.items()).keys()


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "BREW"])
def test_nothing_can_be_changed(server: HttpServer, method: str) -> None:
    assert ask(server, "/", method=method)[0].status == 501


def test_a_large_answer_is_compressed_for_those_who_ask_and_a_small_one_is_not(server: HttpServer) -> None:
    answer, body = ask(server, "/metrics", Accept_Encoding="deflate, gzip")
    assert answer.headers["Content-Encoding"] == "gzip"
    assert len(body) == int(answer.headers["Content-Length"]) < len(LONG)
    assert gzip.decompress(body) == LONG
    answer, body = ask(server, "/metrics")
    assert (answer.headers["Content-Encoding"], body) == (None, LONG)
    assert ask(server, "/", Accept_Encoding="gzip")[0].headers["Content-Encoding"] is None


def test_a_mistake_of_ours_is_in_the_log_and_not_on_the_wire(
    server: HttpServer, caplog: pytest.LogCaptureFixture
) -> None:
    answer, body = ask(server, "/broken")
    assert (answer.status, body) == (500, b"This failed; the log says why\n")
    assert "a mistake of ours" in caplog.text
    assert ask(server, "/slow")[1] == b"ok"


def test_fifty_scrapes_at_once_are_all_answered(server: HttpServer) -> None:
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: ask(server, "/slow"), range(50)))
    assert [(answer.status, body) for answer, body in answers] == [(200, b"ok")] * 50


def connect(server: HttpServer) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.server_port), timeout=5)


def test_clients_that_say_nothing_block_nobody_and_are_dropped(
    server: HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CLIENT_TIMEOUT_SECONDS", 0.2)
    idle = [connect(server) for _ in range(20)]
    assert ask(server, "/slow")[1] == b"ok"
    for connection in idle:
        assert connection.recv(1) == b""
        connection.close()


def test_a_client_that_drips_is_dropped_as_well(server: HttpServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CLIENT_TIMEOUT_SECONDS", 0.2)
    began = time.monotonic()
    with connect(server) as connection, contextlib.suppress(OSError):  # a broken pipe, or a reset
        while time.monotonic() - began < 5:
            connection.sendall(b"G")
            time.sleep(0.02)
    assert 0.2 <= time.monotonic() - began < 5


def taken(server: HttpServer) -> int:
    return sum(seats.taken for seats in server.seats.values())


def wait_for_seats(server: HttpServer, number: int) -> None:
    wait_for(f"{number} seats taken", lambda: taken(server), until=lambda seen: seen == number, timeout=15)


def is_refused(server: HttpServer) -> bool:
    try:
        with connect(server) as connection:
            return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def test_clients_beyond_the_limit_are_refused_at_once_and_room_is_made_again(server: HttpServer) -> None:
    idle = [connect(server) for _ in range(THIS_MACHINE.connections)]
    wait_for_seats(server, THIS_MACHINE.connections)
    assert is_refused(server)
    for connection in idle:
        connection.close()
    wait_for_seats(server, 0)
    assert ask(server, "/slow")[1] == b"ok"


@pytest.mark.parametrize(
    "request_", [b"\r\n\r\n", b"\x16\x03\x01\x02\x00", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"G" * 70_000]
)
def test_what_is_no_http_costs_only_itself(
    server: HttpServer, caplog: pytest.LogCaptureFixture, request_: bytes
) -> None:
    caplog.set_level(logging.INFO)
    with connect(server) as connection:
        connection.sendall(request_)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass
    assert ask(server, "/slow")[1] == b"ok"
    assert caplog.text == ""


def test_a_client_that_goes_away_before_its_answer_is_no_news(
    server: HttpServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for _ in range(5):
        with connect(server) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            connection.sendall(b"GET /slow HTTP/1.0\r\n\r\n")
    assert ask(server, "/slow")[1] == b"ok"
    assert caplog.text == ""


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
def test_without_an_address_both_families_are_served() -> None:
    for one in serving(""):
        assert ask(one, "/slow", host="127.0.0.1")[1] == b"ok"
        assert ask(one, "/slow", host="::1")[1] == b"ok"


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
def test_an_address_of_one_family_is_served_alone() -> None:
    for one in serving("::1"):
        assert ask(one, "/slow", host="::1")[1] == b"ok"
        with pytest.raises(ConnectionRefusedError):
            ask(one, "/slow", host="127.0.0.1")


def test_a_machine_without_ipv6_is_served_over_ipv4(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "has_dualstack_ipv6", lambda: False)
    for one in serving(""):
        assert one.family == socket.AF_INET
        assert ask(one, "/slow")[1] == b"ok"


def test_a_port_in_use_is_named_with_what_to_do(server: HttpServer) -> None:
    with pytest.raises(ListenError) as refused:
        HttpServer("127.0.0.1", server.server_port, ROUTES)
    assert str(refused.value) == (
        f"cannot listen on 127.0.0.1, port {server.server_port}: Address already in use; "
        "is another one running? EXPORTER_PORT chooses another port"
    )


def test_an_address_that_this_machine_has_not_is_named_with_what_to_do() -> None:
    with pytest.raises(ListenError) as refused:
        HttpServer("192.0.2.1", 9753, ROUTES)
    assert str(refused.value) == (
        "cannot listen on 192.0.2.1, port 9753: Cannot assign requested address; "
        "EXPORTER_ADDRESS must be an address of this machine, or empty for all"
    )
