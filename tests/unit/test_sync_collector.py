"""Sync and backup from their stamps, and what both nodes should hold alike, from disks that may hang or lie."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from exporter.collectors import sync as module
from exporter.collectors.sync import SyncCollector
from exporter.model.errors import NotReadyError
from exporter.model.observations import SyncObservation, SyncTask
from exporter.sources.digest import digest
from tests.lab.waiting import wait_for
from tests.unit.unprivileged import unprivileged, world_readable_directory

NOW = 1_700_000_000.0
STAMP = {"last_attempt": NOW - 60, "last_success": NOW - 60, "duration": 4.5, "exit_status": 0, "last_error": None}
TASKS = {"pihole": 10_800.0, "backup": 93_600.0}


@contextmanager
def collecting(
    directory: Path, content: Mapping[str, Path] | None = None, tasks: Mapping[str, float] | None = None
) -> Iterator[SyncCollector]:
    collector = SyncCollector(directory, TASKS if tasks is None else tasks, content or {}, clock=lambda: NOW)
    collector.start()
    try:
        yield collector
    finally:
        collector.stop()


def until(collector: SyncCollector, condition: Callable[[SyncObservation], bool] = lambda _: True) -> SyncObservation:
    def seen() -> SyncObservation:
        collector._worker.wake()
        return collector.collect()

    return wait_for("such a look", seen, until=condition, timeout=15, not_yet=(NotReadyError,))


def look(directory: Path, content: Mapping[str, Path] | None = None) -> SyncObservation:
    with collecting(directory, content) as collector:
        return until(collector)


def write(directory: Path, name: str, content: bytes | None = None, **changes: object) -> Path:
    path = directory / f"{name}.json"
    path.write_bytes(json.dumps({**STAMP, **changes}).encode() if content is None else content)
    return path


def test_each_task_tells_of_its_last_run(tmp_path: Path) -> None:
    write(tmp_path, "pihole")
    write(tmp_path, "backup", exit_status=1, last_success=None, last_error="no space left")
    assert look(tmp_path) == SyncObservation(
        (
            SyncTask("pihole", NOW - 60, NOW - 60, 4.5, 0, None, 10_800.0),
            SyncTask("backup", NOW - 60, None, 4.5, 1, "no space left", 93_600.0),
        ),
        (),
        (),
    )


def test_a_disk_with_little_room_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = os.statvfs(tmp_path)
    blocks = (63 << 20) // seen.f_frsize
    monkeypatch.setattr(os, "statvfs", lambda _: os.statvfs_result((*seen[:4], blocks, *seen[5:])))
    assert look(tmp_path).disk_full == f"63 MiB are left on the disk of {tmp_path}"


def test_a_task_without_a_stamp_has_never_run_and_that_is_no_failure_of_ours(tmp_path: Path) -> None:
    assert look(tmp_path / "missing") == SyncObservation(
        tuple(SyncTask(name, None, None, None, None, None, age) for name, age in TASKS.items()), (), ()
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the stamp is not JSON"),
        (json.dumps(STAMP).encode()[:40], "the stamp is not JSON"),
        (b'{"last_attempt": NaN, "exit_status": 0}', "the stamp holds NaN"),
        (b"[" * 100_000, "the stamp is nested too deep"),
        (b" " * (2 << 20), "is larger than 1048576 bytes"),
        (b"[]", "the stamp is not an object"),
        (b'{"last_attempt": "today", "exit_status": 0}', "last_attempt in the stamp is not a number"),
        (
            json.dumps({**STAMP, "last_success": NOW + 7200}).encode(),
            "last_success in the stamp is 7200 s in the future",
        ),
    ],
    ids=lambda value: repr(value[:30]),
)
def test_a_stamp_that_makes_no_sense_costs_itself_and_says_why(tmp_path: Path, content: bytes, words: str) -> None:
    path = write(tmp_path, "pihole", content)
    write(tmp_path, "backup")
    seen = look(tmp_path)
    assert [task.name for task in seen.tasks] == ["backup"]
    (problem,) = seen.problems
    assert problem.startswith(str(path))
    assert words in problem


def test_a_stamp_that_may_not_be_read_is_named_with_the_reason() -> None:
    with world_readable_directory() as directory:
        path = write(directory, "pihole")
        path.chmod(0)
        with unprivileged():
            assert look(directory).problems == (f"{path} cannot be read: Permission denied",)


def test_a_fifo_a_folder_and_a_link_to_nowhere_in_place_of_a_stamp_make_nobody_wait(tmp_path: Path) -> None:
    fifo, folder = tmp_path / "pihole.json", tmp_path / "backup.json"
    os.mkfifo(fifo)
    folder.mkdir()
    seen = look(tmp_path)
    assert seen.problems == (
        f"{fifo}: {fifo} is not a regular file",
        f"{folder} cannot be read: Is a directory",
    )
    fifo.unlink()
    fifo.symlink_to(tmp_path / "nowhere")
    assert look(tmp_path).tasks[0].last_attempt is None
    fifo.unlink()
    fifo.symlink_to(fifo.name)
    assert "Too many levels of symbolic links" in look(tmp_path).problems[0]


def test_a_stamp_behind_a_link_is_read(tmp_path: Path) -> None:
    real = write(tmp_path, "real")
    (tmp_path / "pihole.json").symlink_to(real)
    assert look(tmp_path).tasks[0].last_success == NOW - 60


def test_shared_content_is_told_by_its_digest_and_a_change_is_noticed(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "a.conf").write_text("one")
    with collecting(tmp_path, {"unbound": shared}) as collector:
        first = until(collector).digests[0]
        assert (first.name, first.digest) == ("unbound", digest(shared))
        (shared / "a.conf").write_text("two!")
        until(collector, lambda seen: seen.digests[0].digest == digest(shared) != first.digest)


def test_content_that_has_not_changed_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shared = tmp_path / "a.conf"
    shared.write_text("one")
    reads: list[Path] = []

    def count(path: Path) -> str:
        reads.append(path)
        return digest(path)

    monkeypatch.setattr(module, "digest", count)
    with collecting(tmp_path, {"unbound": shared}) as collector:
        for _ in range(3):
            before = until(collector)
            until(collector, lambda seen, before=before: seen is not before)  # type: ignore[misc]
    assert reads == [shared]


def test_content_that_vanishes_is_a_problem_and_the_rest_is_still_told(tmp_path: Path) -> None:
    shared, other = tmp_path / "shared", tmp_path / "other"
    shared.mkdir()
    other.touch()
    write(tmp_path, "pihole")
    with collecting(tmp_path, {"unbound": shared, "hosts": other}) as collector:
        assert len(until(collector).digests) == 2
        shared.rmdir()
        seen = until(collector, lambda seen: bool(seen.problems))
    assert seen.problems == (f"{shared} is not there; a sync makes it, and the sync's log says why none has",)
    assert [entry.name for entry in seen.digests] == ["hosts"]
    assert seen.tasks[0].last_success == NOW - 60


def test_content_that_is_no_file_is_a_problem(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    os.mkfifo(shared / "fifo")
    assert look(tmp_path, {"unbound": shared}).problems == (f"{shared}/fifo is neither a file nor a link",)


def test_a_disk_that_hangs_is_told_and_makes_nobody_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    release, hanging = threading.Event(), threading.Event()

    def hang(_: Path) -> bytes:
        hanging.set()
        release.wait(10)
        raise OSError(5, "Input/output error")

    with collecting(tmp_path) as collector:
        until(collector)
        monkeypatch.setattr(module, "read_bounded", hang)
        collector._worker.wake()
        assert hanging.wait(5)
        monkeypatch.setattr(module, "INTERVAL_SECONDS", 0.001)
        time.sleep(0.02)
        seen = collector.collect()
        release.set()
    assert (seen.tasks, seen.digests) == ((), ())
    assert seen.problems == (f"reading {tmp_path} hangs since 0 s; look at the disk",)


def test_before_the_first_look_there_is_nothing_to_say(tmp_path: Path) -> None:
    collector = SyncCollector(tmp_path, TASKS, {})
    with pytest.raises(NotReadyError, match="has not been read yet"):
        collector.collect()
    collector.stop()


def test_what_a_sync_found_different_is_read_beside_the_content(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    assert look(tmp_path, {"pihole": shared}).digests[0].differs == ()
    (tmp_path / "pihole.differs").write_bytes(b"host a\n\x1b[31msetting b\xff\n" + b"x\n" * 100)
    found = look(tmp_path, {"pihole": shared}).digests[0].differs
    assert found[:2] == ("host a", "[31msetting b\N{REPLACEMENT CHARACTER}")
    assert len(found) == 25
    (tmp_path / "pihole.differs").write_bytes(b"x" * (1 << 20))
    assert look(tmp_path, {"pihole": shared}).digests[0].differs == ()
