"""The sampler as tests use it: starts the two sampling processes, stops them, and returns what they saw."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Self

from .errors import LabError
from .plan import REPOSITORY
from .sample import OwnerChange, Query, Sample

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

_STOP_GRACE_SECONDS = 10.0


class SamplerProcess:
    """A Python module run as a process that says ``started``, and writes JSON when its input ends."""

    def __init__(self, wrap: Callable[[Sequence[str]], list[str]], module: str, *arguments: str) -> None:
        """Launch it; ``wrap`` puts the command line into the namespaces it belongs to."""
        self._module = module
        command = ["env", f"--chdir={REPOSITORY}", sys.executable, "-m", f"{__package__}.{module}", *arguments]
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


class Sampler:
    """Asks through a VIP and watches its owners until it is stopped; a context manager."""

    def __init__(self, queries: SamplerProcess, owners: SamplerProcess, on_stop: Callable[[Sampler], None]) -> None:
        self._queries = queries
        self._owners = owners
        self._on_stop = on_stop
        self._sample: Sample | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def host_is(self, node: str, pid: int) -> None:
        """Tell the owner sampler by which process to find a node's network namespace (a boot changes it)."""
        self._owners.tell(f"{node} {pid}")

    def stop(self) -> Sample:
        """Stop both, wait for the answers still due, and return what was seen.

        Raises:
            LabError: one of the samplers failed.
        """
        if self._sample is None:
            self._on_stop(self)
            records = self._queries.finish()
            owners = self._owners.finish()
            self._sample = Sample(
                tuple(Query(*record) for record in records),
                tuple(OwnerChange(time, address, tuple(nodes)) for time, address, nodes in owners["changes"]),
                owners["samples"],
            )
        return self._sample

    @property
    def sample(self) -> Sample:
        """What was seen, once stopped.

        Raises:
            LabError: it still runs.
        """
        if self._sample is None:
            message = "the sampler still runs: stop it, or leave its context, before reading the sample"
            raise LabError(message)
        return self._sample
