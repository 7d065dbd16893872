"""The commands of the tasks: backup, restore, and the sign of life of their loops."""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from exporter.http.pause_request import PERIOD
from stack.tools import backup as backing_up
from stack.tools import exchange, inventory, node_backup, pihole, schedule
from stack.tools import pause as pausing
from stack.tools.adopt import adopt
from stack.tools.archive import inspect
from stack.tools.change_watch import FilesWatch, PeerWatch, Watch
from stack.tools.errors import RefusedError, ToolError
from stack.tools.pause import PauseEnd, PauseRequest
from stack.tools.pinned import trust
from stack.tools.progress import say
from stack.tools.run_command import run_command
from stack.tools.runlock import one_run
from stack.tools.settings import TaskSettings, read_node, read_node_and_tasks, read_tasks
from stack.tools.stamps import has_succeeded
from stack.tools.sync import synchronise
from stack.tools.sync_unbound import RELOAD_SECONDS

BY_HAND_WAIT_SECONDS = 600.0
# How soon the exporters know that the nodes differ, where Pi-hole's files cannot be watched.
INVENTORY_SECONDS = 60.0


def backup(options: argparse.Namespace, environment: Mapping[str, str]) -> None:
    """Back up now, or whenever it is due."""
    node, tasks = read_node_and_tasks(environment)
    if options.when == "now":
        backing_up.back_up(node, tasks, BY_HAND_WAIT_SECONDS)
        return
    exchange.start(node, tasks)
    due = schedule.at(tasks.backup_cron)
    if tasks.backup_cron is not None:
        due = schedule.soon_at_first(due, lambda: has_succeeded(node.stamp_directory, backing_up.TASK))
    schedule.run_for_ever(
        "backup",
        due,
        lambda _: backing_up.back_up(node, tasks, 0),
        heartbeat(tasks, "backup"),
        request_file(tasks, "backup"),
    )


def sync(options: argparse.Namespace, environment: Mapping[str, str]) -> None:
    """Sync now, or every SYNC_INTERVAL. A primary only writes down what it holds, for the comparison."""
    node, tasks = read_node_and_tasks(environment)
    if options.when == "trust":
        trust(pihole.url_there(node, tasks), tasks.task_directory)
        return
    if options.when == "adopt":
        with one_run(tasks.task_directory / "sync.lock", BY_HAND_WAIT_SECONDS):
            adopt(node, tasks, force=options.force)
        synchronise(node, tasks, BY_HAND_WAIT_SECONDS)
        return
    if options.when == "now":
        synchronise(node, tasks, BY_HAND_WAIT_SECONDS, force=options.force)
        return
    secondary, files = node.node_role == "secondary", FilesWatch(tasks.pihole_directory)

    def run(by_hand: bool) -> None:  # noqa: FBT001 (as the schedule calls it)
        if not secondary:
            files.begin()  # before, so that nothing that comes meanwhile is missed
            inventory.update(tasks)
            return
        try:
            synchronise(node, tasks, 0, by_hand=by_hand)
        finally:
            files.begin()  # after, because a sync writes them itself

    watches: list[Watch] = [PauseEnd(node, tasks), PauseRequest(node, tasks), files]
    if secondary:
        watches.append(PeerWatch(node, tasks))
    schedule.run_for_ever(
        "sync" if secondary else "inventory",
        schedule.every(tasks.sync_interval if secondary else INVENTORY_SECONDS),
        run,
        heartbeat(tasks, "sync"),
        request_file(tasks, "sync"),
        watches=watches,
    )


def duration(text: str) -> float | str:
    """How long a pause is, in seconds, or one of the words in its place.

    Raises:
        argparse.ArgumentTypeError: it is neither.
    """
    try:
        return text if text in ("end", "url") else PERIOD(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def pause(options: argparse.Namespace, environment: Mapping[str, str]) -> None:
    """Pause blocking on both nodes, or end that."""
    node, tasks = read_node_and_tasks(environment)
    if options.duration == "url":
        sys.stdout.write(f"{pausing.url(node)}\n")
    elif options.duration == "end":
        pausing.resume(node, tasks)
    else:
        pausing.pause(node, tasks, options.duration)


def drill(options: argparse.Namespace, environment: Mapping[str, str]) -> None:
    """Rehearse a failover now, or whenever it is due. Of a pair only the primary does so by itself."""
    from stack.tools.drill import drill as rehearse  # dnspython, which the other tasks do without

    node = read_node(environment)
    if options.when == "now":
        rehearse(node, BY_HAND_WAIT_SECONDS)
        return
    tasks = read_tasks(environment)
    schedule.run_for_ever(
        "drill",
        schedule.at(tasks.drill_cron if node.node_role == "primary" else None),
        lambda _: rehearse(node, 0),
        heartbeat(tasks, "drill"),
        request_file(tasks, "drill"),
    )


def restore(options: argparse.Namespace, environment: Mapping[str, str]) -> None:
    """Give a backup back to this node's Pi-hole."""
    if options.check:
        contents = inspect(options.archive)
        say(f"{options.archive} is whole: {len(contents.members)} files, {contents.rows} entries")
        return
    backing_up.restore(read_tasks(environment), options.archive)


def copy(options: argparse.Namespace, environment: Mapping[str, str]) -> None:  # noqa: ARG001
    """Fetch the other node's newest backup."""
    kept = exchange.fetch(*read_node_and_tasks(environment), BY_HAND_WAIT_SECONDS)
    say(f"copy: {kept} is the other node's newest backup, and opens" if kept else "copy: there is no newer one there")


def export(options: argparse.Namespace, environment: Mapping[str, str]) -> None:  # noqa: ARG001
    """Write the newest backup of the whole node, sealed, to standard output."""
    if sys.stdout.isatty():
        raise RefusedError("the backup goes to standard output, which is a terminal; add >FILE.sealed")  # noqa: EM101
    path = exchange.newest_sealed(*read_node_and_tasks(environment))
    with path.open("rb") as file:
        shutil.copyfileobj(file, sys.stdout.buffer)
    say(f"export: {path.name}; it opens with this pair's PAIR_KEY, so keep that somewhere else too")


def keep_settings(options: argparse.Namespace, environment: Mapping[str, str]) -> None:  # noqa: ARG001
    """Take ``.env`` for the next backup."""
    node_backup.keep_settings(read_tasks(environment))


def restore_silences(options: argparse.Namespace, environment: Mapping[str, str]) -> None:  # noqa: ARG001
    """Give a backup's silences back to Alertmanager."""
    count = node_backup.give_silences(sys.stdin.read(node_backup.MAXIMUM_SETTINGS_BYTES), time.time())
    say(f"restore: {count} silences")


def reload_unbound(options: argparse.Namespace, environment: Mapping[str, str]) -> None:  # noqa: ARG001
    """Let the files of unbound.d count, unless one has a fault."""
    tasks = read_tasks(environment)
    if not tasks.unbound_reload_command:
        raise ToolError("UNBOUND_RELOAD_COMMAND is not set; run this where the stack runs")  # noqa: EM101
    with one_run(tasks.task_directory / "sync.lock", BY_HAND_WAIT_SECONDS) as lock:
        run_command(tasks.unbound_reload_command, RELOAD_SECONDS, lock)
    say("Unbound: the files in unbound.d count now")


def alive(options: argparse.Namespace, environment: Mapping[str, str]) -> None:
    """Say by the exit code whether a task's loop lives."""
    if not schedule.alive(heartbeat(read_tasks(environment), options.task)):
        raise ToolError(f"the loop of {options.task} gave no sign of life lately; see its log")


def heartbeat(tasks: TaskSettings, name: str) -> Path:
    """The file that a task's loop touches."""
    return tasks.task_directory / f"{name}.alive"


def request_file(tasks: TaskSettings, name: str) -> Path:
    """The file by which a person asks a task's loop for a run."""
    return tasks.task_directory / f"{name}.now"
