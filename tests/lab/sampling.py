"""The sampler as tests use it: starts the two sampling processes, stops them, and returns what they saw."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

from .errors import LabError
from .helper_process import HelperProcess
from .sample import OwnerChange, Query, Sample


class Sampler:
    """Asks through a VIP and watches its owners until it is stopped; a context manager."""

    def __init__(self, queries: HelperProcess, owners: HelperProcess, on_stop: Callable[[Sampler], None]) -> None:
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

    def hosts_are(self, pids: Mapping[str, int]) -> None:
        """Tell the owner sampler by which process to find each node's network namespace (a boot changes it).

        Those that are on must be told together: it would take who is missing for one without the address.
        """
        self._owners.tell(" ".join(f"{node} {pid}" for node, pid in pids.items()))

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
                owners["end"],
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
