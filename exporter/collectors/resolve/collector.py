"""Asks every DNS server of the pair all the time, as a client would, and measures how it answers.

One thread asks them all: it sends what is due, takes the answers, and nothing it does can hang.
"""

from __future__ import annotations

import math
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import get_args

from exporter.collectors.resolve.history import Moment, ProbeHistory, Query, Target
from exporter.engine.worker import Worker
from exporter.model.addressing import Address, family
from exporter.model.errors import CollectorError, NotReadyError
from exporter.model.observations import Protocol, ResolveObservation
from exporter.parsers.dns_answer import LABELS, CanaryQuestion, LabelCycle, NameQuestion
from exporter.settings.values import Settings
from exporter.sources.dns_query import DnsClient, DnsServer
from exporter.sources.resolvers import resolvers

DNS_PORT = 53

# While a query is unanswered or an outage goes on, the next one follows sooner than usual: after this
# time at first, and then in proportion to the outage's age, which measures every outage to within a
# twentieth of its length. That makes some 65 queries more for an outage however long, which Pi-hole's
# rate limit (1,000 queries per client and minute) lets pass; ten a second for ever it would refuse.
FASTEST: dict[Protocol, float] = {"udp": 0.1, "tcp": 1.0}
PRECISION = 20

# The guard's grace period, and what two clocks and a busy machine make of it.
MOVED_SECONDS = 0.6
MAX_UNDER_WAY = 32  # queries, so descriptors, of one probe
LONGEST_WAIT = 0.5  # seconds until the thread sees that it should stop
STUCK = 30.0  # seconds; the thread goes round every LONGEST_WAIT


class ResolveCollector:
    """Probes the virtual IPs, this node's Pi-hole and Unbound, and the peer, over UDP and TCP.

    Raises:
        ConfigurationError: the canary zone's name is too long.
    """

    name = "resolve"

    def __init__(
        self,
        settings: Settings,
        *,
        port: int = DNS_PORT,  # of the virtual IPs and the peer
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        root: Path = Path("/"),
    ) -> None:
        self._root = root
        self._monotonic = monotonic
        self._wall = wall
        self._timeout = settings.probe_timeout
        name = settings.probe_name
        self._question = NameQuestion(name) if name else CanaryQuestion(settings.canary_zone)
        self._labels = LabelCycle(settings.node_name, start=secrets.randbelow(LABELS))
        self._client: DnsClient[tuple[_Probe, Query]] = DnsClient(monotonic)
        self._probes = [
            _Probe(ProbeHistory(target, server, settings.node_name), _interval(settings, target, server.protocol))
            for target, server in _targets(settings, port)
        ]
        self._lock = threading.Lock()  # guards the histories
        self._worker = Worker("resolve", self._work)
        self._last_round: float | None = None
        self._again_at = math.inf

    def start(self) -> None:
        """Begin to ask; every server gets its first query at once."""
        self._worker.start()

    def collect(self) -> ResolveObservation:
        """Return how the servers answered so far.

        Raises:
            NotReadyError: the first query to one of them is still under way.
            CollectorError: the thread that asks is stuck.
        """
        with self._lock:
            if any(probe.history.last_ok is None for probe in self._probes):
                msg = f"the first queries are under way; they end within {self._timeout:g} s"
                raise NotReadyError(msg)
            observation = ResolveObservation(
                tuple(probe.history.snapshot() for probe in self._probes), resolvers(self._root)
            )
        silence = self._monotonic() - (self._last_round or 0.0)
        if silence > STUCK:
            msg = f"no server has been asked for {silence:.0f} s; see the exporter's log and restart it"
            raise CollectorError(msg)
        return observation

    def stop(self) -> None:
        """End the thread and give up the queries under way."""
        self._worker.stop()
        self._client.close()

    def ask_again(self) -> None:
        """Ask the virtual IPs by every protocol soon: one of them has moved, and what is known of it is old.

        Soon, not now: the old owner answers for a moment more.
        """
        self._again_at = self._monotonic() + MOVED_SECONDS

    def _work(self) -> float:
        while not self._worker.stopping:
            self._step()
        return 0.0

    def _step(self) -> None:
        now = self._last_round = self._monotonic()
        if self._again_at <= now:
            self._again_at = math.inf
            for probe in self._probes:
                if probe.history.target == "vip" and len(probe.history.under_way) < MAX_UNDER_WAY:
                    probe.due = min(probe.due, now)
        probe = min(self._probes, key=_due)
        if probe.due <= now:
            # One at a time, so that no answer is kept waiting by the sending of all the others.
            self._ask(probe)
            probe = min(self._probes, key=_due)
        for (asked, query), verdict, at in self._client.wait(min(LONGEST_WAIT, probe.due - now)):
            before = asked.history.answered_by
            with self._lock:
                asked.history.end(query, verdict, Moment(at, self._wall()))
            asked.reschedule()
            if asked.history.answered_by != before:
                self._ask_soon(asked.history.server.address)

    def _ask_soon(self, address: str) -> None:
        """Ask an address by every protocol now: another node answers for it, and what is known of it is old."""
        for probe in self._probes:
            if probe.history.server.address == address:
                probe.due = min(probe.due, self._monotonic())

    def _ask(self, probe: _Probe) -> None:
        wire = self._question.query(os.urandom(2) + self._labels.next())
        now = self._now()
        with self._lock:
            query = probe.history.begin(now)
        self._client.ask((probe, query), probe.history.server, wire, self._timeout)
        probe.sent = now.monotonic
        probe.reschedule()

    def _now(self) -> Moment:
        return Moment(self._monotonic(), self._wall())


class _Probe:
    """When one probe's next query is due."""

    def __init__(self, history: ProbeHistory, interval: float) -> None:
        self.history = history
        self.sent = -math.inf  # the latest query, monotonic
        self.due = -math.inf
        self._interval = interval
        self._fastest = FASTEST[history.server.protocol]

    def reschedule(self) -> None:
        """Set the time of the next query, after one was sent or has ended."""
        history = self.history
        trouble_since = history.trouble_since
        if len(history.under_way) >= MAX_UNDER_WAY:
            self.due = math.inf
        elif trouble_since is None:
            # On multiples of the interval, so that all probes share one awakening: on a small
            # processor that is half of what a query costs.
            rounds = math.floor(self.sent / self._interval) + 1
            self.due = rounds * self._interval
            if self.due - self.sent < self._interval / 2:
                self.due += self._interval
        else:
            # A server that is always slow is not asked more often for it.
            patience = 2 * (history.last_latency or 0.0)
            spacing = max(self._fastest, patience, (self.sent - trouble_since) / PRECISION)
            self.due = self.sent + min(self._interval, spacing)


def _due(probe: _Probe) -> float:
    return probe.due


def _interval(settings: Settings, target: Target, protocol: Protocol) -> float:
    """Seconds between two queries while all is well.

    Pi-hole is told not to count what its own node asks, and has no such setting for another one: each query of the
    other node is a row of its database, and costs time at its next start.
    """
    if protocol == "tcp":
        return settings.probe_interval_tcp
    return {"vip": settings.probe_interval_vip, "peer": settings.probe_interval_peer}.get(
        target, settings.probe_interval
    )


def _targets(settings: Settings, port: int) -> Iterator[tuple[Target, DnsServer]]:
    endpoints: list[tuple[Target, Address, int]] = [
        *(("vip", virtual.address, port) for virtual in settings.vip_address),
        *(("pihole", endpoint.address, endpoint.port) for endpoint in settings.resolver_address),
        *(("unbound", endpoint.address, endpoint.port) for endpoint in settings.recursor_address),
    ]
    if settings.peer_ip is not None:
        endpoints.append(("peer", settings.peer_ip, port))
    for target, address, server_port in endpoints:
        for protocol in get_args(Protocol):
            yield target, DnsServer(str(address), server_port, family(address), protocol)
