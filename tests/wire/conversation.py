"""Plays a program through a terminal, as a person does: reads what it shows, and types."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

SECONDS = 60.0


class Conversation:
    """A program at a terminal of its own; a context manager that ends it."""

    def __init__(self, command: Sequence[str | Path], environment: Mapping[str, str]) -> None:
        self._pid, self._terminal = pty.fork()
        if self._pid == 0:
            os.execvpe(command[0], [str(word) for word in command], dict(environment))  # noqa: S606
        self.screen = ""
        self._seen = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._pid:
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
        os.close(self._terminal)

    def expect(self, words: str, seconds: float = SECONDS) -> str:
        """Wait until the screen shows these words after what was waited for last; return what came up to them."""
        end = time.monotonic() + seconds
        # Wherever lines are broken.
        pattern = re.compile(r"\s+".join(re.escape(word) for word in words.split(" ")))
        while (found := pattern.search(self.screen, self._seen)) is None:
            if not self._read(end - time.monotonic()):
                raise AssertionError(f"no {words!r} on the screen:\n{self.screen}")
        start, self._seen = self._seen, found.end()
        return " ".join(self.screen[start : self._seen].split())

    def type(self, line: str) -> None:
        """Type a line and press Enter."""
        os.write(self._terminal, f"{line}\n".encode())

    def press(self, key: bytes) -> None:
        """Press a key such as Ctrl-C."""
        os.write(self._terminal, key)

    def end(self, seconds: float = SECONDS) -> int:
        """Wait for its end; return its exit code."""
        end = time.monotonic() + seconds
        while self._read(end - time.monotonic()):
            pass
        while time.monotonic() < end:
            pid, status = os.waitpid(self._pid, os.WNOHANG)
            if pid:
                self._pid = 0
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.01)
        raise AssertionError(f"it does not end:\n{self.screen}")

    def _read(self, seconds: float) -> bool:
        if seconds <= 0 or not select.select([self._terminal], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self._terminal, 65536)
        except OSError:  # EIO: nobody has the terminal open any more
            return False
        self.screen += data.decode(errors="replace").replace("\r\n", "\n")
        return bool(data)
