"""Runs the dnsdist of Debian 13, which the product ships, with the shipped configuration: in this network namespace."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from .debian import TREE, tree_complete
from .plan import REPOSITORY

CONFIGURATION: Final = REPOSITORY / "stack" / "dnsdist" / "dnsdist.conf"
_OF_DEBIAN_13: Final = "dnsdist 1.9."
_STOP_SECONDS: Final = 5.0


def why_not() -> str | None:
    """Say why dnsdist cannot run here; None if it can."""
    try:
        shown = subprocess.run(
            [*_program(), "--version"], capture_output=True, text=True, timeout=10, check=False
        ).stdout
    except FileNotFoundError:
        shown = ""
    if shown.startswith(_OF_DEBIAN_13):
        return None
    found = shown.partition("\n")[0] or "none at all"
    return f"no dnsdist 1.9 here ({found}): install Debian 13's, or run `python -m tests.lab prepare` as root"


@contextlib.contextmanager
def dnsdist(log: Path, **environment: str) -> Iterator[None]:
    """Run it on port 53 of all addresses until the context is left; its output goes to ``log``.

    Raises:
        AssertionError: it ended by itself meanwhile.
    """
    with log.open("wb") as output:
        command = [*_program(), "--supervised", "--disable-syslog", "--config", str(CONFIGURATION)]
        process = subprocess.Popen(command, stdout=output, stderr=output, env={**os.environ, **environment})
        try:
            yield
            assert process.poll() is None, f"dnsdist ended with {process.returncode}:\n{log.read_text()}"
        finally:
            process.terminate()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _program() -> list[str]:
    """The command that runs it: out of the Debian 13 tree with the tree's own libraries, or the machine's own.

    Raises:
        FileNotFoundError: there is none.
    """
    if tree_complete():
        (loader,) = (TREE / "usr/lib").glob("*-linux-gnu*/ld-linux*.so.*")
        return [str(loader), "--library-path", str(loader.parent), str(TREE / "usr/bin/dnsdist")]
    found = shutil.which("dnsdist") or shutil.which("dnsdist", path="/usr/sbin:/usr/bin")
    if found is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), "dnsdist")
    return [found]
