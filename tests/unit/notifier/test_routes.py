"""Who may post, and what anyone may look at."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from alerts.notifier.heartbeat import Heartbeat
from alerts.notifier.metrics import Metrics
from alerts.notifier.notifier import Notifier
from alerts.notifier.routes import MAXIMUM_POST_BYTES, NotifierServer
from alerts.notifier.settings import load
from exporter.http import handler
from exporter.http.seats import Seats
from tests.unit.notifier.posts import entry, post


class Elsewhere(NotifierServer):
    """Believes that its clients come from another machine."""

    client = "192.0.2.7"

    def finish_request(self, connection: socket.socket, client_address: object, seats: Seats) -> None:
        super().finish_request(connection, (self.client, 40000), seats)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Elsewhere]:
    metrics = Metrics()
    notifier = Notifier(load({"NOTIFIER_STATE": str(tmp_path / "told.json"), "NODE_NAME": "alpha"}), metrics)
    server = Elsewhere("127.0.0.1", 0, notifier, Heartbeat("", metrics), metrics)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join(5)


def ask(server: NotifierServer, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    connection.request(method, path, body)
    answer = connection.getresponse()
    found = answer.status, answer.read()
    connection.close()
    return found


@pytest.mark.parametrize("client", ["192.0.2.7", "2001:db8::7", "::ffff:192.0.2.7", "fe80::1%eth0"])
@pytest.mark.parametrize("path", ["/", "/heartbeat"])
def test_no_other_machine_may_post(server: Elsewhere, client: str, path: str) -> None:
    server.client = client
    assert ask(server, "POST", path, post(entry()))[0] == 403
    assert b'dnsha_notifier_bad_requests_total{reason="not_local"} 1.0' in ask(server, "GET", "/metrics")[1]


@pytest.mark.parametrize("client", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
def test_this_machine_may(server: Elsewhere, client: str) -> None:
    server.client = client
    assert ask(server, "POST", "/", post(entry())) == (200, b"no_receiver\n")
    assert ask(server, "POST", "/heartbeat", post(entry())) == (200, b"not_configured\n")


@pytest.mark.parametrize(
    ("verdict", "status"), [("delivered", 200), ("no_receiver", 200), ("failed", 503), ("not_yet", 503)]
)
def test_alertmanager_tries_again_until_somebody_was_told(
    server: Elsewhere, monkeypatch: pytest.MonkeyPatch, verdict: str, status: int
) -> None:
    server.client = "127.0.0.1"
    monkeypatch.setattr(Notifier, "take", lambda *_: verdict)
    assert ask(server, "POST", "/", post(entry()))[0] == status


def test_anyone_may_look(server: Elsewhere) -> None:
    assert ask(server, "GET", "/healthz") == (200, b"ok\n")
    assert ask(server, "GET", "/told") == (200, b'{"version": 2, "node": "alpha", "alerts": {}, "in_hand": []}')
    assert ask(server, "GET", "/")[0] == 404


def speak(server: NotifierServer, request: bytes) -> bytes:
    """Send all of it, and return all of the answer."""
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=10) as connection:
        connection.sendall(request)
        answer = b""
        while part := connection.recv(65536):
            answer += part
    return answer


def test_a_post_that_is_too_large_is_refused_in_words_that_arrive(server: Elsewhere) -> None:
    server.client = "127.0.0.1"
    assert ask(server, "POST", "/", b"x" * (MAXIMUM_POST_BYTES + 1)) == (413, b"more than 4194304 bytes\n")
    assert ask(server, "POST", "/", b"x" * (2 * MAXIMUM_POST_BYTES))[0] == 413
    assert ask(server, "POST", "/", b"x" * MAXIMUM_POST_BYTES)[0] == 400
    assert b'dnsha_notifier_bad_requests_total{reason="too_large"} 2.0' in ask(server, "GET", "/metrics")[1]


@pytest.mark.parametrize("length", ["", "Content-Length: many\r\n", "Transfer-Encoding: chunked\r\n"])
def test_a_post_says_how_long_it_is(server: Elsewhere, length: str) -> None:
    server.client = "127.0.0.1"
    assert speak(server, f"POST / HTTP/1.1\r\n{length}\r\n".encode()).split()[1] == b"411"


def test_a_post_that_comes_too_slowly_or_in_part_is_refused(server: Elsewhere, monkeypatch: pytest.MonkeyPatch) -> None:
    server.client = "127.0.0.1"
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=10) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nContent-Length: 100\r\n\r\n{")
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1000).split()[1] == b"400"
    monkeypatch.setattr(handler, "CLIENT_TIMEOUT_SECONDS", 0.3)
    assert speak(server, b"POST / HTTP/1.1\r\nContent-Length: 100\r\n\r\n{").split()[1] == b"408"


def test_a_head_that_is_too_large_is_no_post(server: Elsewhere) -> None:
    server.client = "127.0.0.1"
    headers = b"".join(b"X-%d: %s\r\n" % (number, b"x" * 60_000) for number in range(90))
    assert speak(server, b"POST / HTTP/1.1\r\n" + headers + b"Content-Length: 0\r\n\r\n").split()[1] == b"431"


def test_options_tells_posts_from_what_one_may_look_at(server: Elsewhere) -> None:
    assert b"\r\nAllow: POST, OPTIONS\r\n" in speak(server, b"OPTIONS / HTTP/1.1\r\n\r\n")
    assert b"\r\nAllow: GET, HEAD, OPTIONS\r\n" in speak(server, b"OPTIONS /told HTTP/1.1\r\n\r\n")
