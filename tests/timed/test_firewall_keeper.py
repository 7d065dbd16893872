"""The firewall's service: loads its table, looks after it, takes it away, and says how it is."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from exporter.engine.runtime import RuntimeFiles
from exporter.model.addressing import Network
from exporter.parsers.firewall import FirewallReport, parse_firewall
from stack.firewall import keeper
from stack.firewall.keeper import Firewall
from stack.firewall.settings import read_firewall
from tests.lab.waiting import wait_for
from tests.unit.network_namespace import REPOSITORY, in_network_namespace

NFT = shutil.which("nft", path="/usr/sbin:/sbin:/usr/bin") or "nft"
ENVIRONMENT = {"NODE_ROLE": "primary", "NETWORK_INTERFACE": "eth0", "PEER_IP": "192.0.2.12", "OBSERVABILITY": "yes"}
LAN: list[Network] = [ipaddress.ip_network("192.0.2.0/24")]


def firewall(directory: Path, **changes: str) -> Firewall:
    return Firewall(RuntimeFiles(directory), read_firewall({**ENVIRONMENT, **changes}), lambda _: LAN)


def told(directory: Path) -> FirewallReport:
    return parse_firewall((directory / "firewall.json").read_bytes())


def nft(*arguments: str) -> str:
    return subprocess.run([NFT, *arguments], capture_output=True, text=True, check=True, timeout=10).stdout


def standin_nft(directory: Path, script: str) -> None:
    """A program in nft's place."""
    path = directory / "nft"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@in_network_namespace
def test_it_is_loaded_and_taken_away(tmp_path: Path) -> None:
    one = firewall(tmp_path)
    one.poll()
    assert "tcp dport 9090 jump admins" in nft("list", "table", "inet", "dnsha")
    assert (told(tmp_path).state, told(tmp_path).closed) == ("loaded", (9090, 9093, 9094, 9100, 9754, 9755))
    one.end()
    assert nft("list", "tables") == ""
    assert (told(tmp_path).state, told(tmp_path).problem) == ("failed", "its service was stopped")


@in_network_namespace
def test_what_somebody_takes_away_or_changes_comes_back(tmp_path: Path) -> None:
    keeper._LISTING_SECONDS = 0.0  # type: ignore[misc]  # the process is this test's own
    one = firewall(tmp_path)
    one.poll()
    good = nft("--stateless", "list", "ruleset")
    for spoiled in (["flush", "ruleset"], ["insert", "rule", "inet", "dnsha", "peer", "accept"]):
        nft(*spoiled)
        assert nft("--stateless", "list", "ruleset") != good
        one.poll()
        assert nft("--stateless", "list", "ruleset") == good
        assert told(tmp_path).state == "loaded"


@in_network_namespace
def test_another_prefix_of_the_lan_is_let_in_at_the_next_look(tmp_path: Path) -> None:
    networks = list(LAN)
    one = Firewall(RuntimeFiles(tmp_path), read_firewall(ENVIRONMENT), lambda _: networks)
    one.poll()
    networks[:] = [ipaddress.ip_network("198.51.100.0/24"), ipaddress.ip_network("2001:db8:1::/64")]
    one.poll()
    listed = nft("list", "chain", "inet", "dnsha", "lan")
    assert "198.51.100.0/24" in listed
    assert "2001:db8:1::/64" in listed
    assert "192.0.2.0/24" not in listed


@in_network_namespace
def test_switched_off_it_takes_away_what_an_earlier_run_has_left(tmp_path: Path) -> None:
    firewall(tmp_path).poll()
    one = firewall(tmp_path, FIREWALL="off")
    one.poll()
    assert nft("list", "tables") == ""
    assert (told(tmp_path).state, told(tmp_path).problem) == ("off", "")
    nft("add", "table", "inet", "dnsha")  # the owner's own, from now on
    one.poll()
    one.end()
    assert nft("list", "tables") == "table inet dnsha\n"


def test_without_nft_the_node_runs_on_and_it_is_said_once_and_again_when_it_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    one = firewall(tmp_path)
    one.poll()
    one.poll()
    problem = "it cannot be loaded: nft cannot be run (No such file or directory); install nftables"
    assert (told(tmp_path).state, told(tmp_path).problem) == ("failed", problem)
    assert capfd.readouterr().err == f"the firewall does not protect this node: {problem}\n"
    standin_nft(tmp_path, "exit 0")
    one.poll()
    assert capfd.readouterr().err == "the firewall is loaded\n"
    assert told(tmp_path).state == "loaded"


def test_a_kernel_without_nf_tables_is_told_in_nfts_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    standin_nft(tmp_path, 'echo "netlink: Error: cache initialization failed: Protocol not supported" >&2; exit 1')
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    firewall(tmp_path).poll()
    assert told(tmp_path).problem == "it cannot be loaded: nft: cache initialization failed: Protocol not supported"


def test_a_full_runtime_directory_stops_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    standin_nft(tmp_path, "exit 0")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    one = firewall(tmp_path / "gone")  # no such directory, which fails as a full one does
    one.poll()
    assert one.problem == ""


def start() -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "stack.firewall"],
        env={**os.environ, **ENVIRONMENT},
        cwd=REPOSITORY,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_loaded() -> None:
    wait_for("the table", lambda: nft("list", "tables"), until=lambda seen: "dnsha" in seen, timeout=15, every=0.05)


@in_network_namespace
def test_a_stopped_service_takes_its_table_away_and_replaces_a_killed_one_s(
    tmp_path: Path,
) -> None:
    one = start()
    wait_loaded()
    one.kill()
    one.communicate(timeout=10)
    assert nft("list", "tables") == "table inet dnsha\n"
    nft("add", "chain", "inet", "dnsha", "of_an_older_version")
    one = start()
    wait_for(
        "the older table to be replaced",
        lambda: nft("list", "table", "inet", "dnsha"),
        until=lambda seen: "of_an_older_version" not in seen,
        timeout=15,
        every=0.05,
    )
    began = time.monotonic()
    one.terminate()
    _, said = one.communicate(timeout=10)
    assert (one.returncode, nft("list", "tables")) == (0, "")
    assert time.monotonic() - began < 4, said


@in_network_namespace
def test_a_stop_that_comes_while_it_starts_is_not_lost(tmp_path: Path) -> None:
    # As a container's first process, for which the kernel drops a signal that has no handler.
    parent = subprocess.Popen(
        ["unshare", "--pid", "--fork", sys.executable, "-m", "stack.firewall"],
        env={**os.environ, **ENVIRONMENT},
        cwd=REPOSITORY,
    )
    first = None
    try:
        first = wait_for(
            "the service", lambda: child_that_keeps_for_later(parent.pid, signal.SIGTERM), timeout=15, every=0
        )
        assert first is not None
        os.kill(first, signal.SIGTERM)  # long before it has read its settings
        assert parent.wait(timeout=20) == 0
        assert nft("list", "tables") == ""
    finally:
        for pid in filter(None, (first, parent.pid)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        parent.wait(timeout=10)


def child_that_keeps_for_later(parent: int, number: signal.Signals) -> int | None:
    """The only child of a process, as soon as it would do so."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return int(children[0]) if children and keeps_for_later(int(children[0]), number) else None


def keeps_for_later(pid: int, number: signal.Signals) -> bool:
    """Whether Python runs there, and blocks this signal until it wants it (proc(5)).

    Both from one reading, the name first: unshare(1) blocks the signal too, until just before it becomes Python.
    """
    status = Path(f"/proc/{pid}/status").read_text()
    name, blocked = (status.partition(f"{field}:")[2].split()[0] for field in ("Name", "SigBlk"))
    return name != "unshare" and bool(int(blocked, 16) >> (number - 1) & 1)
