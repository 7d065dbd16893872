"""Starting keepalived on a runtime directory that is full, or holds garbage where its own files should be."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from exporter.engine.runtime import RuntimeFiles
from stack.keepalived import recorder, start


def no_room(path: Path, content: bytes, mode: int = 0) -> None:
    """As ``write_atomically`` on a full file system."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))


def test_a_file_of_ours_is_kept_as_it_is_when_it_says_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "values"
    path.write_bytes(b"$A=1\n")
    monkeypatch.setattr(start, "write_atomically", no_room)
    before = path.stat()
    start.keep(path, b"$A=1\n", mode=0o600)
    assert path.stat() == before


@pytest.mark.parametrize("content", [b"$A=2\n", b"$A=1\n$B=longer than before\n", b"$A\n"])
def test_a_file_of_ours_is_overwritten_in_place_when_there_is_no_room_for_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    path = tmp_path / "values"
    path.write_bytes(b"$A=1\n")
    monkeypatch.setattr(start, "write_atomically", no_room)
    start.keep(path, content, mode=0o600)
    assert path.read_bytes() == content


def test_a_new_file_gets_its_mode(tmp_path: Path) -> None:
    start.keep(tmp_path / "values", b"$A=1\n", mode=0o600)
    assert stat.S_IMODE((tmp_path / "values").stat().st_mode) == 0o600


def test_what_is_no_fifo_makes_room_for_one(tmp_path: Path) -> None:
    files = RuntimeFiles(tmp_path)
    files.notify_fifo.write_bytes(b"garbage")
    os.close(recorder.open_fifo(files))
    assert files.notify_fifo.is_fifo()
    os.close(recorder.open_fifo(files))
