"""What one probe's queries came to: counts, latencies, and outages measured to the query. Pure."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass
from typing import Literal, NamedTuple

from exporter.collectors.resolve.histogram import Histogram
from exporter.model.observations import Probe
from exporter.parsers.dns_answer import Answer, Failure, Verdict
from exporter.sources.dns_query import DnsServer

Target = Literal["vip", "pihole", "unbound", "peer"]

# Whoever answers chooses the name, and every new name is a new time series.
MAX_NAMES = 8
OTHER_NAME = "other"


class Moment(NamedTuple):
    """One moment on both clocks: differences are from the first, the second is for people."""

    monotonic: float
    wall: float


@dataclass(slots=True, eq=False)
class Query:
    """One query and, once it has ended, how and when."""

    sent: Moment
    outcome: tuple[Verdict, Moment] | None = None


class ProbeHistory:
    """Counts the queries of one target over one protocol.

    Several queries may be under way. They count in the order in which they were sent: a lost one is
    known to be lost only when its time is over, and by then later ones may have been answered. An
    outage so begins when its first lost query was sent and ends when a later one was answered,
    however long the time-out is. Lengths are from the monotonic clock: the wall clock may step.
    """

    def __init__(self, target: Target, server: DnsServer, node_name: str) -> None:
        self.target: Target = target
        self.server = server
        self.under_way: deque[Query] = deque()
        self.last_ok: bool | None = None
        self.last_latency: float | None = None
        self.queries = 0
        self._names = {node_name}
        self._failures: Counter[str] = Counter()
        self._responses: Counter[str] = Counter()
        self._answers: Counter[str] = Counter()
        self._latency = Histogram()
        self._last_error: str | None = None
        self._last_success: float | None = None
        self.answered_by: str | None = None  # the node that gave the last good answer, if it told
        self._outages = 0
        self._outage_seconds = 0.0
        self._last_outage: float | None = None
        self._last_outage_start: float | None = None
        self._outage: Moment | None = None

    @property
    def trouble_since(self) -> float | None:
        """When the outage of now began, or the oldest query under way was sent (monotonic); None without either."""
        if self._outage is not None:
            return self._outage.monotonic
        return self.under_way[0].sent.monotonic if self.under_way else None

    def begin(self, now: Moment) -> Query:
        """Note that a query is being sent."""
        query = Query(now)
        self.queries += 1
        self.under_way.append(query)
        return query

    def end(self, query: Query, verdict: Verdict, now: Moment) -> None:
        """Note how a query ended."""
        query.outcome = verdict, now
        while self.under_way and (outcome := self.under_way[0].outcome) is not None:
            sent = self.under_way.popleft().sent
            verdict, ended = outcome
            if isinstance(verdict, Answer):
                self._count_answer(verdict, sent, ended)
            else:
                self._count_failure(verdict, sent)

    def snapshot(self) -> Probe:
        """Return what is known now."""
        return Probe(
            target=self.target,
            server=self.server.address,
            port=self.server.port,
            family=self.server.family,
            protocol=self.server.protocol,
            queries=self.queries,
            failures=dict(self._failures),
            responses=dict(self._responses),
            answers=dict(self._answers),
            latency=self._latency.snapshot(),
            last_ok=self.last_ok,
            last_error=self._last_error,
            last_latency=self.last_latency,
            last_success=self._last_success,
            answered_by=self.answered_by,
            outages=self._outages,
            outage_seconds=self._outage_seconds,
            last_outage=self._last_outage,
            last_outage_start=self._last_outage_start,
            outage_start=None if self._outage is None else self._outage.wall,
        )

    def _count_answer(self, answer: Answer, sent: Moment, ended: Moment) -> None:
        name = answer.node
        if name is not None:
            if name not in self._names and len(self._names) < MAX_NAMES:
                self._names.add(name)
            name = name if name in self._names else OTHER_NAME
            self._answers[name] += 1
        self.last_ok = True
        self.last_latency = ended.monotonic - sent.monotonic
        self._last_error = None
        self._last_success = ended.wall
        self.answered_by = name
        self._responses["NOERROR"] += 1
        self._latency.add(self.last_latency)
        if self._outage is not None:
            self._last_outage = ended.monotonic - self._outage.monotonic
            self._last_outage_start = self._outage.wall
            self._outage_seconds += self._last_outage
            self._outage = None

    def _count_failure(self, failure: Failure, sent: Moment) -> None:
        self.last_ok = False
        self._last_error = f"{self.server} {failure.error}"
        self._failures[failure.reason] += 1
        if failure.rcode is not None:
            self._responses[failure.rcode] += 1
        if self._outage is None:
            self._outage = sent
            self._outages += 1
