"""Backups through a stand-in of Pi-hole's API: whole or not at all, and Pi-hole's sessions given back."""

from __future__ import annotations

import json
import time
import zipfile
from functools import partial
from pathlib import Path

import pytest

from stack.tools import pihole_api
from stack.tools.backup import back_up, restore
from stack.tools.errors import BusyError, RefusedError, ToolError
from stack.tools.runlock import one_run

from .conftest import MakeNode
from .standin_pihole_api import MAXIMUM_SESSIONS, Fault, Session, StandinPihole


def files(folder: str) -> list[str]:
    """The backups of Pi-hole; those of whole nodes are below them."""
    found = Path(folder).iterdir() if Path(folder).exists() else ()
    return sorted(path.name for path in found if path.name != "node")


def test_a_backup_opens_is_stamped_and_gives_the_session_back(make_node: MakeNode, pihole: StandinPihole) -> None:
    node = make_node(PIHOLE_API=pihole.url)
    made = back_up(node.settings, node.tasks, 0, clock=lambda: 1_800_000_000.0)
    assert made.name == "pihole-beta-20270115T080000Z.zip"
    assert made.stat().st_mode & 0o777 == 0o640
    with zipfile.ZipFile(made) as archive:
        assert "etc/pihole/gravity.db" in archive.namelist()
    stamp = json.loads((node.settings.stamp_directory / "backup.json").read_bytes())
    assert (stamp["exit_status"], stamp["last_success"]) == (0, 1_800_000_000.0)
    assert stamp["bytes"] == made.stat().st_size
    assert (pihole.opened, pihole.sessions) == (1, {})


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("truncated", "ended its answer early"),
        ("not_zip", "is no whole archive"),
        ("damaged", "no whole archive|is damaged"),
        ("no_database", "lacks etc/pihole/gravity.db"),
        ("huge", "sends more than 51200 KiB"),
        ("hang", "did not answer within 1 s"),
        ("drip", "did not answer within 1 s"),
        ("error", "answers 500: Failed"),
    ],
)
def test_an_archive_that_is_of_no_use_is_no_backup(
    make_node: MakeNode, pihole: StandinPihole, fault: Fault, said: str
) -> None:
    node = make_node(PIHOLE_API=pihole.url, BACKUP_TIMEOUT="5" if fault == "huge" else "1")
    good = back_up(node.settings, node.tasks, 0, clock=lambda: 1000.0)
    pihole.fault = fault
    began = time.monotonic()
    with pytest.raises(ToolError, match=said):
        back_up(node.settings, node.tasks, 0, clock=lambda: 2000.0)
    assert time.monotonic() - began < 10
    assert files(node.environment["BACKUP_DIRECTORY"]) == [good.name]
    stamp = json.loads((node.settings.stamp_directory / "backup.json").read_bytes())
    assert (stamp["last_success"], stamp["exit_status"]) == (1000.0, 1)
    assert pihole.sessions == {}


def test_a_wrong_password_is_named_and_not_told(make_node: MakeNode, pihole: StandinPihole, tmp_path: Path) -> None:
    node = make_node(PIHOLE_API=pihole.url)
    (tmp_path / "password").write_text("not-the-one")
    with pytest.raises(ToolError, match="refuses the password") as caught:
        back_up(node.settings, node.tasks, 0)
    assert "not-the-one" not in str(caught.value)


@pytest.mark.parametrize(("content", "said"), [(None, "cannot be read"), (b"", "is empty"), (b"\xff", "is no text")])
def test_a_password_file_without_a_password_is_named(
    make_node: MakeNode, tmp_path: Path, content: bytes | None, said: str
) -> None:
    node = make_node()
    (tmp_path / "password").unlink()
    if content is not None:
        (tmp_path / "password").write_bytes(content)
    with pytest.raises(ToolError, match=f"password {said}"):
        back_up(node.settings, node.tasks, 0)


def test_when_all_sessions_are_taken_it_waits_for_one_and_then_says_so(
    make_node: MakeNode, pihole: StandinPihole, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pihole_api, "SEATS_RETRY_SECONDS", 0.5)
    node = make_node(PIHOLE_API=pihole.url, BACKUP_TIMEOUT="2")
    pihole.sessions.update({f"someone {number}": Session(number) for number in range(MAXIMUM_SESSIONS)})
    with pytest.raises(ToolError, match="all are taken; log out of its web interface"):
        back_up(node.settings, node.tasks, 0)
    del pihole.sessions["someone 3"]
    assert back_up(node.settings, node.tasks, 0).exists()
    assert len(pihole.sessions) == MAXIMUM_SESSIONS - 1


def test_forty_failing_backups_take_no_session_away(make_node: MakeNode, pihole: StandinPihole) -> None:
    node = make_node(PIHOLE_API=pihole.url)
    pihole.fault, pihole.attempts_per_second = "truncated", 100
    for _ in range(40):
        with pytest.raises(ToolError, match="ended its answer early"):
            back_up(node.settings, node.tasks, 0)
    assert (pihole.opened, pihole.sessions) == (40, {})


def test_nothing_listening_is_said_in_a_sentence(make_node: MakeNode) -> None:
    node = make_node(PIHOLE_API="http://127.0.0.1:9")
    with pytest.raises(ToolError, match=r"http://127.0.0.1:9/api/auth cannot be asked: Connection refused"):
        back_up(node.settings, node.tasks, 0)


def test_old_backups_go_only_after_a_new_one_is_there(make_node: MakeNode, pihole: StandinPihole) -> None:
    node = make_node(PIHOLE_API=pihole.url, BACKUP_RETENTION_DAYS="2")
    folder = Path(node.environment["BACKUP_DIRECTORY"])
    folder.mkdir()
    (folder / "pihole-alpha-20200101T000000Z.zip").touch()  # the other node's
    (folder / "holiday.jpg").touch()
    day = 86400.0
    for number in range(6):
        back_up(node.settings, node.tasks, 0, clock=partial(float, 1_800_000_000 + number * day))
    assert files(str(folder)) == [
        "holiday.jpg",
        "pihole-alpha-20200101T000000Z.zip",
        "pihole-beta-20270118T080000Z.zip",
        "pihole-beta-20270119T080000Z.zip",
        "pihole-beta-20270120T080000Z.zip",
    ]
    pihole.fault = "truncated"
    with pytest.raises(ToolError):
        back_up(node.settings, node.tasks, 0, clock=lambda: 1_800_000_000 + 100 * day)
    assert len(files(str(folder))) == 5


def test_one_backup_at_a_time(make_node: MakeNode, pihole: StandinPihole) -> None:
    node = make_node(PIHOLE_API=pihole.url)
    with one_run(node.tasks.task_directory / "backup.lock"), pytest.raises(BusyError, match="another run"):
        back_up(node.settings, node.tasks, 0.2)
    assert back_up(node.settings, node.tasks, 0).exists()


def test_a_full_disk_is_a_failure_in_a_sentence(
    make_node: MakeNode, pihole: StandinPihole, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = make_node(PIHOLE_API=pihole.url)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(ToolError, match="is the disk full"):
        back_up(node.settings, node.tasks, 0)
    assert files(node.environment["BACKUP_DIRECTORY"]) == []


def test_a_backup_can_be_given_back(make_node: MakeNode, pihole: StandinPihole) -> None:
    node = make_node(PIHOLE_API=pihole.url)
    made = back_up(node.settings, node.tasks, 0)
    restore(node.tasks, made)
    assert pihole.restored == [made.read_bytes()]
    assert pihole.sessions == {}


def test_a_damaged_backup_is_not_given_back(make_node: MakeNode, pihole: StandinPihole) -> None:
    node = make_node(PIHOLE_API=pihole.url)
    made = back_up(node.settings, node.tasks, 0)
    made.write_bytes(made.read_bytes()[:-30])
    with pytest.raises(RefusedError, match="nothing restored"):
        restore(node.tasks, made)
    assert pihole.opened == 1
