"""TLS and passwords over real connections: who needs one, and what happens when the file changes."""

from __future__ import annotations

import base64
import contextlib
import http.client
import ipaddress
import logging
import os
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.http import server as server_module
from exporter.http.access import WebAccess
from exporter.http.client import FetchError, http_get
from exporter.http.server import HttpServer
from exporter.model.errors import ConfigurationError
from exporter.routes import FOR_THE_PAIR
from tests.unit.certificates import HASH, PASSWORD, TLS, make_certificate, users

PEER, STRANGER = "127.0.0.9", "127.0.1.1"
LONG = os.urandom(1 << 20)
PATHS = ("/", "/metrics", "/api/v1/status", "/healthz", "/long", "/runbooks/DnsHaNoOwner")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_certificate(tmp_path)
    return tmp_path


@contextlib.contextmanager
def serving(folder: Path, text: str) -> Iterator[HttpServer]:
    (folder / "web.yaml").write_text(text)
    routes = {path: lambda *_: (b"here", "text/plain") for path in PATHS} | {"/long": lambda *_: (LONG, "text/plain")}
    access = WebAccess(folder / "web.yaml", FOR_THE_PAIR)
    server = HttpServer("127.0.0.1", 0, routes, peer=ipaddress.ip_address(PEER), access=access)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def trusting(folder: Path, stem: str = "") -> ssl.SSLContext:
    """A client that takes this certificate alone, for the address that it asks."""
    return ssl.create_default_context(cafile=folder / f"{stem}cert.pem")


def ask(
    server: HttpServer,
    path: str,
    context: ssl.SSLContext | None = None,
    source: str = STRANGER,
    password: str = "",
    method: str = "GET",
) -> tuple[int, bytes, http.client.HTTPMessage]:
    address = ("127.0.0.1", server.server_port)
    connection: http.client.HTTPConnection
    if context:
        connection = http.client.HTTPSConnection(*address, timeout=5, source_address=(source, 0), context=context)
    else:
        connection = http.client.HTTPConnection(*address, timeout=5, source_address=(source, 0))
    encoded = base64.b64encode(f"owner:{password}".encode()).decode()
    try:
        connection.request(method, path, headers={"Authorization": f"Basic {encoded}"} if password else {})
        answer = connection.getresponse()
        return answer.status, answer.read(), answer.headers
    finally:
        connection.close()


def status(server: HttpServer, path: str, **more: str) -> int:
    return ask(server, path, **more)[0]  # type: ignore[arg-type]


def test_everything_is_encrypted_and_whole(folder: Path) -> None:
    with serving(folder, TLS) as server:
        assert ask(server, "/", trusting(folder))[:2] == (200, b"here")
        assert ask(server, "/long", trusting(folder))[1] == LONG
        assert http_get("127.0.0.1", server.server_port, "/long", 5.0, 2 << 20, tls=True) == LONG


def test_the_end_of_an_answer_is_said_as_tls_wants_it(folder: Path) -> None:
    """Without close_notify a client cannot tell an end from a cut (RFC 8446, 6.1), and OpenSSL 3 makes it an error."""
    with serving(folder, TLS) as server:
        context = trusting(folder)
        with (
            socket.create_connection(("127.0.0.1", server.server_port), 5) as plain,
            context.wrap_socket(plain, server_hostname="127.0.0.1", suppress_ragged_eofs=False) as connection,
        ):
            connection.sendall(b"GET /nothing HTTP/1.0\r\n\r\n")
            while connection.recv(4096):
                pass


def test_who_speaks_plain_http_is_told_to_write_https(folder: Path) -> None:
    with serving(folder, TLS) as server:
        code, body, _ = ask(server, "/")
        assert (code, body) == (400, b"This port speaks HTTPS: write https://\n")
        with pytest.raises(FetchError, match="answered 400"):
            http_get("127.0.0.1", server.server_port, "/", 5.0)
    with serving(folder, "") as server, pytest.raises(FetchError, match="has the other side no TLS"):
        http_get("127.0.0.1", server.server_port, "/", 5.0, tls=True)


def test_an_old_version_is_refused(folder: Path) -> None:
    with serving(folder, TLS.replace("}", ", min_version: TLS13}")) as server:
        old = trusting(folder)
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        with pytest.raises(ssl.SSLError):
            ask(server, "/", old)
        assert ask(server, "/", trusting(folder))[0] == 200


def test_a_handshake_that_never_ends_costs_its_seat_for_a_moment(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "CLIENT_TIMEOUT_SECONDS", 0.3)
    with (
        serving(folder, TLS) as server,
        socket.create_connection(("127.0.0.1", server.server_port), 5, (STRANGER, 0)) as silent,
    ):
        assert ask(server, "/", trusting(folder))[0] == 200  # beside it
        assert silent.recv(1) == b""


def test_everybody_else_needs_the_password_for_everything_but_health(folder: Path) -> None:
    with serving(folder, users()) as server:
        for path in PATHS:
            code, body, headers = ask(server, path)
            if path == "/healthz":
                assert (code, body) == (200, b"here")
            else:
                assert (code, body) == (401, b"This takes a name and a password\n"), path
                assert headers["WWW-Authenticate"] == 'Basic realm="dnsha", charset="UTF-8"'
        assert status(server, "/nothing") == 401  # nor does it tell which paths there are
        assert status(server, "/", method="HEAD") == 401
        assert status(server, "/", method="OPTIONS") == 401
        assert status(server, "/", password="wrong") == 401
        assert status(server, "/", password=PASSWORD) == 200
        assert status(server, "/nothing", password=PASSWORD) == 404


@pytest.mark.parametrize("source", [PEER, "127.0.0.1"])
def test_the_pair_reads_metrics_and_status_without_and_nothing_else(folder: Path, source: str) -> None:
    with serving(folder, users()) as server:
        codes = {path: status(server, path, source=source) for path in PATHS}
    assert codes == {path: 200 if path in ("/metrics", "/api/v1/status", "/healthz") else 401 for path in PATHS}


def test_a_changed_password_is_taken_without_a_restart(folder: Path) -> None:
    with serving(folder, users()) as server:
        assert status(server, "/", password=PASSWORD) == 200
        # Of the same place: U*U* (crypt_blowfish 1.3, wrapper.c).
        other = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK"
        (folder / "web.yaml").write_text(users(other))
        assert status(server, "/", password=PASSWORD) == 401
        assert status(server, "/", password="U*U*") == 200
        (folder / "web.yaml").write_text("")
        assert status(server, "/") == 200


def test_a_renewed_certificate_is_taken_without_a_restart(folder: Path) -> None:
    make_certificate(folder, "renewed.example", "new-")
    with serving(folder, TLS) as server:
        assert ask(server, "/", trusting(folder))[0] == 200
        before = trusting(folder)
        (folder / "new-cert.pem").rename(folder / "cert.pem")
        # Half of it is no pair: what was in force stays.
        assert ask(server, "/", before)[0] == 200
        (folder / "new-key.pem").rename(folder / "key.pem")
        assert ask(server, "/", trusting(folder))[0] == 200
        with pytest.raises(ssl.SSLError):
            ask(server, "/", before)


@pytest.mark.parametrize("broken", ["{", "basic_auth_users: {owner: secret}\n", "unknown: 1\n", users() + TLS])
def test_a_broken_file_changes_nothing_and_is_told_once(
    folder: Path, caplog: pytest.LogCaptureFixture, broken: str
) -> None:
    with serving(folder, users()) as server:
        (folder / "web.yaml").write_text(broken)
        with caplog.at_level(logging.INFO):
            assert [status(server, "/", password=word) for word in (PASSWORD, "wrong", "")] == [200, 401, 401]
        (message,) = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
        assert message.startswith(str(folder / "web.yaml"))
        assert message.endswith("; what was in force stays so until this is mended")
        (folder / "web.yaml").write_text("")
        assert status(server, "/") == 200


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (TLS.replace("key_file: key.pem", "key_file: other.pem"), "cannot be used: No such file or directory"),
        (TLS.replace("key_file: key.pem", "key_file: web.yaml"), "cannot be used: they are no certificate and its key"),
        (users(HASH[:-1]), "is no bcrypt hash"),
    ],
)
def test_a_file_that_is_broken_at_the_start_starts_nothing(folder: Path, text: str, message: str) -> None:
    (folder / "web.yaml").write_text(text)
    with pytest.raises(ConfigurationError, match=message):
        WebAccess(folder / "web.yaml", ())
