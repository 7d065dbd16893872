"""The copy of Unbound's folder over a real SSH server, with a key that may only read that folder."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from stack.tools.errors import ToolError
from stack.tools.sync import synchronise

from .conftest import MakeNode, Node

SSHD = "/usr/sbin/sshd"


@dataclass(frozen=True)
class Server:
    """A running SSH server: its port, the folder it lets be read, and the client's files."""

    port: int
    source: Path
    key: Path
    known_hosts: Path


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    missing = [tool for tool in (SSHD, "ssh", "rsync", "rrsync") if shutil.which(tool) is None]
    reason = f"missing: {' '.join(missing)}" if missing else "" if os.geteuid() == 0 else "an SSH server needs root"
    if reason:
        pytest.fail(reason, pytrace=False) if os.environ.get("CI") else pytest.skip(reason)
    for name in ("host", "key"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / name], check=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    source = tmp_path / "source"
    source.mkdir()
    (source / "home.conf").write_text("server:\n")
    public = (tmp_path / "key.pub").read_text()
    allowed = tmp_path / "authorized_keys"
    allowed.write_text(f'command="{shutil.which("rrsync")} -ro {source}",restrict {public}')
    host_key = (tmp_path / "host.pub").read_text()
    (tmp_path / "known_hosts").write_text(f"[127.0.0.1]:{port} {host_key}")
    (tmp_path / "sshd_config").write_text(
        f"ListenAddress 127.0.0.1:{port}\nHostKey {tmp_path / 'host'}\nAuthorizedKeysFile {allowed}\n"
        "StrictModes no\nUsePAM no\nPidFile none\nPasswordAuthentication no\nPermitRootLogin yes\n"
    )
    Path("/run/sshd").mkdir(exist_ok=True)
    with (tmp_path / "sshd.log").open("wb") as log:
        daemon = subprocess.Popen([SSHD, "-D", "-e", "-f", tmp_path / "sshd_config"], stderr=log)
    try:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert daemon.poll() is None, (tmp_path / "sshd.log").read_text()
                time.sleep(0.05)
        yield Server(port, source, tmp_path / "key", tmp_path / "known_hosts")
    finally:
        daemon.terminate()
        daemon.wait(10)


def secondary(make_node: MakeNode, server: Server, live: Path, known_hosts: Path | None = None) -> Node:
    """A node whose Unbound folder comes over SSH."""
    return make_node(
        SYNC_PIHOLE_COMMAND="",
        UNBOUND_SHARED_DIRECTORY=str(live),
        SYNC_UNBOUND_SOURCE="root@127.0.0.1:",
        SYNC_SSH_KEY_FILE=str(server.key),
        SYNC_SSH_PORT=str(server.port),
        SYNC_KNOWN_HOSTS_FILE=str(known_hosts or server.known_hosts),
        SYNC_TIMEOUT="20",
    )


def test_the_folder_comes_over_ssh(make_node: MakeNode, server: Server, tmp_path: Path) -> None:
    node = secondary(make_node, server, tmp_path / "live")
    synchronise(node.settings, node.tasks, 0)
    assert (tmp_path / "live" / "home.conf").read_text() == "server:\n"


def test_a_host_that_is_not_the_known_one_is_not_believed(make_node: MakeNode, server: Server, tmp_path: Path) -> None:
    empty = tmp_path / "nobody"
    empty.touch()
    node = secondary(make_node, server, tmp_path / "live", empty)
    with pytest.raises(ToolError, match="Host key verification failed"):
        synchronise(node.settings, node.tasks, 0)
    assert not (tmp_path / "live").exists()


def test_the_key_lets_nothing_else_be_done(server: Server, tmp_path: Path) -> None:
    ssh = ["ssh", "-F", "none", "-i", str(server.key), "-p", str(server.port), "-oBatchMode=yes"]
    ssh.append(f"-oUserKnownHostsFile={server.known_hosts}")
    shell = subprocess.run([*ssh, "root@127.0.0.1", "cat /etc/passwd"], capture_output=True, check=False)
    assert (shell.returncode != 0, shell.stdout) == (True, b"")
    (tmp_path / "mine.conf").touch()
    push = subprocess.run(
        ["rsync", f"--rsh={' '.join(ssh)}", tmp_path / "mine.conf", "root@127.0.0.1:"], capture_output=True, check=False
    )
    assert push.returncode != 0
    assert [path.name for path in server.source.iterdir()] == ["home.conf"]
