"""One HTTP GET to a hostile server: over a real socket, with a deadline and a bound."""

from __future__ import annotations

import socket
import time

import pytest

from exporter.http.client import MAXIMUM_BYTES, FetchError, http_get
from tests.unit.standin_http_server import (
    Behaviour,
    StandinHttpServer,
    answer,
    drips,
    floods,
    hangs,
    port_without_server,
    sends,
)

PATH = "/api/v1/status"


def get(behaviour: Behaviour, timeout: float = 5.0) -> bytes:
    with StandinHttpServer(behaviour) as server:
        return http_get("127.0.0.1", server.port, PATH, timeout)


def refusal(behaviour: Behaviour, timeout: float = 5.0) -> str:
    with pytest.raises(FetchError) as refused:
        get(behaviour, timeout)
    return str(refused.value)


def test_the_body_of_a_good_answer_is_returned() -> None:
    assert get(sends(answer(b'{"format": 1}'))) == b'{"format": 1}'


def test_the_request_is_http_that_any_server_understands() -> None:
    with StandinHttpServer(sends(answer(b""))) as server:
        http_get("127.0.0.1", server.port, PATH, 5.0)
        (request,) = server.requests
    head, _, rest = request.partition(b"\r\n\r\n")
    assert head.split(b"\r\n")[0] == b"GET /api/v1/status HTTP/1.0"
    assert b"Host: 127.0.0.1" in head.split(b"\r\n")
    assert rest == b""


def test_an_answer_without_a_length_ends_with_the_connection() -> None:
    assert get(sends(b"HTTP/1.1 200 OK\r\n\r\nall of it")) == b"all of it"


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
def test_ipv6_is_spoken_too() -> None:
    with StandinHttpServer(sends(answer(b"six")), host="::1") as server:
        assert http_get("::1", server.port, PATH, 5.0) == b"six"
    with pytest.raises(FetchError, match=r"^http://\[::1\]:[0-9]+/api/v1/status cannot be reached: "):
        http_get("::1", server.port, PATH, 1.0)


def test_a_port_on_which_nobody_listens_is_named() -> None:
    port = port_without_server()
    with pytest.raises(FetchError, match=f"^http://127.0.0.1:{port}{PATH} cannot be reached: Connection refused$"):
        http_get("127.0.0.1", port, PATH, 1.0)


@pytest.mark.parametrize("behaviour", [hangs, drips])
def test_a_server_that_hangs_or_drips_costs_the_time_out_and_no_more(behaviour: Behaviour) -> None:
    began = time.monotonic()
    assert refusal(behaviour, timeout=0.2).endswith("did not answer within 0.2 s")
    assert time.monotonic() - began < 2.0


def test_a_server_that_does_not_even_accept_costs_the_time_out_and_no_more() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        others = [socket.socket() for _ in range(3)]
        for other in others:
            other.setblocking(False)
            other.connect_ex(full.getsockname())
        with pytest.raises(FetchError, match="did not answer within"):
            http_get("127.0.0.1", full.getsockname()[1], PATH, 0.2)
        for other in others:
            other.close()


def test_a_server_that_sends_100_mb_is_cut_off_at_one() -> None:
    assert refusal(floods).endswith(f"sent more than {MAXIMUM_BYTES} bytes")


def test_the_largest_answer_that_fits_is_taken() -> None:
    head = b"HTTP/1.0 200 OK\r\n\r\n"
    body = b"x" * (MAXIMUM_BYTES - len(head))
    assert get(sends(head + body)) == body
    assert "sent more than" in refusal(sends(head + body + b"x"))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "did not answer with HTTP"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "did not answer with HTTP"),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n", "did not answer with HTTP"),
        (b"HTTP/1.0\r\n\r\n", "did not answer with HTTP"),
        (b"ICY 200 OK\r\n\r\n", "did not answer with HTTP"),
        (b"HTTP/1.0 \x1bc\x07 OK\r\n\r\n", "did not answer with HTTP"),
        (b"HTTP/1.0 20\xb2 OK\r\n\r\n", "did not answer with HTTP"),
        (answer(b"x", "404 Not Found"), "answered 404"),
        (answer(b"x", "500 Internal Server Error"), "answered 500"),
        (answer(b"", "301 Moved", "Location: http://192.0.2.1/\r\n"), "answered 301"),
        (answer(b"whole")[:-2], "ended its answer early"),
        (answer(b"whole") + b"and more", "ended its answer early"),
        (b"HTTP/1.0 200 OK\r\ncontent-LENGTH :  9\r\n\r\nshort", "ended its answer early"),
    ],
)
def test_an_answer_that_is_of_no_use_is_refused_in_a_sentence(data: bytes, words: str) -> None:
    message = refusal(sends(data))
    assert message.endswith(words)
    assert message.isprintable()
