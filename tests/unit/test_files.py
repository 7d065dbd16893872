"""Small files are written in one step and read with a bound; JSON is taken from anyone."""

from __future__ import annotations

import contextlib
import json
import os
import stat
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.engine.files import read_bounded, write_atomically
from exporter.model.errors import ParseError
from exporter.parsers.fields import parse_json
from tests.unit.hostile import NOT_QUITE_JSON, json_values


def test_a_file_that_is_written_holds_the_new_content_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    write_atomically(path, b"old")
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [tmp_path / "state.json"]
    assert path.stat().st_mode & 0o777 == 0o644
    write_atomically(path, b"secret", mode=0o600)
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_reader_never_sees_a_part_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    contents = {letter * 200_000 for letter in (b"a", b"b")}
    write_atomically(path, b"a" * 200_000)
    done = threading.Event()
    seen: set[bytes] = set()

    def read() -> None:
        while not done.is_set():
            seen.add(path.read_bytes())

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(20):
        for content in contents:
            write_atomically(path, content)
    done.set()
    reader.join()
    assert seen <= contents


def test_a_write_that_fails_keeps_the_old_file_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    folder = tmp_path / "state.json"
    (folder / "something").mkdir(parents=True)
    with pytest.raises(OSError, match="directory"):
        write_atomically(folder, b"new")
    assert list(tmp_path.iterdir()) == [tmp_path / "state.json"]


def test_the_content_is_on_disk_before_the_name_and_the_name_before_it_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What only a power cut shows (fsync(2): the folder's entry needs one of its own)."""
    path = tmp_path / "state.json"
    synced: list[tuple[str, bool]] = []
    fsync = os.fsync

    def recorded(descriptor: int) -> None:
        kind = "folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file"
        synced.append((kind, path.exists()))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", recorded)
    write_atomically(path, b"new")
    assert synced == [("file", False), ("folder", True)]


def test_a_file_of_exactly_the_limit_is_read_and_one_byte_more_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * 10)
    assert read_bounded(path, 10) == b"x" * 10
    with pytest.raises(ParseError, match="larger than 9 bytes"):
        read_bounded(path, 9)


def test_a_fifo_in_place_of_a_file_is_refused_without_waiting_for_a_writer(tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    with pytest.raises(ParseError, match="not a regular file"):
        read_bounded(path)


def test_a_device_in_place_of_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ParseError, match="not a regular file"):
        read_bounded(Path("/dev/zero"))


def test_a_folder_in_place_of_a_file_and_a_missing_file_are_the_systems_errors(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        read_bounded(tmp_path)
    with pytest.raises(FileNotFoundError):
        read_bounded(tmp_path / "missing")


@pytest.mark.parametrize("content", NOT_QUITE_JSON, ids=lambda content: content[:20].decode("latin-1"))
def test_what_is_not_quite_json_is_refused_in_a_sentence(content: bytes) -> None:
    with pytest.raises(ParseError, match=r"^the stamp "):
        parse_json(content, "the stamp")


def test_a_whole_surrogate_pair_is_one_character() -> None:
    assert parse_json(b'{"note": "\\ud83d\\ude00 \\\\ud800"}', "the stamp") == {"note": "\U0001f600 \\ud800"}


@given(json_values)
def test_json_that_any_program_wrote_is_read_back(value: object) -> None:
    assert parse_json(json.dumps(value).encode(), "it") == value
    assert parse_json(json.dumps(value, ensure_ascii=False), "it") == value


@given(st.binary(max_size=200))
def test_any_bytes_are_json_or_refused(content: bytes) -> None:
    with contextlib.suppress(ParseError):
        parse_json(content, "it")
