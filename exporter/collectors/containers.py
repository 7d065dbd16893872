"""Containers: what Docker says of those that are expected on this node, and what happened to them in between.

Two threads: one looks at every expected container, seldom and whenever something happens; the other reads Docker's
events, which tell what no look can see, such as a container that died and was up again within the second.
"""

from __future__ import annotations

import contextlib
import http
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from exporter.engine.worker import Worker
from exporter.model.errors import CollectorError, ExporterError, NotReadyError, ParseError
from exporter.model.observations import Container, ContainersObservation
from exporter.parsers.container import EVENTS_WANTED, absent, find_containers, parse_container, parse_event
from exporter.parsers.container_events import EventTally
from exporter.settings.values import Settings
from exporter.sources.docker_guard import RefusedError

if TYPE_CHECKING:
    from exporter.sources.docker_api import DockerApi, DockerSession

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pace:
    """How often and how long, in seconds."""

    request: float = 2.0  # until an answer must be there
    look: float = 5.0  # until all answers that one look needs must be there
    between_looks: float = 30.0
    between_looks_without_events: float = 5.0
    after_failure: float = 2.0
    # A container that dies again and again must not keep the node busy.
    shortest_pause: float = 1.0
    between_streams: float = 5.0
    # Only a change of the proxy's settings ends a refusal, and each one is a line in its log.
    after_refused_stream: float = 60.0
    # A stream that lived so long is opened again at once: many proxies end one that is silent.
    sound_stream: float = 10.0


# So many looks may be missing before the last one counts as too old.
LOOKS_MISSED = 3
# A container that goes away between being listed and being inspected makes one more look.
ATTEMPTS = 2


class _GoneError(Exception):
    """A container has gone since it was listed."""


def _inspect(session: DockerSession, name: str, identifier: str) -> Container:
    try:
        return parse_container(session.inspect_container(identifier), name)
    except RefusedError as error:
        if error.status == http.HTTPStatus.NOT_FOUND:
            raise _GoneError from None
        raise


class ContainersCollector:
    """The expected containers, from Docker's API."""

    name = "containers"

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.time, pace: Pace | None = None) -> None:
        self._url = settings.docker_host
        self._expected = settings.containers
        self._clock = clock
        self._pace = pace or Pace()
        self._looker = Worker("containers", self._look)
        self._listener = Worker("container-events", self._listen)
        self._connecting = threading.Lock()
        self._docker: DockerApi | None = None
        self._stopped = False
        self._earliest_look = 0.0
        # What the threads share.
        self._lock = threading.Lock()
        self._containers: tuple[Container, ...] = ()
        self._valid_until: float | None = None
        self._error: str | None = None
        self._tally = EventTally(self._expected)
        self._deaf: str | None = "not asked yet"  # why there are no events
        self._stream: DockerSession | None = None
        self._garbled = False

    def start(self) -> None:
        """Begin to look and to listen."""
        self._tally.begin(self._clock())
        self._looker.start()
        self._listener.start()

    def stop(self) -> None:
        """End both threads, whatever Docker does."""
        self._looker.stop_soon()
        self._listener.stop_soon()
        with self._connecting:
            self._stopped = True
            if self._docker is not None:
                self._docker.close()
        self._looker.stop(1.0)
        self._listener.stop(1.0)

    def collect(self) -> ContainersObservation:
        """Return what the latest look saw, with the events up to now."""
        with self._lock:
            if self._error is not None:
                raise CollectorError(self._error)
            if self._valid_until is None:
                msg = f"Docker's API at {self._url} has not answered yet"
                raise NotReadyError(msg)
            late = time.monotonic() - self._valid_until
            if late > 0:
                msg = f"the last look at Docker's API at {self._url} is {late:.0f} s overdue; restart the exporter"
                raise CollectorError(msg)
            return ContainersObservation(
                tuple(
                    replace(container, events=self._tally.counts(container.name) if self._deaf is None else {})
                    for container in self._containers
                )
            )

    def _connect(self) -> DockerApi:
        """Return Docker; imports the docker package, which takes its time, in a thread that has it."""
        from exporter.sources.docker_api import DockerApi

        with self._connecting:
            if self._stopped:
                msg = "the exporter is stopping"
                raise CollectorError(msg)
            if self._docker is None:
                self._docker = DockerApi(self._url, self._pace.request)
            return self._docker

    # One look at every expected container

    def _look(self) -> float:
        pause = self._earliest_look - time.monotonic()
        if pause > 0:
            return pause
        self._earliest_look = time.monotonic() + self._pace.shortest_pause
        try:
            containers = self._inspect_all()
        except ExporterError as error:
            self._look_failed(error)
            return self._pace.after_failure
        pace = self._pace
        with self._lock:
            recovered = self._error is not None
            interval = pace.between_looks if self._deaf is None else pace.between_looks_without_events
            self._containers, self._error = containers, None
            self._valid_until = time.monotonic() + LOOKS_MISSED * interval
        if recovered:
            log.info("Docker's API at %s answers again", self._url)
            self._listener.wake()
        return interval

    def _inspect_all(self) -> tuple[Container, ...]:
        with self._connect().session(self._pace.look) as session:
            for _ in range(ATTEMPTS):
                found = find_containers(session.list_containers(self._expected), self._expected)
                with contextlib.suppress(_GoneError):
                    return tuple(
                        _inspect(session, name, found[name]) if name in found else absent(name)
                        for name in self._expected
                    )
        msg = f"Docker's API at {self._url} lists containers but answers 404 when it is asked to inspect them"
        raise CollectorError(msg)

    def _look_failed(self, error: ExporterError) -> None:
        if self._looker.stopping:
            return
        reason = str(error)
        with self._lock:
            changed = reason != self._error
            self._error = reason
            stream = self._stream
        if changed:
            log.warning("containers: %s", reason)
        # Docker hangs or is away, and a stream of events that is left of it does not say so.
        if stream is not None and not isinstance(error, RefusedError | ParseError):
            stream.interrupt()

    # Docker's events

    def _listen(self) -> float:
        opened = None
        try:
            with self._connect().session() as session:
                with self._lock:
                    self._stream = session
                    since = self._tally.resume_from(self._clock())
                lines = session.listen(since, EVENTS_WANTED)
                opened = time.monotonic()
                self._set_listening(None)
                for line in lines:
                    self._hear(line)
        except ExporterError as error:
            return self._stream_failed(
                error, sound=opened is not None and time.monotonic() - opened >= self._pace.sound_stream
            )
        finally:
            with self._lock:
                self._stream = None
        return 0.0  # it was silent

    def _hear(self, line: bytes) -> None:
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
            self._looker.wake()

    def _stream_failed(self, error: ExporterError, *, sound: bool) -> float:
        if self._listener.stopping:
            return 0.0
        self._looker.wake()
        if sound:
            return 0.0
        self._set_listening(str(error))
        return self._pace.after_refused_stream if isinstance(error, RefusedError) else self._pace.between_streams

    def _set_listening(self, problem: str | None) -> None:
        with self._lock:
            changed = problem != self._deaf
            self._deaf = problem
        if changed and problem is None:
            log.info("containers: Docker's events are being counted")
        elif changed:
            log.warning("containers: Docker's events are not counted: %s", problem)
