"""Back a Pi-hole up, and bring a backup back: Teleporter archives through its API; and the whole node with it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from exporter.settings.values import Settings
from stack.tools import gravity, node_backup, pihole, retention
from stack.tools.archive import MAXIMUM_BYTES, Contents, inspect
from stack.tools.errors import RefusedError, ToolError
from stack.tools.pihole_api import PiholeApi
from stack.tools.pihole_http import NoGravityError, PiholeError
from stack.tools.pihole_restart import wait_until_settled
from stack.tools.progress import say
from stack.tools.runlock import one_run
from stack.tools.settings import TaskSettings
from stack.tools.stamps import stamped

TASK = "backup"
TELEPORTER = "/teleporter"
PARTIAL_SUFFIX = ".partial"


def back_up(node: Settings, tasks: TaskSettings, wait: float, clock: Callable[[], float] = time.time) -> Path:
    """Make one backup: it has its name only when it is whole, opens, and is on the disk.

    Raises:
        BusyError: another backup is under way still after ``wait`` seconds.
        ToolError: there is no new backup; the old ones are as they were.
    """
    with one_run(tasks.task_directory / "backup.lock", wait), stamped(node.stamp_directory, TASK, clock) as extra:
        target = tasks.backup_directory / retention.name_at(node.node_name, clock())
        try:
            contents = _fetch(target, tasks)
            extra["bytes"] = target.stat().st_size
            node_backup.make(node.node_name, tasks, target, clock())
            _remove_expired(node.node_name, tasks, clock())
        except OSError as error:
            raise ToolError(f"{tasks.backup_directory}: {error.strerror}; is the disk full or read-only?") from None
        say(f"backup: {target} holds {len(contents.members)} files, {contents.rows} entries, and opens")
        return target


def restore(tasks: TaskSettings, archive: Path) -> None:
    """Give a backup back to this node's Pi-hole, after a look whether it is whole, and let it load its lists.

    Raises:
        RefusedError: the archive is of no use; Pi-hole was not touched.
        ToolError: Pi-hole did not take it, or has no gravity of the lists that came.
    """
    try:
        contents = inspect(archive)
    except ToolError as error:
        raise RefusedError(f"nothing restored: {error}") from None
    api, state = pihole.here(tasks, tasks.backup_timeout), gravity.state_file(tasks.task_directory)
    say(f"restore: {archive} is whole, {contents.rows} entries; giving it to {api.url}")
    with api.session() as session:
        began = time.monotonic()
        gravity.write_state(state, gravity.GravityState(due=True))
        for name in _taken(session.upload(TELEPORTER, archive.name, archive.read_bytes())):
            say(f"restore: Pi-hole took {name}")
        wait_until_settled(session, began)
        gravity.build(session, tasks.gravity_timeout)
        gravity.write_state(state, gravity.GravityState(due=False))
    say("restore: done")


def _fetch(target: Path, tasks: TaskSettings) -> Contents:
    target.parent.mkdir(parents=True, exist_ok=True)
    for left in target.parent.glob(f".pihole-*{PARTIAL_SUFFIX}"):  # by a run that was killed: we hold the lock
        left.unlink(missing_ok=True)
    partial = target.with_name(f".{target.name}{PARTIAL_SUFFIX}")
    try:
        with (
            pihole.here(tasks, tasks.backup_timeout).session() as session,
            open(partial, "xb", opener=_private) as file,
        ):
            _download(session, file, tasks)
            file.flush()
            os.fsync(file.fileno())
        contents = inspect(partial)
        partial.replace(target)
        _sync_directory(target.parent)
    finally:
        partial.unlink(missing_ok=True)
    return contents


def _download(session: PiholeApi, file: IO[bytes], tasks: TaskSettings) -> None:
    try:
        session.download(TELEPORTER, file, MAXIMUM_BYTES)
    except NoGravityError:  # on a standalone node nobody else does something about it
        gravity.ensure(session, gravity.state_file(tasks.task_directory), tasks.gravity_timeout)
        session.renew(tasks.backup_timeout)
        session.download(TELEPORTER, file, MAXIMUM_BYTES)


def _private(path: str, flags: int) -> int:
    """An archive holds the password's hash and the clients' names: for its user and the stack's group alone."""
    return os.open(path, flags | os.O_CLOEXEC, 0o640)


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove_expired(node: str, tasks: TaskSettings, now: float) -> None:
    folders = {retention.PIHOLE: tasks.backup_directory, retention.NODE: node_backup.folder(tasks)}
    for kind, folder in folders.items():
        backups = retention.find(folder.iterdir(), node, kind)
        for old in retention.expired(backups, now, tasks.backup_retention_days):
            old.path.unlink(missing_ok=True)
            say(f"backup: removed {old.path}, older than {tasks.backup_retention_days} days")


def _taken(answer: Any) -> list[str]:  # noqa: ANN401
    files = answer.get("files") if isinstance(answer, dict) else None
    if not isinstance(files, list) or not files:
        msg = "Pi-hole does not say what it took of the archive; look at its log before relying on it"
        raise PiholeError(msg)
    return [str(name) for name in files]
