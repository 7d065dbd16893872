"""Containers: what Docker says of those that are expected on this node, and what happened to them in between.

Two threads: one polls every expected container, seldom and whenever something happens; the other reads Docker's events,
which tell what no poll can see, such as a container that died and was up again within the second. A thread that Docker
keeps waiting is replaced by another one.
"""

from __future__ import annotations

import http
import logging
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from exporter.engine.worker import Worker
from exporter.model.errors import ApiRefusedError, CollectorError, ExporterError, NotReadyError, ParseError
from exporter.model.observations import Container, ContainersObservation
from exporter.parsers.container import EVENTS_WANTED, absent, find_containers, parse_container, parse_event
from exporter.parsers.container_events import EventTally
from exporter.settings.values import Settings

if TYPE_CHECKING:
    from docker.types import CancellableStream

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pace:
    """How often and how long, in seconds."""

    request: float = 2.0  # until a part of an answer must be there
    poll: float = 10.0  # what takes longer hangs, and its thread is replaced
    between_polls: float = 30.0
    between_polls_without_events: float = 5.0
    after_failure: float = 2.0
    # A container that dies again and again must not keep the node busy.
    shortest_pause: float = 1.0
    between_streams: float = 5.0
    # Only a change of the proxy's settings ends a refusal, and each one is a line in its log.
    after_refused_stream: float = 60.0
    # A stream that lived so long is opened again at once: many proxies end one that is silent.
    sound_stream: float = 10.0
    # An older one is opened anew: nothing else tells that its other end, on another host, has gone.
    oldest_stream: float = 600.0


# A container that goes away between being listed and being inspected makes one more poll.
ATTEMPTS = 2


class ContainersCollector:
    """The expected containers, from Docker's API."""

    name = "containers"

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.time, pace: Pace | None = None) -> None:
        self._url = settings.docker_host
        self._expected = settings.containers
        self._clock = clock
        self._pace = pace or Pace()
        self._poller = Worker("containers", self._poll)
        self._listener = Worker("container-events", self._listen)
        self._earliest_poll = 0.0
        # What the threads share.
        self._lock = threading.Lock()
        self._containers: tuple[Container, ...] | None = None
        self._error: str | None = None
        self._renewed_by = math.inf  # by then another poll must have ended
        self._tally = EventTally(self._expected)
        self._events_error: str | None = "not asked yet"  # why there are no events
        self._stream: CancellableStream[bytes] | None = None
        self._stream_since: float | None = None  # when it was asked for
        self._garbled = False

    def start(self) -> None:
        """Begin to poll and to listen."""
        self._tally.begin(self._clock())
        self._renewed_by = time.monotonic() + self._pace.poll
        self._poller.start()
        self._listener.start()

    def stop(self) -> None:
        """End both threads; one that Docker keeps waiting is left to itself."""
        self._poller.stop_soon()
        self._listener.stop_soon()
        self._close_stream()
        self._poller.stop(0.5)
        self._listener.stop(0.5)

    def collect(self) -> ContainersObservation:
        """Return what the latest poll saw, with the events up to now."""
        with self._lock:
            if time.monotonic() > self._renewed_by:
                self._replace_poller()
            if self._error is not None:
                raise CollectorError(self._error)
            if self._containers is None:
                msg = f"Docker's API at {self._url} has not answered yet"
                raise NotReadyError(msg)
            return ContainersObservation(
                tuple(
                    replace(container, events=self._tally.counts(container.name) if self._events_error is None else {})
                    for container in self._containers
                )
            )

    # One poll of every expected container

    def _poll(self) -> float:
        pause = self._earliest_poll - time.monotonic()
        if pause > 0:
            return pause
        self._earliest_poll = time.monotonic() + self._pace.shortest_pause
        containers, error = None, None
        try:
            containers = self._inspect_all()
        except ExporterError as failure:
            error = failure
        with self._lock:
            if self._poller.stopping:  # or it was replaced, and what it saw is old
                return 0.0
            interval = self._pace.between_polls_without_events if self._events_error else self._pace.between_polls
            interval = self._pace.after_failure if error else interval
            self._renewed_by = time.monotonic() + interval + self._pace.poll
            self._containers = containers
            recovered = self._error is not None
            self._set_error(None if error is None else str(error))
        if error is None:
            if recovered:
                self._listener.wake()
            self._look_after_stream()
        elif not isinstance(error, ApiRefusedError | ParseError):
            self._close_stream()  # Docker hangs or is away, and what is left of its events does not say so
        return interval

    def _inspect_all(self) -> tuple[Container, ...]:
        from exporter.sources import docker_api  # it takes its time, and this thread has it

        with docker_api.connect(self._url, self._pace.request) as client:
            for _ in range(ATTEMPTS):
                found = find_containers(docker_api.list_containers(client, self._expected), self._expected)
                try:
                    return tuple(
                        parse_container(client.inspect_container(found[name]), name) if name in found else absent(name)
                        for name in self._expected
                    )
                except ApiRefusedError as error:
                    if error.status != http.HTTPStatus.NOT_FOUND:  # gone since it was listed
                        raise
        msg = f"Docker's API at {self._url} lists containers but answers 404 when it is asked to inspect them"
        raise CollectorError(msg)

    def _replace_poller(self) -> None:
        """Go on without a thread that hangs; the lock is held."""
        waits = f"Docker's API at {self._url} keeps the exporter waiting for its answers"
        if self._poller.replace():
            self._renewed_by = time.monotonic() + self._pace.poll
            self._set_error(f"{waits}; it is asked again")
        else:
            self._set_error(f"{waits} again and again; restart the socket proxy, or Docker")

    def _set_error(self, reason: str | None) -> None:
        """Have a reason why there are no containers, or none; the lock is held."""
        if reason is not None and reason != self._error:
            log.warning("containers: %s", reason)
        elif reason is None and self._error is not None:
            log.info("Docker's API at %s answers again", self._url)
        self._error = reason

    # Docker's events

    def _listen(self) -> float:
        from exporter.sources import docker_api

        opened: float | None = None
        try:
            with docker_api.connect(self._url, self._pace.request) as client:
                since = self._tally.resume_from(self._clock())
                self._set_stream(None, time.monotonic())
                with docker_api.open_events(client, since, EVENTS_WANTED) as stream:
                    if not self._set_stream(stream, time.monotonic()):
                        return 0.0
                    opened = time.monotonic()
                    self._set_events_error(None)
                    for line in docker_api.lines(self._url, stream):
                        self._on_event(line)
            msg = f"Docker's API at {self._url} ended its stream of events"
            raise CollectorError(msg)
        except ExporterError as error:
            return self._stream_failed(error, opened)
        finally:
            self._set_stream(None, None)

    def _set_stream(self, stream: CancellableStream[bytes] | None, since: float | None) -> bool:
        """Have a stream, or none; False when this thread is to end, or was replaced."""
        with self._lock:
            if self._listener.stopping:
                return False
            self._stream, self._stream_since = stream, since
        return True

    def _close_stream(self) -> None:
        with self._lock:
            stream = self._stream
        if stream is not None:
            from exporter.sources import docker_api

            docker_api.close(stream)

    def _look_after_stream(self) -> None:
        """Docker answers: replace a thread that waits for events all the same, and open an old stream anew."""
        with self._lock:
            age = 0.0 if self._stream_since is None else time.monotonic() - self._stream_since
            waits = self._stream is None and age > self._pace.request
            replaced = waits and self._listener.replace()
            if replaced:
                self._stream_since = None
        if waits:
            self._set_events_error(f"Docker's API at {self._url} did not answer in time when it was asked for events")
        elif age > self._pace.oldest_stream:
            self._close_stream()

    def _on_event(self, line: bytes) -> None:
        try:
            event = parse_event(line)
        except ParseError as error:
            if not self._garbled:  # once, for there may be no end of them
                log.warning("containers: an event is not counted: %s", error)
            self._garbled = True
            return
        if event is None:
            return
        with self._lock:
            ours = self._tally.add(event)
        if ours:
            self._poller.wake()

    def _stream_failed(self, error: ExporterError, opened: float | None) -> float:
        if self._listener.stopping:
            return 0.0
        self._poller.wake()
        if opened is not None and time.monotonic() - opened >= self._pace.sound_stream:
            return 0.0
        self._set_events_error(str(error))
        refused = isinstance(error, ApiRefusedError)
        return self._pace.after_refused_stream if refused else self._pace.between_streams

    def _set_events_error(self, problem: str | None) -> None:
        with self._lock:
            changed = problem != self._events_error
            self._events_error = problem
        if changed and problem is None:
            log.info("containers: Docker's events are being counted")
        elif changed:
            log.warning("containers: Docker's events are not counted: %s", problem)
