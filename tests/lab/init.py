"""Process 1 of a lab's PID namespace: sets the sandbox up, runs one command, and dies with its launcher.

Run as a plain script by ``isolation.enter``: ``init.py LIFELINE_FD COMMAND...``. When process 1 ends, however it ends,
the kernel kills every process of the namespace and frees its interfaces and mounts; so this file only has to end.
The standard library alone is used: nothing here may fail for want of a package.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

SANDBOX_VARIABLE = "DNSHA_LAB_SANDBOX"
"""Names the network namespace of the sandbox, so that a stray variable in a shell is not taken for one."""

FORWARD = {b"I": signal.SIGINT, b"T": signal.SIGTERM}
"""What the launcher may write into the lifeline, and the signal the command then gets."""

LAUNCHER_GONE = 128 + signal.SIGKILL


def sandbox_id() -> str:
    """The identity of the network namespace that this process is in."""
    return str(Path("/proc/self/ns/net").readlink())


def prepare() -> None:
    """Give the sandbox its own /run and a loopback interface."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755,size=64m", "tmpfs", "/run"], check=True)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


def start(command: list[str]) -> int:
    """Fork the command with default signal handling; return its pid."""
    pid = os.fork()
    if pid:
        return pid
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    try:
        os.execvp(command[0], command)  # noqa: S606  the caller's own command
    except OSError as error:
        print(f"cannot run {command[0]}: {error.strerror}", file=sys.stderr, flush=True)
        os._exit(127)


def reap(command_pid: int) -> int | None:
    """Collect every dead child, adopted ones too; return the command's exit status once it has ended."""
    exit_status = None
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return exit_status
        if pid == 0:
            return exit_status
        if pid == command_pid:
            code = os.waitstatus_to_exitcode(status)
            exit_status = code if code >= 0 else 128 - code


def watch(lifeline: int, wake: int, command_pid: int) -> int:
    """Reap, and pass the launcher's wishes on, until the command or the launcher has ended."""
    while True:
        readable, _, _ = select.select([lifeline, wake], [], [])
        if wake in readable:
            os.read(wake, 4096)
        exit_status = reap(command_pid)
        if exit_status is not None:
            return exit_status
        if lifeline in readable:
            wish = os.read(lifeline, 1)
            if not wish:
                return LAUNCHER_GONE
            os.kill(command_pid, FORWARD[wish])


def main() -> int:
    """Run the command; return its exit status as a shell would spell it."""
    lifeline, command = int(sys.argv[1]), sys.argv[2:]
    os.set_inheritable(lifeline, False)
    wake, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    signal.set_wakeup_fd(wake_write)
    # The terminal sends Ctrl-C to the whole foreground group: the command answers it, process 1 waits for the command.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    prepare()
    os.environ[SANDBOX_VARIABLE] = sandbox_id()
    return watch(lifeline, wake, start(command))


if __name__ == "__main__":
    sys.exit(main())
