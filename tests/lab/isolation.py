"""The launcher: runs a command in private namespaces that the kernel takes away when the launcher ends.

Interfaces, mounts, daemons and the Python that steers them all live inside, so nothing can leak: not after a failed
test, not after Ctrl-C, not after SIGKILL of the launcher.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from . import init, setgroups
from .errors import IsolationError
from .plan import REPOSITORY

NAMESPACES = ("--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc")
USER_NAMESPACE = ("--user", "--map-root-user")

_SI_USER = 0  # asm-generic/siginfo.h: sent by kill(2), not by the terminal


def inside() -> bool:
    """Whether this process already runs in a sandbox made by :func:`enter`."""
    return os.environ.get(init.SANDBOX_VARIABLE) == init.sandbox_id()


def enter(command: Sequence[str]) -> int:
    """Run a command in a new sandbox and return its exit status (128 + N when signal N ended it).

    The command finds this Python first in PATH and the repository in PYTHONPATH. SIGTERM, SIGHUP and SIGINT sent to
    this process reach the command.

    Raises:
        IsolationError: this user cannot have the namespaces.
    """
    lifeline, lifeline_write = os.pipe()
    handled = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, handled)
    try:
        child = subprocess.Popen(
            [*_unshare(), *_script(init), str(lifeline), *command],
            pass_fds=[lifeline],
            env=_environment(),
        )
        os.close(lifeline)
        while child.poll() is None:
            _forward(signal.sigwaitinfo(handled), lifeline_write)
        return child.returncode
    finally:
        os.close(lifeline_write)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _forward(arrived: signal.struct_siginfo, lifeline_write: int) -> None:
    """Pass a signal on to the command, unless the terminal has already sent it there."""
    from_terminal = arrived.si_code != _SI_USER
    if arrived.si_signo == signal.SIGCHLD or (arrived.si_signo == signal.SIGINT and from_terminal):
        return
    wish = b"I" if arrived.si_signo == signal.SIGINT else b"T"
    try:
        os.write(lifeline_write, wish)
    except BrokenPipeError:
        return


def _environment() -> dict[str, str]:
    environment = dict(os.environ)
    own = Path(sys.executable).parent
    environment["PATH"] = os.pathsep.join([str(own), environment.get("PATH", os.defpath), "/usr/sbin", "/sbin"])
    python_path = [str(REPOSITORY), environment.get("PYTHONPATH", "")]
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, python_path))
    return environment


def _unshare() -> list[str]:
    """The unshare command that works for this user.

    Raises:
        IsolationError: none does; the message says exactly what to change.
    """
    if os.geteuid() == 0:
        options = list(NAMESPACES)
        advice = "this root lacks CAP_SYS_ADMIN (a container?): run it on the host, or start the container privileged"
    else:
        options = [*USER_NAMESPACE, *NAMESPACES]
        advice = _user_namespace_advice()
    trial = subprocess.run(["unshare", *options, "true"], capture_output=True, text=True, check=False)
    if trial.returncode != 0:
        message = f"the kernel refuses the lab's private namespaces ({trial.stderr.strip()}): {advice}"
        raise IsolationError(message)
    wrapper = [] if os.geteuid() == 0 else _script(setgroups)
    return ["unshare", *options, *wrapper]


def _script(module: ModuleType) -> list[str]:
    """The command line that runs a module of this package as a plain script, without the package."""
    return [sys.executable, "-P", str(module.__file__)]


def _user_namespace_advice() -> str:
    """What keeps user namespaces from this user, read from the kernel's own switches."""
    switches = {
        "user/max_user_namespaces": ("0", "sysctl -w user.max_user_namespaces=10000"),
        "kernel/unprivileged_userns_clone": ("0", "sysctl -w kernel.unprivileged_userns_clone=1"),
        "kernel/apparmor_restrict_unprivileged_userns": (
            "1",
            "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
        ),
    }
    for name, (closed, command) in switches.items():
        try:
            value = Path("/proc/sys", name).read_text().strip()
        except OSError:
            continue
        if value == closed:
            return f"{name.replace('/', '.')} is {value}: run `sudo {command}`, or run the lab as root"
    return "run the lab as root (sudo)"
