"""Run every collector so that each is timed, isolated and reported."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence

from exporter.engine.collector import Collector
from exporter.model.errors import CollectorError, NotReadyError
from exporter.model.observations import (
    CollectorResult,
    HealthObservation,
    NodeIdentity,
    NodeStatus,
    Observation,
    SyncObservation,
    VrrpObservation,
)

log = logging.getLogger(__name__)

READY_POLL_SECONDS = 0.01
# How long one waits for another that asks the same collector; what takes longer hangs.
PATIENCE_SECONDS = 1.0


class Runner:
    """Owns the collectors: starts, asks and stops them.

    Many may ask at once, each collector is asked by one of them at a time. One that hangs although it
    must not costs whoever met it; the later ones go on without it.
    """

    def __init__(
        self, node: NodeIdentity, collectors: Sequence[Collector], clock: Callable[[], float] = time.time
    ) -> None:
        self._node = node
        self._collectors = collectors
        self._clock = clock
        self._failing: dict[str, str] = {}
        self._locks = {collector.name: threading.Lock() for collector in collectors}

    def start(self) -> None:
        """Start every collector; one that does not start has no data, and its log says why."""
        for collector in self._collectors:
            try:
                collector.start()
            except Exception:
                log.exception("collector %s did not start", collector.name)

    def stop(self) -> None:
        """Stop every collector, the failing ones too."""
        for collector in self._collectors:
            try:
                collector.stop()
            except Exception:
                log.exception("collector %s did not stop cleanly", collector.name)

    def collect(self) -> NodeStatus:
        """Ask every collector what it knows now."""
        results = tuple(self._collect(collector) for collector in self._collectors)
        return NodeStatus(self._node, self._clock(), results)  # a time that nothing seen is later than

    def wait_until_ready(self, timeout: float) -> None:
        """Wait until every collector has had a first result, for ``timeout`` seconds at most."""
        deadline = time.monotonic() + timeout
        waiting = list(self._collectors)
        while waiting and time.monotonic() < deadline:
            waiting = [collector for collector in waiting if not self._is_ready(collector)]
            if waiting:
                time.sleep(READY_POLL_SECONDS)

    def _collect(self, collector: Collector) -> CollectorResult:
        began = time.perf_counter()
        observation = None
        problem: str | None = None
        try:
            observation = self._ask(collector)
        except CollectorError as error:
            problem = str(error)
        except Exception as error:  # a mistake of ours must cost this collector's samples only
            if collector.name not in self._failing:
                log.exception("collector %s failed unexpectedly", collector.name)
            problem = f"unexpected {type(error).__name__}: {error}; the log has more, please report it"
        if isinstance(observation, VrrpObservation | HealthObservation | SyncObservation) and observation.problems:
            problem = "; ".join(observation.problems)
        if problem is not None:  # a path in it may be any bytes, and every view must be able to write it
            problem = problem.encode(errors="replace").decode()
        self._report(collector.name, problem)
        return CollectorResult(collector.name, time.perf_counter() - began, observation, problem)

    def _report(self, name: str, problem: str | None) -> None:
        """Log a failure once when it begins, and once when it ends."""
        before = self._failing.get(name)
        if problem is None and before is not None:
            log.info("collector %s works again", name)
            self._failing.pop(name, None)
        elif problem is not None and before is None:
            log.warning("collector %s: %s", name, problem)
            self._failing[name] = problem

    def _ask(self, collector: Collector) -> Observation:
        lock = self._locks[collector.name]
        if not lock.acquire(timeout=PATIENCE_SECONDS):
            msg = f"an earlier request to collector {collector.name} hangs; restart the exporter, and please report it"
            raise CollectorError(msg)
        try:
            return collector.collect()
        finally:
            lock.release()

    def _is_ready(self, collector: Collector) -> bool:
        try:
            self._ask(collector)
        except NotReadyError:
            return False
        except Exception:  # noqa: BLE001 (collect() will tell)
            return True
        return True
