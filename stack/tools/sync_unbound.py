"""Copy the primary's Unbound drop-in folder to this node's: rsync into a scratch folder, a look at every file, then
file by file.

The primary is not trusted more than it must be: what comes from it may fill neither disk nor memory, and says how names
are resolved or nothing (``stack/unbound/allowed.py``).
"""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import tempfile
from pathlib import Path

from exporter.engine.files import write_atomically
from exporter.settings.values import Settings
from stack.tools.admit import REMEDY
from stack.tools.errors import RefusedError, ToolError
from stack.tools.overwrite_check import Entries, SyncBaseline, read_baseline, refuse_overwrite, write_baseline
from stack.tools.progress import say
from stack.tools.run_command import run_command
from stack.tools.settings import TaskSettings
from stack.unbound import drop_ins

TASK = "unbound"
MAXIMUM_FILE_BYTES = 8 << 20
MAXIMUM_FILES = 1000
# What is a little too much arrives whole, so that the fault can name it.
MAXIMUM_INCOMING_BYTES = drop_ins.MAXIMUM_BYTES * 2
MAXIMUM_INCOMING_FILES = drop_ins.MAXIMUM_FILES * 2
CONNECT_SECONDS = 10
RELOAD_SECONDS = 60.0  # with a look at many files on a busy Pi
# Names that write_atomically gives to files it has not finished.
_UNFINISHED = re.compile(r"\..+\.[a-z0-9_]{8}")


def copy(node: Settings, tasks: TaskSettings, lock: int, *, force: bool) -> None:
    """Copy, unless something would be lost.

    Raises:
        RefusedError: the primary's folder is empty or has a faulty file, or this one has changes of its own.
        ToolError: it did not work; every file is whole, old or new, and the next run goes on.
    """
    live = tasks.unbound_shared_directory
    if live is None:
        raise ToolError("UNBOUND_SHARED_DIRECTORY is not set")  # noqa: EM101
    tasks.task_directory.mkdir(parents=True, exist_ok=True)
    baseline_file = tasks.task_directory / "sync-unbound.json"
    # In memory, where the stack runs: /tmp is a tmpfs there.
    with tempfile.TemporaryDirectory(prefix="unbound-incoming-") as scratch:
        _bring(node, tasks, live, Path(scratch), baseline_file, lock, force=force)


def _bring(
    node: Settings, tasks: TaskSettings, live: Path, staging: Path, baseline_file: Path, lock: int, *, force: bool
) -> None:
    try:
        _fetch(node, tasks, staging, lock)
        _refuse_faults(staging)
        remove_unfinished(live)
        wanted, held = manifest(staging), manifest(live)
        baseline = read_baseline(baseline_file)
        if not force:
            refuse_overwrite(held, wanted, baseline, "Unbound's folder not copied")
        if held == wanted == baseline.settled:  # and Unbound has read them
            say(f"unbound: the same {len(wanted)} files on both nodes")
        else:
            write_baseline(baseline_file, baseline.with_pending(wanted))
            apply(staging, live, held, wanted)
            say(f"unbound: {len(wanted)} files as on the primary")
            _reload(tasks, lock)
        write_baseline(baseline_file, SyncBaseline(wanted))
    except OSError as error:
        raise ToolError(f"{error.filename or live}: {error.strerror}; is the disk full or read-only?") from None


def manifest(folder: Path) -> Entries:
    """Return the SHA-256 of every file of a folder, by its relative path; hidden files are nobody's.

    Raises:
        OSError: it cannot be read.
        RefusedError: it holds something that is not shared: a link, a device, too much.
    """
    found: dict[str, str] = {}
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if any(part.startswith(".") for part in relative.parts) or (path.is_dir() and not path.is_symlink()):
            continue
        if path.is_symlink() or not path.is_file():
            raise RefusedError(f"{path} is no ordinary file; only such files are shared")
        if path.stat().st_size > MAXIMUM_FILE_BYTES or len(found) >= MAXIMUM_FILES:
            raise RefusedError(f"{folder} holds more than is shared: {MAXIMUM_FILES} files of {MAXIMUM_FILE_BYTES} B")
        found[str(relative)] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def apply(staging: Path, live: Path, held: Entries, wanted: Entries) -> None:
    """Make the live folder hold what is wanted; each file changes in one step.

    Raises:
        OSError: the disk is full or read-only; what was done stays.
    """
    for name in sorted(wanted):
        if held.get(name) != wanted[name]:
            target = live / name
            target.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(target, (staging / name).read_bytes())
    for name in sorted(held):
        if name not in wanted:
            (live / name).unlink(missing_ok=True)
    for folder in sorted({live, *((live / name).parent for name in wanted)}):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def remove_unfinished(live: Path) -> None:
    """Remove what a run that was killed left half-written."""
    for path in live.rglob(".*"):
        if _UNFINISHED.fullmatch(path.name) and path.is_file() and not path.is_symlink():
            path.unlink(missing_ok=True)


def _fetch(node: Settings, tasks: TaskSettings, staging: Path, lock: int) -> None:
    if not tasks.sync_unbound_source and node.peer_ip is None:
        raise ToolError("PEER_IP is not set; a standalone node has nothing to copy")  # noqa: EM101
    host = f"[{node.peer_ip}]" if node.peer_ip and node.peer_ip.version == 6 else str(node.peer_ip)
    command = [
        "rsync", "--recursive", "--times", "--exclude=.*", f"--timeout={tasks.sync_timeout:.0f}",
        f"--rsh={tasks.sync_remote_shell or _ssh(tasks)}",
        tasks.sync_unbound_source or f"dnsha-sync@{host}:", f"{staging}/",
    ]  # fmt: skip
    run_command(command, tasks.sync_timeout, lock, watch=lambda: _refuse_too_much(staging))


def _refuse_too_much(staging: Path) -> None:
    """End the transfer when more has come than any folder may hold.

    Not rsync's --max-size: it leaves out what is larger without a word, which would be taken for deleted; and it goes
    by the sizes that the other side announces, not by what it sends.
    """
    total, files, largest = 0, 0, (0, "")
    for path in staging.rglob("*"):
        try:
            size = path.lstat().st_size
        except FileNotFoundError:  # renamed since
            continue
        total, files, largest = total + size, files + 1, max(largest, (size, _arriving_name(path)))
    if total > MAXIMUM_INCOMING_BYTES or files > MAXIMUM_INCOMING_FILES:
        raise RefusedError(
            f"Unbound's folder not copied: the primary's unbound.d holds more than the {drop_ins.MAXIMUM_FILES} files "
            f"and {drop_ins.MAXIMUM_BYTES >> 20} MiB that are shared, the largest is {largest[1]}; move it away there"
        )


def _arriving_name(path: Path) -> str:
    """A file's name; rsync calls it .NAME.XXXXXX until it is whole."""
    return path.name[1:-7] if re.fullmatch(r"\..+\.[A-Za-z0-9]{6}", path.name) else path.name


def _refuse_faults(staging: Path) -> None:
    files, faults = drop_ins.read_folder(staging, drop_ins.own_zones(os.environ))
    try:
        fault = faults[0] if faults else drop_ins.check(files, "")
    except drop_ins.CheckError as error:
        raise ToolError(f"Unbound's folder not copied: {error}") from None
    if fault is not None:
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        raise RefusedError(
            f"Unbound's folder not copied, this node's Unbound goes on as before: {fault}{more}; {REMEDY}"
        )


def _ssh(tasks: TaskSettings) -> str:
    options = ("BatchMode=yes", "StrictHostKeyChecking=yes", f"UserKnownHostsFile={tasks.sync_known_hosts_file}",
               "IdentitiesOnly=yes", f"ConnectTimeout={CONNECT_SECONDS}")  # fmt: skip
    command = ["ssh", "-F", "none", "-p", str(tasks.sync_ssh_port), "-i", str(tasks.sync_ssh_key_file)]
    return shlex.join([*command, *(f"-o{option}" for option in options)])


def _reload(tasks: TaskSettings, lock: int) -> None:
    if tasks.unbound_reload_command:
        run_command(tasks.unbound_reload_command, RELOAD_SECONDS, lock)
    else:
        say("unbound: the new files count from its next start")
