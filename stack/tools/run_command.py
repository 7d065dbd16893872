"""Run a command of somebody else's with a deadline, and say its last words when it fails."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from typing import IO

from stack.tools.errors import DeadlineError, ToolError
from stack.tools.progress import PROGRESS_SECONDS, say

LAST_WORDS_BYTES = 2000
_COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


def run_command(
    command: Sequence[str],
    timeout: float,
    lock: int,
    environment: Mapping[str, str] | None = None,
    secrets: Sequence[str] = (),
    watch: Callable[[], None] = lambda: None,
) -> None:
    """Run a command to its end; it and its children are killed at the deadline or when this process is told to stop.

    ``lock`` is inherited: should this process be killed, the next run waits for the command to end.
    ``secrets`` are blotted out of what it says. ``watch`` is called every 0.02 s and once after the end; what it raises
    ends the command.

    Raises:
        ToolError: it cannot be started, or ended with an error.
        DeadlineError: it took longer than ``timeout`` seconds.
    """
    began = told = time.monotonic()
    with tempfile.TemporaryFile() as output:
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=[lock],
                env={**os.environ, **(environment or {})},
                start_new_session=True,
            )
        except OSError as error:
            raise ToolError(f"{command[0]} cannot be started: {error.strerror}; is it installed?") from None
        try:
            while process.poll() is None:
                watch()
                now = time.monotonic()
                if now - began > timeout:
                    raise DeadlineError(f"{command[0]} did not end within {timeout:g} s{_last_words(output, secrets)}")
                if now - told >= PROGRESS_SECONDS:
                    told = now
                    say(f"{command[0]} runs, {now - began:.0f} s of {timeout:g} s")
                time.sleep(0.02)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        watch()
        if process.returncode:
            raise ToolError(f"{command[0]} ended with {process.returncode}{_last_words(output, secrets)}")


def _last_words(output: IO[bytes], secrets: Sequence[str]) -> str:
    output.seek(0, os.SEEK_END)
    output.seek(max(0, output.tell() - LAST_WORDS_BYTES))
    text = output.read().decode(errors="replace")
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, "***")
    plain = "".join(one for one in _COLOUR.sub("", text) if one.isprintable() or one.isspace())
    lines = [" ".join(line.split()) for line in plain.splitlines() if line.strip()]
    return f": {' / '.join(lines[-3:])}" if lines else ""
