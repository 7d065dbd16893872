"""What a client and the kernel saw during a time: pure data, and the figures drawn from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Query:
    """One canary question: when it was sent and answered (CLOCK_MONOTONIC seconds), and what came back.

    ``answered`` is None when nothing useful came in time: no answer (``rcode`` is None too) or an error.
    """

    sent: float
    answered: float | None
    rcode: int | None
    node: str | None


@dataclass(frozen=True, slots=True)
class OwnerChange:
    """From this time (CLOCK_MONOTONIC seconds) on these nodes held the address."""

    time: float
    address: str
    owners: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outage:
    """A time without an answer, by send time: from the last question answered before it to the first after it."""

    start: float
    end: float

    @property
    def seconds(self) -> float:
        """How long it lasted."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Sample:
    """Everything one sampler saw."""

    queries: tuple[Query, ...]
    changes: tuple[OwnerChange, ...]
    owner_samples: int
    end: float
    """When the watching of owners ended (CLOCK_MONOTONIC seconds)."""

    @property
    def lost(self) -> int:
        """How many questions got no useful answer in time."""
        return sum(query.answered is None for query in self.queries)

    @property
    def outages(self) -> tuple[Outage, ...]:
        """Every run of lost questions. One at an end of the sample counts from or to the outermost question."""
        found = []
        start: float | None = None
        for before, query in zip((None, *self.queries), self.queries, strict=False):
            if query.answered is None and start is None:
                start = before.sent if before else query.sent
            if query.answered is not None and start is not None:
                found.append(Outage(start, query.sent))
                start = None
        if start is not None:
            found.append(Outage(start, self.queries[-1].sent))
        return tuple(found)

    @property
    def longest_outage(self) -> float:
        """Seconds of the longest outage; 0.0 when every question was answered."""
        return max((outage.seconds for outage in self.outages), default=0.0)

    @property
    def answers_by_node(self) -> dict[str, int]:
        """How many questions each node answered."""
        return dict(Counter(query.node for query in self.queries if query.node is not None))

    @property
    def owners_seen_max(self) -> int:
        """The most nodes that held one address at the same time."""
        return max((len(change.owners) for change in self.changes), default=0)

    @property
    def longest_overlap(self) -> float:
        """Seconds of the longest time in which more than one node held the same address; 0.0 when there was none."""
        return self._longest(lambda owners: owners > 1)

    @property
    def longest_without_one_owner(self) -> float:
        """Seconds of the longest time in which an address had no owner, or more than one; 0.0 when there was none."""
        return self._longest(lambda owners: owners != 1)

    def _longest(self, wanted: Callable[[int], bool]) -> float:
        longest = 0.0
        for address in {change.address for change in self.changes}:
            of_address = [change for change in self.changes if change.address == address]
            since: float | None = None
            for change in of_address:
                if wanted(len(change.owners)) and since is None:
                    since = change.time
                elif not wanted(len(change.owners)) and since is not None:
                    longest, since = max(longest, change.time - since), None
            if since is not None:
                longest = max(longest, self.end - since)
        return longest
