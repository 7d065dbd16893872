"""``python -m tests.lab``: run something in the lab's private namespaces.

``run -- COMMAND``  a command, for instance pytest
``demo``            the pair through four failures, with a table of what a client saw
``shell``           a healthy pair and a shell on the client
``prepare``         what is made once: on a machine older than Debian 13, its keepalived
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys

from . import debian, demo, isolation, keepalived_root
from .errors import LabError
from .lab import Lab


def main() -> int:
    """Run what the command line says; return its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.lab", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("verb", choices=("run", "demo", "shell", "prepare"))
    parser.add_argument("command", nargs=argparse.REMAINDER, help="after --: what to run")
    arguments = parser.parse_args()
    command = arguments.command[1:] if arguments.command[:1] == ["--"] else arguments.command
    if (arguments.verb == "run") != bool(command):
        parser.error("run needs a command, and only run takes one")
    try:
        if not isolation.inside():
            prepare()
            if arguments.verb == "prepare":
                return 0
            return isolation.enter(command or [sys.executable, "-m", __package__ or "", arguments.verb])
        return run_inside(arguments.verb, command)
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def prepare() -> None:
    """Make the Debian 13 tree if this machine needs it."""
    if keepalived_root.tree_wanted():
        print(
            f"lab: making a Debian {debian.RELEASE} tree once, for its keepalived and dnsdist (a minute or two)",
            flush=True,
        )
        debian.make_tree()


def run_inside(verb: str, command: list[str]) -> int:
    """Run a verb in the sandbox; return its exit status."""
    if verb == "run":
        os.execvp(command[0], command)  # noqa: S606  the caller's own command
    if verb == "shell":
        return shell()
    return demo.run()


def shell() -> int:
    """A shell on the client beside a healthy pair; return its exit status."""
    with Lab() as lab:
        print(f"lab: keepalived {lab.keepalived.version_text}; this is the client; logs in {lab.logs}")
        for host in lab.nodes:
            print(f"lab: {host.place.name} has process {host.holder.pid}: nsenter -t {host.holder.pid} -n -m -u sh")
        # Ctrl-C is for what runs in the shell. A handler, not SIG_IGN, which the shell would inherit.
        signal.signal(signal.SIGINT, lambda *_: None)
        # Without job control: the terminal's process group lies outside of this PID namespace.
        options = ["-i", "+m"] if sys.stdin.isatty() else []
        return subprocess.run(lab.client.command(["sh", *options]), check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
