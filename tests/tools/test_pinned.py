"""Pi-hole's password goes to another host by TLS alone, and only to the certificate that it showed first."""

from __future__ import annotations

import hashlib
import socket
import ssl
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest

from stack.tools import pihole, pinned, task_commands
from stack.tools.errors import RefusedError, ToolError
from stack.tools.pinned import FILE, Pin, forwarder, trust
from stack.tools.sync import synchronise

from .conftest import MakeNode, Node
from .standin_pihole_api import StandinPihole
from .standin_pihole_content import content, empty_content
from .standin_pihole_server import made_certificate, serve, standin_pihole

HERE = Path(__file__).parent
ONE, TWO = "https://lists.example/one", "https://lists.example/two"


class Pair:
    """A primary that speaks TLS alone, and a secondary that copies it."""

    def __init__(self, node: Node, primary: StandinPihole, replica: StandinPihole) -> None:
        self.node, self.primary, self.replica = node, primary, replica

    @property
    def pin_file(self) -> Path:
        return self.node.tasks.task_directory / FILE

    def sync(self) -> None:
        synchronise(self.node.settings, self.node.tasks, 0)


@pytest.fixture
def pair(make_node: MakeNode, tmp_path: Path) -> Iterator[Pair]:
    with (
        standin_pihole(content(ONE), tls=made_certificate(tmp_path)) as primary,
        standin_pihole(empty_content()) as replica,
    ):
        node = make_node(
            PIHOLE_API=replica.url,
            PEER_PIHOLE_API=primary.url,
            SYNC_PIHOLE_COMMAND=str(HERE / "standin-nebula-sync"),
            SYNC_TIMEOUT="20",
        )
        yield Pair(node, primary, replica)


def shown_by(pihole: StandinPihole) -> str:
    """The SHA-256 of its certificate, as openssl would say it."""
    parts = urlsplit(pihole.url)
    pem = ssl.get_server_certificate((str(parts.hostname), int(parts.port or 0)))
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()


def test_a_sync_goes_by_tls_and_knows_the_certificate_from_then_on(
    pair: Pair, capsys: pytest.CaptureFixture[str]
) -> None:
    pair.sync()
    assert pair.replica.content["lists"] == pair.primary.content["lists"]
    said = capsys.readouterr()
    assert f"known from now on by its certificate, SHA-256 {shown_by(pair.primary)}" in said.out + said.err
    assert stat.S_IMODE(pair.pin_file.stat().st_mode) == 0o600
    before = pair.pin_file.read_bytes()
    pair.primary.content = content(TWO)
    pair.sync()
    assert pair.replica.content["lists"] == pair.primary.content["lists"]
    assert pair.pin_file.read_bytes() == before
    assert (pair.primary.sessions, pair.replica.sessions) == ({}, {})


def test_another_certificate_stops_the_sync_before_anything_is_sent(
    pair: Pair, tmp_path: Path, make_node: MakeNode
) -> None:
    pair.sync()
    first = shown_by(pair.primary)
    impostor = StandinPihole(content(ONE, TWO))
    port = urlsplit(pair.primary.url).port
    server = serve(impostor, "127.0.0.2", int(port or 0), tls=made_certificate(tmp_path))
    try:
        # The same place, as far as the secondary knows.
        pair.pin_file.write_bytes(pair.pin_file.read_bytes().replace(b"127.0.0.1", b"127.0.0.2"))
        pair.node = make_node(**{**pair.node.environment, "PEER_PIHOLE_API": impostor.url})
        with pytest.raises(ToolError, match=rf"another certificate .*{first}.*sync trust"):
            pair.sync()
        assert impostor.requests == []
        assert pair.replica.content["lists"] == pair.primary.content["lists"]
        task_commands.sync(SimpleNamespace(when="trust"), pair.node.environment)  # type: ignore[arg-type]
        pair.sync()
        assert pair.replica.content["lists"] == impostor.content["lists"]
    finally:
        server.close()


def test_nebula_sync_s_way_shows_no_stranger_anything_either(tmp_path: Path) -> None:
    """The certificate changes between our own look and nebula-sync's connection."""
    with standin_pihole(content(ONE), tls=made_certificate(tmp_path)) as impostor:
        with forwarder(Pin(impostor.url, "0" * 64)) as url, socket.create_connection(place(url), 5) as near:
            near.sendall(b"GET /api/auth HTTP/1.0\r\n\r\n")
            near.settimeout(5)
            assert ended(near)
        assert impostor.requests == []


def test_the_way_passes_large_answers_both_ways_and_ends_with_the_sync(tmp_path: Path) -> None:
    size = 3 << 20
    context = made_certificate(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def echo() -> None:
            plain, _ = listener.accept()
            with context.wrap_socket(plain, server_side=True) as far:
                left = size
                while left:
                    chunk = far.recv(65536)
                    far.sendall(chunk)
                    left -= len(chunk)
                far.recv(1)

        server = threading.Thread(target=echo, daemon=True)
        server.start()
        own = ssl.PEM_cert_to_DER_cert(next(tmp_path.glob("*.crt")).read_text())
        pin = Pin(f"https://127.0.0.1:{listener.getsockname()[1]}", hashlib.sha256(own).hexdigest())
        with forwarder(pin) as url, socket.create_connection(place(url), 5) as near:
            near.settimeout(20)
            sent = bytes(range(256)) * (size // 256)
            sender = threading.Thread(target=near.sendall, args=(sent,))
            sender.start()
            got = bytearray()
            while len(got) < size:
                got += near.recv(65536)
            sender.join(5)
            assert bytes(got) == sent
        began = time.monotonic()
        server.join(5)
        assert time.monotonic() - began < 4
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(place(url), 1)


@pytest.mark.parametrize(
    ("variables", "url"),
    [
        ({"PIHOLE_WEB_PORT": "80o"}, "http://192.0.2.11"),
        ({"PEER_PIHOLE_API": "http://192.0.2.11:81"}, "http://192.0.2.11:81"),
    ],
)
def test_nothing_is_sent_to_another_host_in_clear(make_node: MakeNode, variables: dict[str, str], url: str) -> None:
    node = make_node(**variables)
    with pytest.raises(RefusedError, match=rf"{url} is not encrypted.*in clear; .*443os in PIHOLE_WEB_PORT"):
        pihole.there(node.settings, node.tasks, 1)


@pytest.mark.parametrize("damage", [b"", b"\0" * 64, b"{}", b'["https://192.0.2.11"]'])
def test_a_damaged_memory_of_the_certificate_is_no_first_contact(pair: Pair, damage: bytes) -> None:
    pair.sync()
    pair.pin_file.write_bytes(damage)
    with pytest.raises(ToolError, match=rf"{FILE} cannot be used .*sync trust"):
        pair.sync()
    assert trust(pair.primary.url, pair.node.tasks.task_directory).fingerprint == shown_by(pair.primary)
    pair.sync()


def test_a_pihole_that_is_away_is_said_to_be_and_nothing_is_remembered(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(ToolError, match="cannot be asked: Connection refused; does Pi-hole run there"):
        pinned.pinned(f"https://127.0.0.1:{port}", tmp_path)
    assert list(tmp_path.iterdir()) == []


def place(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return str(parts.hostname), int(parts.port or 0)


def ended(connection: socket.socket) -> bool:
    """Whether the other side has closed it without a byte."""
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True
