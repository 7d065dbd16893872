"""Every state file that a power cut, a person or a newer version has left unusable: replaced, set aside, and told."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from alerts.notifier.store import Store
from exporter.collectors.vip import VipCollector
from exporter.engine.files import set_aside
from exporter.engine.runtime import RuntimeFiles
from exporter.model.addressing import parse_virtual_address
from stack.images import settings as images_settings
from stack.keepalived import start
from stack.tools import gravity, inventory
from stack.tools.overwrite_check import SyncBaseline, read_baseline, write_baseline
from stack.tools.runlock import one_run
from stack.tools.schedule import run_for_ever
from stack.tools.stamps import has_succeeded, stamped
from tests.lab.waiting import wait_for

from .conftest import MakeNode

NOISE = bytes(range(256)) * 4
DAMAGES: dict[str, Callable[[Path], object]] = {
    "zeros": lambda path: path.write_bytes(bytes(4096)),
    "nothing": lambda path: path.touch(),
    "noise": lambda path: path.write_bytes(NOISE),
    "half": lambda path: path.write_text('{"format": 1, "version": 1, "due": true, "settled": {"a'),
    "a list": lambda path: path.write_text("[1, 2]"),
    "of a future version": lambda path: path.write_text('{"format": 99, "version": 99, "everything": {"new": 1}}'),
    "nested too deep": lambda path: path.write_text("[" * 100_000),
    "a folder": lambda path: (path / "inside").mkdir(parents=True),
    "a pipe": os.mkfifo,
}


def write_stamp(path: Path) -> None:
    with stamped(path.parent, path.stem):
        pass


def read_stamp(path: Path) -> bool:
    return has_succeeded(path.parent, path.stem)


def use_baseline(path: Path) -> None:
    read_baseline(path)
    write_baseline(path, SyncBaseline({"a": "1"}))


def use_gravity(path: Path) -> None:
    gravity.read_state(path)
    gravity.write_state(path, gravity.GravityState(due=False))


# How each is used once, and what proves that a later one reads what this one has written.
TOOLS: dict[str, tuple[Callable[[Path], object], Callable[[Path], object]]] = {
    "pihole.json": (write_stamp, read_stamp),
    "sync-pihole.json": (use_baseline, lambda path: read_baseline(path) == SyncBaseline({"a": "1"})),
    "gravity.json": (use_gravity, lambda path: not gravity.read_state(path).due),
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", TOOLS)
def test_a_task_replaces_its_damaged_state_and_says_so(
    name: str, damage: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    use, proof = TOOLS[name]
    path = tmp_path / name
    DAMAGES[damage](path)
    use(path)
    assert proof(path)
    said = capsys.readouterr().err
    assert said.count(f"kept as {path}.damaged") == 1, said
    assert os.path.lexists(f"{path}.damaged")
    use(path)
    assert capsys.readouterr().err == ""


def test_a_time_that_no_clock_has_is_none(tmp_path: Path) -> None:
    path = tmp_path / "gravity.json"
    path.write_text(f'{{"due": false, "tried": 1{"0" * 400}}}')
    assert gravity.read_state(path) == gravity.GravityState(due=False)


@pytest.mark.parametrize("name", TOOLS)
def test_what_is_good_and_what_is_not_there_is_told_nobody(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    use, proof = TOOLS[name]
    for _ in range(2):
        use(tmp_path / name)
        assert proof(tmp_path / name)
    assert capsys.readouterr().err == ""
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("damage", DAMAGES)
def test_the_notifier_starts_with_nothing_known_and_keeps_what_it_could_not_read(
    damage: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "state.json"
    DAMAGES[damage](path)
    with caplog.at_level(logging.ERROR):
        assert Store(path).known() == {}
    assert f"kept as {path}.damaged" in caplog.text
    assert os.path.lexists(f"{path}.damaged")
    assert not os.path.lexists(path)


@pytest.mark.parametrize("damage", DAMAGES)
def test_the_exporters_counters_begin_anew_and_what_they_were_is_kept(
    damage: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "vip.json"
    DAMAGES[damage](path)
    collector = VipCollector([parse_virtual_address("192.0.2.53")], path)
    collector.start()
    try:
        wait_for("the state", path.is_file, timeout=15)
    finally:
        collector.stop()
    assert json.loads(path.read_bytes())["vips"].keys() == {"192.0.2.53"}
    assert "counters of before the restart are lost" in caplog.text
    assert f"kept as {path}.damaged" in caplog.text


def test_only_the_last_damaged_one_is_kept_and_what_cannot_be_moved_is_said(tmp_path: Path) -> None:
    path, aside = tmp_path / "state", tmp_path / "state.damaged"
    (aside / "inside").mkdir(parents=True)
    for content in ("one", "two"):
        path.write_text(content)
        assert set_aside(path) == f"kept as {aside}"
        assert aside.read_text() == content
    path.mkdir()
    assert set_aside(path) == f"kept as {aside}"
    assert set_aside(path) == "it cannot be set aside: No such file or directory"


def test_a_lock_an_inventory_and_a_request_that_are_folders_are_in_nobodys_way(
    make_node: MakeNode, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tasks = make_node().tasks
    shared = tasks.task_directory / "shared"
    (shared / "pihole.txt" / "inside").mkdir(parents=True)
    inventory.write({"a": "1"}, tasks, built=True)
    # Beside it another name would count as content that the other node has not.
    assert [path.name for path in shared.iterdir()] == ["pihole.txt"]
    assert (shared / "pihole.txt").read_text() == "a 1\n"

    (tmp_path / "run.lock").mkdir()
    with one_run(tmp_path / "run.lock"):
        assert "is a folder where a lock should be" in capsys.readouterr().err

    request = tmp_path / "request"
    (request / "inside").mkdir(parents=True)
    asked: list[bool] = []

    def run(by_hand: bool) -> None:
        asked.append(by_hand)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_for_ever("task", lambda now, _: now + 3600, run, tmp_path / "heartbeat", request)
    assert asked == [True]
    assert not request.exists()


@pytest.mark.parametrize(
    ("left", "after", "told"),
    [
        (None, b"0\n", ""),
        (b"1\n", b"1\n", ""),
        (b"1", b"1", ""),
        (b"yes\n", b"0\n", "neither 0 nor 1"),
        (b"", b"0\n", "neither 0 nor 1"),
        (bytes(2000), b"0\n", "cannot be used"),
        ("folder", b"0\n", "cannot be used"),
    ],
)
def test_keepalived_starts_whatever_is_left_in_its_directory(
    left: bytes | str | None, after: bytes, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = RuntimeFiles(tmp_path)
    folders = (files.chain_hard, files.address_missing, files.world_failed, files.pid, files.vrrp_pid, files.values)
    for folder in folders:
        (folder / "inside").mkdir(parents=True)
    files.chain_soft.write_bytes(NOISE)
    if left == "folder":
        files.drain.mkdir()
    elif isinstance(left, bytes):
        files.drain.write_bytes(left)
    start.clear(files)
    assert files.drain.read_bytes() == after
    said = capsys.readouterr().err
    assert told in said if told else said == ""
    assert [folder for folder in (*folders, files.chain_soft) if folder.exists()] == []
    if left is None:
        assert files.drain.stat().st_mode & 0o777 == 0o664  # the tools write into it, with their group


def test_a_track_file_that_is_right_stays_the_same_file(tmp_path: Path) -> None:
    """In a full directory there may be no room for another one."""
    files = RuntimeFiles(tmp_path)
    files.health.mkdir()
    files.chain_hard.write_bytes(b"1\n")
    before = files.chain_hard.stat().st_ino
    start.clear(files)
    assert files.chain_hard.stat().st_ino == before


@pytest.mark.parametrize("damage", DAMAGES)
def test_passwords_and_targets_are_written_whatever_is_in_their_place(
    damage: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "password"
    assert images_settings.write(path, b"correct horse") is False
    path.unlink()
    DAMAGES[damage](path)
    assert images_settings.write(path, b"correct horse") is True
    assert path.read_bytes() == b"correct horse"
    assert images_settings.write(path, b"correct horse") is False
    assert images_settings.write(path, b"another one") is True
    assert "correct horse" not in capsys.readouterr().out


def test_a_password_that_is_no_text_is_named_and_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(images_settings, "GIVEN", tmp_path)
    (tmp_path / "pihole_password").write_bytes("pässword".encode("latin-1"))
    assert images_settings.main() == images_settings.BAD_CONFIGURATION
    said = capsys.readouterr().err
    assert "nothing started: PIHOLE_PASSWORD is no text in UTF-8" in said
    assert "ssword" not in said
