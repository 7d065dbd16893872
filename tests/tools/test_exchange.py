"""Each node keeps the other's newest backup: two nodes on two addresses of loopback, with real sockets between them."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.client import HTTPConnection, RemoteDisconnected
from pathlib import Path

import pytest

from stack.tools import cli, exchange, node_archive, node_backup, sealed
from stack.tools.errors import RefusedError, ToolError

from .conftest import MakeNode, Node

KEY = "a-key-of-this-pair-with-forty-characters"
ENV = "NODE_ROLE=primary\nNODE_NAME=alpha\n"


@pytest.fixture
def pair(make_node: MakeNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Node, Node]:
    """Alpha, which has backed itself up, and beta."""
    (tmp_path / "key").write_text(KEY)
    found = []
    for name, own, peer in (("alpha", "127.0.0.1", "127.0.0.2"), ("beta", "127.0.0.2", "127.0.0.1")):
        folders = {f"{what.upper()}_DIRECTORY": str(tmp_path / name / what) for what in ("stamp", "task", "backup")}
        found.append(
            make_node(NODE_NAME=name, NODE_IP=f"{own}/24", PEER_IP=peer, VIP_ADDRESS="127.0.0.53/24",
                      PAIR_KEY_FILE=str(tmp_path / "key"), **folders)
        )  # fmt: skip
    monkeypatch.setattr("exporter.settings.rules.virtual_address_problem", lambda *_: None)
    alpha, beta = found
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(ENV.encode())))
    node_backup.keep_settings(alpha.tasks)
    back_up(alpha, tmp_path, 1_800_000_000.0)
    return alpha, beta


def back_up(node: Node, folder: Path, made: float) -> Path:
    (folder / "pihole.zip").write_bytes(b"PK")
    return node_backup.make(node.settings.node_name, node.tasks, folder / "pihole.zip", made, folder / "nothing")


@contextmanager
def serving(node: Node) -> Iterator[int]:
    """A node's server; yields its port."""
    with exchange.serve(node.settings, node.tasks, 0) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield int(server.server_address[1])
        finally:
            server.shutdown()
            thread.join(10)


def fetch(node: Node, port: int, monkeypatch: pytest.MonkeyPatch) -> Path | None:
    """Fetch as the container does, which has this one address on the LAN."""
    own = str(node.settings.node_ip.address)
    monkeypatch.setattr("http.client.HTTPConnection", partial(HTTPConnection, source_address=(own, 0)))
    return exchange.fetch(node.settings, node.tasks, 0, port)


def test_the_other_nodes_newest_backup_is_kept_sealed_and_opens(
    pair: tuple[Node, Node], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alpha, beta = pair
    with serving(alpha) as port:
        kept = fetch(beta, port, monkeypatch)
        assert kept is not None
        assert kept.name == "node-alpha-20270115T080000Z.sealed"
        assert b"NODE_ROLE" not in kept.read_bytes()
        sealed.unseal(kept, tmp_path / "opened", KEY.encode())
        archive = node_archive.read(tmp_path / "opened", tmp_path / "files")
        content = archive.members["compose/.env"].content
        assert isinstance(content, Path)
        assert content.read_text() == ENV
        assert fetch(beta, port, monkeypatch) is None  # it is here already
        for day in range(1, 5):
            back_up(alpha, tmp_path, 1_800_000_000.0 + 86400 * day)
            assert fetch(beta, port, monkeypatch) is not None
        # Old by the clock of now, which is before them all: none goes. Beside them nothing is left.
        assert len(list(exchange.folder(beta.tasks).iterdir())) == 5
    assert len(list(node_backup.folder(alpha.tasks).glob("*.sealed"))) == 1


def test_nobody_but_the_other_node_is_given_anything(pair: tuple[Node, Node]) -> None:
    with serving(pair[0]) as port:
        stranger = HTTPConnection("127.0.0.1", port, timeout=10, source_address=("127.0.0.3", 0))
        stranger.request("GET", "/")
        with pytest.raises((RemoteDisconnected, ConnectionResetError)):
            stranger.getresponse()


def test_what_was_not_sealed_by_this_pair_is_refused(
    pair: tuple[Node, Node], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alpha, beta = pair
    closed = exchange.newest_sealed(alpha.settings, alpha.tasks)
    forged = tmp_path / "forged"
    sealed.seal(next(node_backup.folder(alpha.tasks).glob("*.tar")), forged, b"a stranger's key")
    forged.replace(closed)
    with serving(alpha) as port, pytest.raises(RefusedError, match="the passphrase is another one"):
        fetch(beta, port, monkeypatch)
    assert list(exchange.folder(beta.tasks).iterdir()) == []


def test_an_older_backup_takes_no_newer_ones_place(
    pair: tuple[Node, Node], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alpha, beta = pair
    with serving(alpha) as port:
        assert fetch(beta, port, monkeypatch) is not None
        for path in node_backup.folder(alpha.tasks).glob("node-*"):
            path.unlink()
        back_up(alpha, tmp_path, 1_700_000_000.0)
        with pytest.raises(RefusedError, match="is no newer than node-alpha-20270115T080000Z"):
            fetch(beta, port, monkeypatch)


def test_a_node_that_is_away_or_has_no_backup_is_named(
    pair: tuple[Node, Node], monkeypatch: pytest.MonkeyPatch
) -> None:
    alpha, beta = pair
    with serving(beta) as port, pytest.raises(ToolError, match=r"the other node, 127\.0\.0\.2, has no backup to give"):
        fetch(alpha, port, monkeypatch)
    with pytest.raises(
        ToolError, match=r"the other node, 127\.0\.0\.2, gives no backup: .* does its backup container run"
    ):
        fetch(alpha, 1, monkeypatch)


def test_without_a_pair_key_nothing_leaves_the_node(
    pair: tuple[Node, Node], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alpha, beta = pair
    (tmp_path / "key").write_text("")
    with pytest.raises(RefusedError, match="there is no PAIR_KEY"):
        exchange.newest_sealed(alpha.settings, alpha.tasks)
    with pytest.raises(RefusedError, match="there is no PAIR_KEY"):
        fetch(beta, 1, monkeypatch)


def test_the_newest_backup_is_exported_sealed(
    pair: tuple[Node, Node], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alpha, _ = pair
    for name, value in alpha.environment.items():
        monkeypatch.setenv(name, value)
    out = io.TextIOWrapper(io.BytesIO())
    monkeypatch.setattr("sys.stdout", out)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    assert cli.main(["export"]) == 0
    (tmp_path / "exported").write_bytes(out.buffer.getvalue())
    sealed.unseal(tmp_path / "exported", tmp_path / "opened", KEY.encode())
    assert node_archive.read(tmp_path / "opened", tmp_path / "files").node == "alpha"
