"""Sync, backup and other tasks: when they last worked, and whether the nodes still hold the same."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from exporter.engine.files import read_bounded
from exporter.engine.worker import Worker
from exporter.model.errors import NotReadyError, ParseError
from exporter.model.observations import ContentDigest, SyncObservation, SyncTask
from exporter.parsers.stamp import parse_stamp
from exporter.sources.digest import Signature, digest, signature

INTERVAL_SECONDS = 5.0
# Less than a backup needs.
FULL_BELOW_BYTES = 64 << 20
MAXIMUM_NAMES_BYTES = 64 << 10
MAXIMUM_NAMES = 25


class SyncCollector:
    """Reads stamps and digests in the background, because disks and network shares can hang."""

    name = "sync"

    def __init__(
        self,
        directory: Path,
        tasks: Mapping[str, float],
        content: Mapping[str, Path],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._directory = directory
        self._tasks = tasks
        self._content = content
        self._clock = clock
        self._known: dict[str, tuple[Signature, str]] = {}
        self._lock = threading.Lock()
        self._latest: SyncObservation | None = None
        self._read_at = 0.0
        self._worker = Worker("sync", self._work)

    def start(self) -> None:
        """Begin to read."""
        self._worker.start()

    def collect(self) -> SyncObservation:
        """Tell what was read last."""
        with self._lock:
            latest, age = self._latest, time.monotonic() - self._read_at
        if latest is None:
            msg = f"{self._directory} has not been read yet"
            raise NotReadyError(msg)
        if age > 10 * INTERVAL_SECONDS:
            problem = f"reading {self._directory} hangs since {age:.0f} s; look at the disk"
            return SyncObservation((), (), (problem,))
        return latest

    def stop(self) -> None:
        """Read no more."""
        self._worker.stop()

    def _work(self) -> float:
        problems: list[str] = []
        tasks = [task for name, age in self._tasks.items() if (task := self._task(name, age, problems))]
        digests = [entry for name, path in self._content.items() if (entry := self._digest(name, path, problems))]
        full = _disk_full(self._directory)
        with self._lock:
            self._latest = SyncObservation(tuple(tasks), tuple(digests), tuple(problems), full)
            self._read_at = time.monotonic()
        return INTERVAL_SECONDS

    def _task(self, name: str, maximum_age: float, problems: list[str]) -> SyncTask | None:
        path = self._directory / f"{name}.json"
        try:
            stamp = parse_stamp(read_bounded(path), self._clock())
        except FileNotFoundError:
            return SyncTask(name, None, None, None, None, None, maximum_age)
        except OSError as error:
            problems.append(f"{path} cannot be read: {error.strerror}")
            return None
        except ParseError as error:
            problems.append(f"{path}: {error}")
            return None
        return SyncTask(
            name, stamp.last_attempt, stamp.last_success, stamp.duration, stamp.exit_status, stamp.error, maximum_age
        )

    def _digest(self, name: str, path: Path, problems: list[str]) -> ContentDigest | None:
        try:
            seen = signature(path)
            if self._known.get(name, (None, ""))[0] != seen:
                self._known[name] = (seen, digest(path))
        except FileNotFoundError:
            problems.append(f"{path} is not there; a sync makes it, and the sync's log says why none has")
            return None
        except OSError as error:
            problems.append(f"{path} cannot be read: {error.strerror}")
            return None
        except ParseError as error:
            problems.append(str(error))
            return None
        return ContentDigest(name, self._known[name][1], _differs(path.with_name(f"{name}.differs")))


def _differs(path: Path) -> tuple[str, ...]:
    """What a sync wrote beside the content, one name a line; the digests decide, so what cannot be read is nothing."""
    try:
        text = read_bounded(path, MAXIMUM_NAMES_BYTES).decode(errors="replace")
    except (OSError, ParseError):
        return ()
    return tuple("".join(one for one in line if one.isprintable()) for line in text.splitlines())[:MAXIMUM_NAMES]


def _disk_full(directory: Path) -> str | None:
    try:
        disk = os.statvfs(directory)
    except OSError:  # there is no stamp yet; what hinders reading is a problem already
        return None
    left = disk.f_bavail * disk.f_frsize
    return f"{left >> 20} MiB are left on the disk of {directory}" if left < FULL_BELOW_BYTES else None
