"""State that survives a restart: whatever happens to one of its two files, what was saved last is read back."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from exporter.engine.state_file import StateFile
from exporter.model.errors import ParseError

GARBAGE = (b"", b"\0" * 4096, b'{"n": ', b"[1]", b"\xff\xfe", b"9" * (2 << 20))


def number(content: bytes) -> int:
    try:
        found = json.loads(content)["n"]
    except (ValueError, TypeError, KeyError) as error:
        raise ParseError(str(error)) from None
    if type(found) is not int:
        message = "no number"
        raise ParseError(message)
    return found


@pytest.fixture
def state(tmp_path: Path) -> StateFile[int]:
    return StateFile(tmp_path / "state.json", number)


def test_what_was_saved_last_is_read_back_and_nothing_is_told(state: StateFile[int]) -> None:
    assert state.load() is None
    assert state.notice is None
    state.save(b'{"n": 3}')
    state.save(b'{"n": 4}')
    assert (state.load(), state.notice) == (4, None)


@pytest.mark.parametrize("name", ["state.json", "state.copy.json"])
@pytest.mark.parametrize("garbage", GARBAGE)
def test_a_damaged_file_costs_nothing_and_is_set_aside_told_and_replaced(
    state: StateFile[int], tmp_path: Path, name: str, garbage: bytes
) -> None:
    state.save(b'{"n": 4}')
    (tmp_path / name).write_bytes(garbage)
    assert state.load() == 4
    assert state.notice is not None
    assert name in state.notice
    assert "nothing is lost" in state.notice
    assert (tmp_path / f"{name}.damaged").read_bytes() == garbage
    state.save(b'{"n": 5}')
    assert (tmp_path / name).read_bytes() == b'{"n": 5}'
    assert state.load() == 5
    assert state.notices() == ()


def test_a_folder_in_its_place_is_set_aside_too(state: StateFile[int], tmp_path: Path) -> None:
    (tmp_path / "state.json").mkdir()
    assert state.load() is None
    state.save(b'{"n": 1}')
    assert state.load() == 1


def test_both_damaged_is_told_as_a_loss(state: StateFile[int], tmp_path: Path) -> None:
    state.save(b'{"n": 4}')
    for name in ("state.json", "state.copy.json"):
        (tmp_path / name).write_bytes(b"\0")
    assert state.load() is None
    assert state.notice is not None
    assert "counters of before the restart are lost" in state.notice


ON_A_FULL_DISK = """
import pathlib, sys
from exporter.engine.state_file import StateFile
folder = pathlib.Path(sys.argv[1])
state = StateFile(folder / "state.json", bytes)
state.save(b"before, and longer")
with (folder / "full").open("wb", buffering=0) as full:
    for size in (4096, 1):
        try:
            while full.write(bytes(size)):
                pass
        except OSError:
            pass
for content in (b"after", b"at last"):
    state.save(content)
    assert [file.read_bytes() for file in sorted(folder.glob("state*"))] == [content, content]
print(StateFile(folder / "state.json", bytes).load().decode())
"""


def test_what_is_saved_on_a_full_disk_is_read_back(tmp_path: Path) -> None:
    mounted = 'mount -t tmpfs -o size=64k,nr_inodes=8 none "$1" && exec "$2" -c "$3" "$1"'
    command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mounted, "sh"]
    done = subprocess.run(
        [*command, str(tmp_path), sys.executable, ON_A_FULL_DISK],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("at last\n", "")
