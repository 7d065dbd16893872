"""Copy the primary's Unbound drop-in folder to this node's: rsync into a folder of its own, then file by file."""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import shutil
from pathlib import Path

from exporter.files import write_atomically
from exporter.settings.values import Settings
from stack.tools import child
from stack.tools.divergence import Entries, Memory, read_memory, refuse_harm, write_memory
from stack.tools.errors import RefusedError, ToolError
from stack.tools.progress import say
from stack.tools.settings import TaskSettings

TASK = "unbound"
MAXIMUM_FILE_BYTES = 8 << 20
MAXIMUM_FILES = 1000
CONNECT_SECONDS = 10
# Names that write_atomically gives to files it has not finished.
_UNFINISHED = re.compile(r"\..+\.[a-z0-9_]{8}")


def copy(node: Settings, tasks: TaskSettings, lock: int, *, force: bool) -> None:
    """Copy, unless something would be lost.

    Raises:
        RefusedError: the primary's folder is empty, or this one has changes of its own.
        ToolError: it did not work; every file is whole, old or new, and the next run goes on.
    """
    live = tasks.unbound_shared_directory
    if live is None:
        raise ToolError("UNBOUND_SHARED_DIRECTORY is not set")  # noqa: EM101
    staging = tasks.task_directory / "unbound-incoming"
    memory_file = tasks.task_directory / "sync-unbound.json"
    try:
        _fetch(node, tasks, staging, lock)
        remove_unfinished(live)
        wanted, held = manifest(staging), manifest(live)
        memory = read_memory(memory_file)
        if not force:
            refuse_harm(held, wanted, memory, "Unbound's folder not copied")
        if held == wanted:
            say(f"unbound: the same {len(wanted)} files on both nodes")
        else:
            write_memory(memory_file, memory.about_to_bring(wanted))
            apply(staging, live, held, wanted)
            say(f"unbound: {len(wanted)} files as on the primary")
            _reload(tasks, lock)
        write_memory(memory_file, Memory(wanted))
    except OSError as error:
        raise ToolError(f"{error.filename or live}: {error.strerror}; is the disk full or read-only?") from None
    finally:
        shutil.rmtree(staging, ignore_errors=True)


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
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    if not tasks.sync_unbound_source and node.peer_ip is None:
        raise ToolError("PEER_IP is not set; a standalone node has nothing to copy")  # noqa: EM101
    host = f"[{node.peer_ip}]" if node.peer_ip and node.peer_ip.version == 6 else str(node.peer_ip)
    command = [
        "rsync", "--recursive", "--times", "--exclude=.*", f"--timeout={tasks.sync_timeout:.0f}",
        f"--rsh={tasks.sync_remote_shell or _ssh(tasks)}",
        tasks.sync_unbound_source or f"dnsha-sync@{host}:", f"{staging}/",
    ]  # fmt: skip
    child.run(command, tasks.sync_timeout, lock)


def _ssh(tasks: TaskSettings) -> str:
    options = ("BatchMode=yes", "StrictHostKeyChecking=yes", f"UserKnownHostsFile={tasks.sync_known_hosts_file}",
               "IdentitiesOnly=yes", f"ConnectTimeout={CONNECT_SECONDS}")  # fmt: skip
    command = ["ssh", "-F", "none", "-p", str(tasks.sync_ssh_port), "-i", str(tasks.sync_ssh_key_file)]
    return shlex.join([*command, *(f"-o{option}" for option in options)])


def _reload(tasks: TaskSettings, lock: int) -> None:
    if tasks.unbound_reload_command:
        child.run(tasks.unbound_reload_command, CONNECT_SECONDS, lock)
    else:
        say("unbound: the new files count from its next start")
