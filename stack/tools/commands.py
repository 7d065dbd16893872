"""What each command of the command line does, with the settings it needs."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from exporter.engine.runtime import RuntimeFiles
from exporter.settings.values import Settings
from stack.tools import drain as draining
from stack.tools import task_commands
from stack.tools import verify as verifying
from stack.tools.runlock import one_run
from stack.tools.settings import read_node

Run = Callable[[argparse.Namespace, Mapping[str, str]], None]


class AddCommand(Protocol):
    """Adds a command to the command line."""

    def __call__(self, name: str, run: Run, text: str, timeout: float | None = None) -> argparse.ArgumentParser:
        """Add it and return its parser."""


def drain(options: argparse.Namespace, environment: Mapping[str, str]) -> None:
    """Drain this node."""
    settings = read_node(environment)
    with one_run(_drain_lock(settings), options.timeout):
        draining.drain(settings, options.timeout, force=options.force)


def undrain(options: argparse.Namespace, environment: Mapping[str, str]) -> None:
    """Undrain this node."""
    settings = read_node(environment)
    with one_run(_drain_lock(settings), options.timeout):
        draining.undrain(settings, options.timeout)


def verify(options: argparse.Namespace, environment: Mapping[str, str]) -> None:
    """Verify this node."""
    accept = verifying.NOTHING_CRITICAL if options.accept_warnings else verifying.ONLY_OK
    settings = read_node(environment)
    verifying.verify(settings, options.timeout, options.steady, drained=options.drained, accept=accept)


def add_tasks(add: AddCommand) -> None:
    """Add the commands of the tasks."""
    sub = add("sync", task_commands.sync, "Copy what both nodes share from the primary to this secondary.")
    words = (
        "once; every SYNC_INTERVAL and after changes until stopped; give what was changed in this Pi-hole to the "
        "primary, then sync; accept the certificate that the other Pi-hole has now"
    )
    sub.add_argument("when", choices=("now", "scheduled", "adopt", "trust"), help=words)
    force = (
        "now: even if this node's own changes are lost; adopt: even if the primary's changes of the same entries are"
    )
    sub.add_argument("--force", action="store_true", help=force)
    sub = add("pause", task_commands.pause, "Let Pi-hole block nothing on both nodes, for a while that ends by itself.")
    words = "for how long, such as 30s, 5m or 1h; end: block again now; url: show the URL by which a program may ask"
    sub.add_argument("duration", type=task_commands.duration, metavar="DURATION", help=words)
    add("reload-unbound", task_commands.reload_unbound, "Let Unbound read the files of unbound.d, if all are good.")
    sub = add("backup", task_commands.backup, "Back this node's Pi-hole up, and prove that the backup opens.")
    sub.add_argument("when", choices=("now", "scheduled"), help="once, or by BACKUP_CRON until stopped")
    sub = add("drill", task_commands.drill, "Hand the VIP to the other node, watch it answer, and take it back.")
    sub.add_argument("when", choices=("now", "scheduled"), help="once, or by DRILL_CRON until stopped")
    sub = add("restore", task_commands.restore, "Give a backup back to this node's Pi-hole.")
    sub.add_argument("archive", type=Path, metavar="FILE", help="a backup that was made by the command backup")
    sub.add_argument("--check", action="store_true", help="only look whether it is whole")
    add("copy", task_commands.copy, "Fetch the other node's newest backup now; it is done every 15 minutes anyway.")
    add("export", task_commands.export, "Write the newest backup of the whole node, sealed, to standard output.")
    add("keep-settings", task_commands.keep_settings, "Take .env from standard input, for the next backup.")
    add("restore-silences", task_commands.restore_silences, "Give a backup's silences, from standard input, back.")
    sub = add("alive", task_commands.alive, "Say by the exit code whether the loop of a task lives (for Docker).")
    sub.add_argument("task", choices=("sync", "backup", "drill"))


def _drain_lock(settings: Settings) -> Path:
    return RuntimeFiles(settings.runtime_directory).directory / draining.LOCK_NAME
