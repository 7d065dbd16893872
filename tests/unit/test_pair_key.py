"""What the nodes tell each other counts with the pair key alone: no stranger's answer, and no old one."""

from __future__ import annotations

import http.client
import ipaddress
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from exporter.collectors.peer import PeerCollector
from exporter.http.client import FetchError
from exporter.http.pair_key import SIGNATURE_HEADER, PairKey, PairKeyError, key_from
from exporter.http.server import HttpServer
from exporter.model.observations import PeerObservation
from exporter.parsers.status_document import STATUS_PATH
from exporter.sources.peer_get import peer_get
from tests.unit.standin_http_server import StandinHttpServer, answer, sends

KEY = PairKey(b"0123456789abcdef0123456789abcdef")
OTHER = PairKey(b"another key, which is as long as it")
WITHOUT = "127.0.0.1 answers on port {}, but without this node's pair key: set the same PAIR_KEY on both nodes"


@contextmanager
def serving(key: PairKey, body: bytes = b"hello", host: str = "127.0.0.1") -> Iterator[int]:
    """The real server, with one page."""
    routes = {"/told": lambda *_: (body, "text/plain"), STATUS_PATH: lambda *_: (body, "text/plain")}
    server = HttpServer(host, 0, routes, pair_key=lambda: key)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def ask(port: int, key: PairKey = KEY, path: str = "/told", host: str = "127.0.0.1") -> bytes:
    return peer_get(host, port, path, 5.0, lambda: key)


def refused(port: int, key: PairKey = KEY) -> str:
    with pytest.raises(FetchError) as caught:
        ask(port, key)
    assert WITHOUT.format(port) in str(caught.value)
    return str(caught.value)


class Relay(StandinHttpServer):
    """Somebody in between: hands the question on to another address, and keeps what comes back."""

    def __init__(self, host: str, port: int, change: Callable[[bytes], bytes] = lambda request: request) -> None:
        super().__init__(self._relay)
        self._to = host, port
        self._change = change
        self.recorded = b""

    def _relay(self, connection: socket.socket, _: threading.Event) -> None:
        with socket.create_connection(self._to, 5.0) as onward:
            onward.sendall(self._change(self.requests[-1]))
            while chunk := onward.recv(65536):
                self.recorded += chunk
        connection.sendall(self.recorded)


def test_a_signature_is_an_hmac_of_address_path_nonce_and_body() -> None:
    # printf 'dnsha answer 1\n192.0.2.12\n/told\n000102…0f\nhello' | openssl dgst -sha256 -hmac 0123456789abcdef…
    nonce = "000102030405060708090a0b0c0d0e0f"
    expected = "5028dd3985033eb4da2407eae3473ded2007f70a8d3fbd854304cd48cc521970"
    for host in ("192.0.2.12", "::ffff:192.0.2.12"):
        assert KEY.answers(host, "/told", nonce, b"hello") == expected
    changed = [
        ("192.0.2.13", "/told", nonce, b"hello"),
        ("192.0.2.12", "/tale", nonce, b"hello"),
        ("192.0.2.12", "/told", nonce[::-1], b"hello"),
        ("192.0.2.12", "/told", nonce, b"hell0"),
    ]
    assert KEY.fits(expected, "192.0.2.12", "/told", nonce, b"hello")
    assert not any(KEY.fits(expected, *question) for question in changed)


@pytest.mark.parametrize("nonce", [None, "", "0" * 31, "0" * 33, "G" * 32, "0" * 31 + "\n", "0" * 32 + "\n"])
def test_nothing_is_signed_for_what_is_no_nonce(nonce: str | None) -> None:
    assert KEY.answers("192.0.2.12", "/told", nonce, b"hello") is None


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_two_nodes_with_one_key_believe_each_other(host: str) -> None:
    with serving(KEY, b"x" * 100_000, host) as port:
        assert ask(port, host=host) == b"x" * 100_000


def test_without_a_key_here_everybody_is_believed_as_before() -> None:
    for theirs in (PairKey(), KEY):
        with serving(theirs) as port:
            assert ask(port, PairKey()) == b"hello"


def test_an_answer_with_another_key_or_none_is_refused_and_named() -> None:
    for theirs in (PairKey(), OTHER):
        with serving(theirs) as port:
            refused(port)


@pytest.mark.parametrize("signature", ["", "0" * 64, "é" * 64, "x" * 5000])
def test_a_forged_signature_is_refused(signature: str) -> None:
    with StandinHttpServer(sends(answer(b"hello", headers=f"{SIGNATURE_HEADER}: {signature}\r\n"))) as server:
        refused(server.port)


def test_an_old_answer_is_refused() -> None:
    """Whoever recorded what the peer said has no answer to a new question."""
    with serving(KEY) as port, Relay("127.0.0.1", port) as between:
        assert ask(between.port) == b"hello"
    with StandinHttpServer(sends(between.recorded)) as server:
        refused(server.port)


def test_this_node_s_own_answer_is_refused_as_the_peer_s() -> None:
    """Somebody at the peer's address hands the question on to the asker itself, which has the same key."""
    with serving(KEY, host="127.0.0.2") as own:
        assert ask(own, host="127.0.0.2") == b"hello"
        with Relay("127.0.0.2", own) as between:
            refused(between.port)


def test_an_answer_to_another_question_is_refused() -> None:
    def to_another_path(request: bytes) -> bytes:
        return request.replace(b"/told", STATUS_PATH.encode())

    with serving(KEY) as port, Relay("127.0.0.1", port, to_another_path) as between:
        refused(between.port)


def test_a_body_that_was_changed_on_the_way_is_refused() -> None:
    with serving(KEY) as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("GET", "/told", headers={"X-Dnsha-Nonce": "0" * 32})
        response = connection.getresponse()
        assert response.read() == b"hello"
        signature = response.headers[SIGNATURE_HEADER]
        connection.close()
    assert signature is not None
    with StandinHttpServer(sends(answer(b"hallo", headers=f"{SIGNATURE_HEADER}: {signature}\r\n"))) as server:
        refused(server.port)


def test_nobody_who_does_not_ask_is_given_a_signature() -> None:
    with serving(KEY) as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("GET", "/told")
        response = connection.getresponse()
        assert response.read() == b"hello"
        assert SIGNATURE_HEADER not in response.headers
        connection.close()


def test_the_exporter_takes_a_peer_without_the_key_for_silent() -> None:
    with serving(OTHER) as port:
        collector = PeerCollector(ipaddress.ip_address("127.0.0.1"), port, 60.0, 5.0, "alpha", key=lambda: KEY)
        collector._work()
        seen = collector.collect()
    assert isinstance(seen, PeerObservation)
    assert (seen.peer, seen.keyed) == (None, True)
    assert WITHOUT.format(port) in str(seen.error)


def test_a_key_is_read_from_its_file_and_never_shown(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("  a-key-of-the-pair\n")
    key = key_from(file)
    assert key == PairKey(b"a-key-of-the-pair")
    assert "a-key" not in f"{key} {key!r}"
    file.write_text("\n")
    assert not key_from(file)
    assert not key_from(None)


def test_a_key_that_cannot_be_read_makes_nobody_trusted(tmp_path: Path) -> None:
    for file, reason in ((tmp_path / "missing", "No such file"), (tmp_path, "not a regular file|Is a directory")):
        with pytest.raises(PairKeyError, match=f"{file}, cannot be read: .*({reason}).*force-recreate settings"):
            key_from(file)
        with serving(KEY) as port, pytest.raises(FetchError, match=r"the pair key, .* cannot be read"):
            peer_get("127.0.0.1", port, "/told", 5.0, partial(key_from, file))
