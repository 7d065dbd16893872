"""A whole node's backup: made, sealed, opened, refused when it was changed, and put back where nothing is replaced."""

from __future__ import annotations

import io
import json
import os
import random
import stat
import subprocess
import tarfile
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from stack.restore.files import put_back
from stack.setup import lan
from stack.setup.errors import SetupRefusedError
from stack.setup.lan import OwnAddress
from stack.tools import node_archive, node_backup, sealed
from stack.tools.backup import back_up
from stack.tools.errors import RefusedError, ToolError
from stack.tools.node_archive import Archive, Member

from .conftest import MakeNode
from .standin_pihole_api import StandinPihole

ENV = "NODE_ROLE=secondary\nNODE_NAME=beta\nNODE_IP=192.0.2.12\nVIP_ADDRESS=192.0.2.53\nNETWORK_INTERFACE=eth0\n"
KEY = b"a-key-that-both-nodes-have"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """What the backup's container has of the owner's files."""
    files = {
        "etc/unbound/shared/home.conf": "server:\n",
        "etc/unbound/shared/.gitkeep": "",
        "etc/unbound/shared/.home.conf.abcdefgh": "half",
        "run/sync-keys/README": "shipped",
        "run/sync-keys/key": "-----BEGIN OPENSSH PRIVATE KEY-----",
        "etc/dnsha/web/web.yaml": "tls_server_config: {}\n",
    }
    for name, text in files.items():
        path = tmp_path / "root" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "root/run/sync-keys/key").chmod(0o600)
    (tmp_path / "root/run/sync-keys/link").symlink_to("/etc/shadow")
    return tmp_path / "root"


def keep(node_tasks: object, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    node_backup.keep_settings(node_tasks)  # type: ignore[arg-type]


def archive_of(tmp_path: Path, **files: bytes) -> Path:
    """A small archive."""
    members = {"compose/.env": Member(ENV.encode()), **{name: Member(content) for name, content in files.items()}}
    node_archive.write(tmp_path / "small.tar", Archive("beta", 1000.0, members))
    return tmp_path / "small.tar"


def test_a_nodes_archive_has_all_that_an_empty_disk_lacks(
    make_node: MakeNode, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = make_node()
    keep(node.tasks, ENV, monkeypatch)
    (tmp_path / "pihole.zip").write_bytes(b"PK")
    made = node_backup.make("beta", node.tasks, tmp_path / "pihole.zip", 1_800_000_000.0, root)
    assert made.name == "node-beta-20270115T080000Z.tar"
    assert stat.S_IMODE(made.stat().st_mode) == 0o640
    archive = node_archive.read(made, tmp_path / "unpacked")
    assert (archive.node, archive.made) == ("beta", 1_800_000_000.0)
    contents = {
        name: member.content.read_text() for name, member in archive.members.items() if isinstance(member.content, Path)
    }
    assert contents == {
        "pihole.zip": "PK",
        "compose/.env": ENV,
        "compose/unbound.d/home.conf": "server:\n",
        "compose/sync-keys/key": "-----BEGIN OPENSSH PRIVATE KEY-----",
        "compose/web/web.yaml": "tls_server_config: {}\n",
    }
    assert archive.members["compose/sync-keys/key"].mode == 0o600


def test_every_backup_makes_one_and_old_ones_go(make_node: MakeNode, pihole: StandinPihole) -> None:
    node = make_node(PIHOLE_API=pihole.url, BACKUP_RETENTION_DAYS="1")
    for day in range(5):
        back_up(node.settings, node.tasks, 0, clock=lambda day=day: 1_800_000_000.0 + 86400 * day)  # type: ignore[misc]
    assert sorted(path.name for path in node_backup.folder(node.tasks).iterdir()) == [
        "node-beta-20270117T080000Z.tar", "node-beta-20270118T080000Z.tar", "node-beta-20270119T080000Z.tar",
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["", "NODE_NAME=x\n", "NODE_ROLE='primary\n", "NODE_ROLE=primary\n" + "#" * 300_000])
def test_what_is_no_env_is_not_kept(make_node: MakeNode, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    node = make_node()
    with pytest.raises(RefusedError, match="the settings are not kept for the backup"):
        keep(node.tasks, text, monkeypatch)
    assert not node.tasks.backup_directory.exists()


def test_an_archive_of_which_any_byte_is_another_is_refused_or_says_the_same(tmp_path: Path) -> None:
    good = archive_of(tmp_path, **{"pihole.zip": b"x" * 2000})
    whole = good.read_bytes()
    chance = random.Random("archive")
    for number in range(300):
        changed = bytearray(whole)
        at = chance.randrange(len(whole))
        changed[at] ^= 1 << chance.randrange(8)
        path = tmp_path / f"changed-{number}.tar"
        path.write_bytes(changed)
        try:
            archive = node_archive.read(path, tmp_path / f"unpacked-{number}")
        except RefusedError:
            continue
        # Owners, times and padding are no content.
        assert {name: m.content.read_bytes() for name, m in archive.members.items() if isinstance(m.content, Path)} == {
            "compose/.env": ENV.encode(), "pihole.zip": b"x" * 2000,
        }  # fmt: skip


@pytest.mark.parametrize(
    "name", ["../etc/passwd", "/etc/passwd", "compose/../../x", "compose/web/../../../x", "compose/compose.yaml", "x"]
)
def test_nothing_is_unpacked_that_is_no_part_of_a_node(tmp_path: Path, name: str) -> None:
    path = tmp_path / "evil.tar"
    with tarfile.open(path, "w") as tar:
        tar.addfile(tarfile.TarInfo(name))
    with pytest.raises(RefusedError, match="which no archive of a node has"):
        node_archive.read(path, tmp_path / "unpacked")
    with tarfile.open(path, "w") as tar:
        link = tarfile.TarInfo("pihole.zip")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    with pytest.raises(RefusedError, match="which no archive of a node has"):
        node_archive.read(path, tmp_path / "unpacked")


def test_what_is_sealed_opens_with_its_passphrase_alone_and_tells_nothing(tmp_path: Path) -> None:
    source, closed, opened = tmp_path / "plain", tmp_path / "closed", tmp_path / "opened"
    source.write_bytes(os.urandom(100_000) + b"PIHOLE_PASSWORD=hush" * 10)
    sealed.seal(source, closed, KEY)
    assert sealed.is_sealed(closed)
    assert not sealed.is_sealed(source)
    assert stat.S_IMODE(closed.stat().st_mode) == 0o600
    assert b"hush" not in closed.read_bytes()
    sealed.unseal(closed, opened, KEY)
    assert opened.read_bytes() == source.read_bytes()
    again = tmp_path / "again"
    sealed.seal(source, again, KEY)
    assert again.read_bytes()[100:] != closed.read_bytes()[100:]  # never twice the same
    with pytest.raises(RefusedError, match="the passphrase is another one"):
        sealed.unseal(closed, tmp_path / "no", b"another")
    assert not (tmp_path / "no").exists()


@pytest.mark.parametrize("at", [0, 20, 40, 63, 200, -1])
def test_what_was_sealed_and_changed_is_refused(tmp_path: Path, at: int) -> None:
    source, closed = tmp_path / "plain", tmp_path / "closed"
    source.write_bytes(b"x" * 1000)
    sealed.seal(source, closed, KEY)
    changed = bytearray(closed.read_bytes())
    changed[at] ^= 1
    for content in (bytes(changed), closed.read_bytes()[:-1], closed.read_bytes()[:50], closed.read_bytes() + b"x"):
        closed.write_bytes(content)
        with pytest.raises(RefusedError, match=r"cannot be opened|is no sealed backup"):
            sealed.unseal(closed, tmp_path / "no", KEY)
        assert not (tmp_path / "no").exists()


def test_no_key_is_in_a_list_of_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "openssl").write_text(
        f'#!/bin/sh\necho "$*" >{tmp_path}/asked\nenv >>{tmp_path}/asked\ncat >/dev/null\n'
    )
    (tmp_path / "openssl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    (tmp_path / "plain").write_bytes(b"x")
    sealed.seal(tmp_path / "plain", tmp_path / "closed", KEY)
    asked = (tmp_path / "asked").read_text()
    assert asked.startswith("enc -e -aes-256-ctr")
    assert KEY.decode() not in asked
    assert "pass fd:" in asked


def test_openssl_that_fails_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "plain").write_bytes(b"x")
    with pytest.raises(ToolError, match="openssl cannot be started"):
        sealed.seal(tmp_path / "plain", tmp_path / "closed", KEY)


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """This host has the node's address, on an interface of another name."""
    own = (OwnAddress("end0", IPv4Address("192.0.2.12"), fixed=True),)
    monkeypatch.setattr(lan, "own_addresses", lambda _=None: own)


@pytest.mark.usefixtures("here")
def test_a_nodes_files_are_put_back_and_again_changes_nothing(tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    (clone / "compose").mkdir(parents=True)
    archive = node_archive.read(
        archive_of(tmp_path, **{"compose/unbound.d/a.conf": b"server:\n"}), tmp_path / "unpacked"
    )
    assert put_back(archive, clone) == ["compose/.env", "compose/unbound.d/a.conf"]
    assert (clone / "compose/.env").read_text() == ENV.replace("eth0", "end0")
    assert stat.S_IMODE((clone / "compose/.env").stat().st_mode) == 0o600
    assert put_back(archive, clone) == []
    (clone / "compose/unbound.d/a.conf").write_text("mine")
    (clone / "compose/.env").unlink()
    with pytest.raises(SetupRefusedError, match=r"not as in the backup: compose/unbound\.d/a\.conf"):
        put_back(archive, clone)
    assert not (clone / "compose/.env").exists()


def test_a_backup_of_another_host_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        lan, "own_addresses", lambda _=None: (OwnAddress("eth0", IPv4Address("192.0.2.11"), fixed=True),)
    )
    archive = node_archive.read(archive_of(tmp_path), tmp_path / "unpacked")
    with pytest.raises(SetupRefusedError, match=r"is for beta with 192\.0\.2\.12, and this host has 192\.0\.2\.11"):
        put_back(archive, tmp_path)
    assert not (tmp_path / "compose").exists()


def test_the_command_looks_at_a_sealed_backup_and_changes_nothing(tmp_path: Path) -> None:
    sealed.seal(archive_of(tmp_path), tmp_path / "node.sealed", KEY)
    (tmp_path / "other.env").write_text(f"PAIR_KEY={KEY.decode()}\n")
    script = Path(__file__).parents[2] / "stack/restore.sh"

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [script, *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    done = run("--check", "--key", tmp_path / "other.env", tmp_path / "node.sealed")
    assert (done.returncode, done.stderr) == (0, "")
    assert "is whole: beta of 1970-01-01 00:16:40 UTC, 1 files" in done.stdout
    assert run("--check", tmp_path / "node.sealed").returncode == 3
    (tmp_path / "other.env").write_text("PAIR_KEY=another\n")
    assert run("--check", "--key", tmp_path / "other.env", tmp_path / "node.sealed").returncode == 2
    assert run("--check", tmp_path / "nothing").returncode == 1
    assert run("--help").returncode == 0
    assert run("--frce").returncode == 3


def test_silences_that_have_ended_are_not_given_back() -> None:
    ended = [{"endsAt": "2027-01-15T08:00:00.000Z", "status": {"state": "active"}}]
    assert node_backup.give_silences(json.dumps(ended), 1_800_000_001.0) == 0
    for text in ("[]x", '{"a": 1}', '[{"endsAt": "never"}]', "[1]"):
        with pytest.raises(RefusedError, match="no silences of Alertmanager"):
            node_backup.give_silences(text, 0.0)
