"""A module of the lab that runs as a process of its own, so that measuring does not wait for the test."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from .errors import LabError
from .plan import REPOSITORY

_STOP_GRACE_SECONDS = 10.0


class HelperProcess:
    """A Python module run as a process that says ``started``, and writes JSON when its input ends."""

    def __init__(
        self,
        wrap: Callable[[Sequence[str]], list[str]],
        module: str,
        *arguments: str,
        package: str | None = __package__,
    ) -> None:
        """Launch it; ``wrap`` puts the command line into the namespaces it belongs to."""
        self._module = module
        command = ["env", f"--chdir={REPOSITORY}", sys.executable, "-m", f"{package}.{module}", *arguments]
        self._process = subprocess.Popen(
            wrap(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def wait_started(self) -> None:
        """Wait until it says it has started.

        Raises:
            LabError: it did not start.
        """
        assert self._process.stdout is not None
        if self._process.stdout.readline().strip() != "started":
            _, complaint = self._process.communicate()
            message = f"{self._module} did not start: {complaint.strip()}"
            raise LabError(message)

    def tell(self, line: str) -> None:
        """Write a line to its input."""
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def lines(self) -> Iterator[str]:
        """What it writes, line by line, until it ends."""
        assert self._process.stdout is not None
        yield from self._process.stdout

    def end_input(self) -> None:
        """Close its input, which asks it to end."""
        assert self._process.stdin is not None
        self._process.stdin.close()

    def close(self) -> None:
        """End it for good, whatever it has still to say."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()

    def finish(self) -> Any:
        """End its input and return the JSON it writes.

        Raises:
            LabError: it failed or did not end.
        """
        try:
            output, complaint = self._process.communicate(timeout=_STOP_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            output, complaint = self._process.communicate()
        if self._process.returncode != 0:
            message = f"{self._module} ended with {self._process.returncode}: {complaint.strip()}"
            raise LabError(message)
        return json.loads(output)
