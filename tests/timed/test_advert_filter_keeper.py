"""The advert filter is loaded, looked after and taken away; and keepalived runs where that does not work."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from exporter.engine.runtime import RuntimeFiles
from exporter.parsers.advert_filter import FilterReport, parse_advert_filter
from stack.keepalived.advert_filter import REASONS
from stack.keepalived.advert_filter_keeper import AdvertFilter
from tests.unit.network_namespace import in_network_namespace
from tests.unit.test_keepalived_values import read

NFT = "/usr/sbin/nft"


class EnoughError(Exception):
    """The test has seen enough of a keeper that never ends."""


def keeper(directory: Path) -> AdvertFilter:
    return AdvertFilter(RuntimeFiles(directory), read(), 240)


def look_once(one: AdvertFilter) -> None:
    """Let it look once, as the supervisor's process does."""

    def beat() -> None:
        raise EnoughError

    with pytest.raises(EnoughError):
        one.keep(beat)


def told(directory: Path) -> FilterReport:
    return parse_advert_filter((directory / "advert-filter.json").read_bytes())


def nft(*arguments: str, text: str = "") -> str:
    done = subprocess.run([NFT, *arguments], input=text, capture_output=True, text=True, check=True, timeout=10)
    return done.stdout


def counters() -> dict[str, int]:
    entries: list[dict[str, Any]] = json.loads(nft("--json", "list", "counters", "table", "inet", "dnsha_vrrp"))[
        "nftables"
    ]
    return {entry["counter"]["name"]: entry["counter"]["packets"] for entry in entries if "counter" in entry}


def pretend_dropped(reason: str, packets: int) -> None:
    """Give a counter another value, which nft can only do to a new one."""
    text = nft("list", "table", "inet", "dnsha_vrrp").replace(
        f"counter dropped_{reason} {{\n\t\tpackets {counters()[f'dropped_{reason}']} ",
        f"counter dropped_{reason} {{\n\t\tpackets {packets} ",
    )
    nft("--file", "-", text="delete table inet dnsha_vrrp\n" + text)
    assert counters()[f"dropped_{reason}"] == packets


def standin_nft(directory: Path, script: str) -> None:
    """A program in nft's place."""
    path = directory / "nft"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@in_network_namespace
def test_it_is_loaded_counted_and_taken_away(tmp_path: Path) -> None:
    one = keeper(tmp_path)
    one.start()
    assert told(tmp_path).problem == ""
    assert counters() == {f"dropped_{reason}": 0 for reason in REASONS}
    pretend_dropped("ttl", 12)
    before = time.time()
    look_once(one)
    assert told(tmp_path).dropped == {**dict.fromkeys(REASONS, 0), "ttl": 12}
    assert before <= told(tmp_path).last_dropped["ttl"] <= time.time()
    pretend_dropped("ttl", 15)
    keeper(tmp_path).end()
    assert told(tmp_path).dropped["ttl"] == 15
    assert told(tmp_path).problem == "keepalived has ended"
    assert "dnsha_vrrp" not in nft("list", "tables")


@in_network_namespace
def test_a_table_that_somebody_takes_away_comes_back_with_its_counts(tmp_path: Path) -> None:
    one = keeper(tmp_path)
    one.start()
    pretend_dropped("interval", 3)
    look_once(one)
    nft("flush", "ruleset")
    look_once(one)
    assert counters()["dropped_interval"] == 3
    nft("reset", "counters", "table", "inet", "dnsha_vrrp")
    look_once(one)
    assert counters()["dropped_interval"] == 3
    assert told(tmp_path).problem == ""


@in_network_namespace
def test_a_new_start_replaces_the_table_of_one_that_was_killed_and_counts_on(tmp_path: Path) -> None:
    one = keeper(tmp_path)
    one.start()
    pretend_dropped("priority", 9)
    look_once(one)
    nft("add", "chain", "inet", "dnsha_vrrp", "of_an_older_version")
    keeper(tmp_path).start()
    assert counters()["dropped_priority"] == 9
    assert "of_an_older_version" not in nft("list", "table", "inet", "dnsha_vrrp")


@pytest.mark.parametrize("left", [b"", b"\0" * 512, b"{", b'{"time": 1, "loaded": true, "problem": "x"}'])
def test_what_an_earlier_one_left_may_be_garbage(
    tmp_path: Path, left: bytes, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    standin_nft(tmp_path, "exit 0")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    (tmp_path / "advert-filter.json").write_bytes(left)
    keeper(tmp_path).start()
    assert (told(tmp_path).problem, told(tmp_path).dropped) == ("", dict.fromkeys(REASONS, 0))
    assert capfd.readouterr().err == "the advert filter is loaded\n"


def test_without_nft_it_says_so_once_and_again_when_it_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    one = keeper(tmp_path)
    one.start()
    problem = "it cannot be loaded: nft cannot be run (No such file or directory); install nftables"
    assert told(tmp_path).problem == problem
    look_once(one)
    assert capfd.readouterr().err == (
        f"the advert filter does not work, and keepalived hears every VRRP advert: {problem}\n"
    )
    standin_nft(tmp_path, "exit 0")
    look_once(one)
    assert capfd.readouterr().err == "the advert filter is loaded\n"
    assert told(tmp_path).problem == ""


def test_nfts_complaint_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    standin_nft(tmp_path, 'echo "netlink: Error: cache initialization failed: Protocol not supported" >&2; exit 1')
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    keeper(tmp_path).start()
    assert told(tmp_path).problem == "it cannot be loaded: nft: cache initialization failed: Protocol not supported"


def test_an_nft_that_hangs_delays_keepalived_by_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    standin_nft(tmp_path, f"exec {shutil.which('sleep')} 30")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    began = time.monotonic()
    keeper(tmp_path).start()
    assert time.monotonic() - began < 9
    assert told(tmp_path).problem == "it cannot be loaded: nft did not end within 5 s"


def test_a_full_runtime_directory_stops_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    standin_nft(tmp_path, "exit 0")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    keeper(tmp_path / "gone").start()  # no such directory, which fails as a full one does
