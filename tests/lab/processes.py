"""What /proc says about processes: who descends from whom, and who lives in which network namespace."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

from .errors import LabTimeoutError


def all_pids() -> Iterator[int]:
    """Every process that this PID namespace knows."""
    return (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())


def name_of(pid: int) -> str:
    """The kernel's name for it (proc_pid_comm(5)); empty when the process is gone."""
    try:
        return Path(f"/proc/{pid}/comm").read_text(errors="replace").strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def parent_of(pid: int) -> int | None:
    """The parent's pid; None when the process is gone."""
    try:
        with Path(f"/proc/{pid}/stat").open(encoding="utf-8", errors="replace") as stat:
            # The command name may hold blanks and brackets: count from the last bracket (proc_pid_stat(5)).
            return int(stat.read().rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return None


def tree(root: int) -> list[int]:
    """A process and all its descendants, the process itself first, every parent before its children."""
    parents = {pid: parent_of(pid) for pid in all_pids()}
    found = [root]
    for known in found:  # grows while it is walked
        found.extend(pid for pid, parent in parents.items() if parent == known)
    return found


def open_files(pid: int) -> set[Path]:
    """The paths of the files that a process has open, as its own mount namespace has them."""
    found = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found.add(descriptor.readlink())
    return found


def control_groups(name: str) -> list[Path]:
    """The cgroups of this name, wherever they are; others come and go meanwhile, at which ``Path.glob`` fails."""
    return [Path(folder) for folder, _, _ in os.walk("/sys/fs/cgroup") if Path(folder).name == name]


def kill_tree(root: int) -> None:
    """SIGKILL a process and all its descendants, with no chance for one to react to the death of another.

    Stopped processes run no handler and no parent-death signal: so stop all, look once more for children made
    meanwhile, then kill.
    """
    for _ in range(2):
        for pid in tree(root):
            send(pid, signal.SIGSTOP)
    for pid in reversed(tree(root)):
        send(pid, signal.SIGKILL)


def send(pid: int, number: signal.Signals) -> None:
    """Send a signal; a process that is already gone is fine."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def living_in(network_namespace: str) -> list[int]:
    """The processes (zombies left out) whose network namespace has this identity, as ``readlink`` spells it."""
    found = []
    for pid in all_pids():
        with contextlib.suppress(OSError):
            if str(Path(f"/proc/{pid}/ns/net").readlink()) == network_namespace:
                found.append(pid)
    return found


def kill_all_in(network_namespace: str, *, timeout: float = 5.0) -> None:
    """SIGKILL until no process is left in a network namespace.

    Raises:
        LabTimeoutError: some are still there after ``timeout`` seconds.
    """
    deadline = time.monotonic() + timeout
    while victims := living_in(network_namespace):
        for pid in victims:
            send(pid, signal.SIGKILL)
        if time.monotonic() > deadline:
            message = f"processes {victims} in {network_namespace} survived SIGKILL for {timeout:g} s"
            raise LabTimeoutError(message)
        time.sleep(0.002)


def alive(pid: int) -> bool:
    """Whether a process exists and is not a zombie."""
    try:
        with Path(f"/proc/{pid}/stat").open(encoding="utf-8", errors="replace") as stat:
            return stat.read().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False
