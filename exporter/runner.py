"""Run every collector so that each is timed, isolated and reported."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence

from exporter.collectors.base import Collector
from exporter.errors import CollectorError, NotReadyError
from exporter.observations import CollectorResult, NodeIdentity, NodeStatus, SyncObservation, VrrpObservation

log = logging.getLogger(__name__)

READY_POLL_SECONDS = 0.01


class Runner:
    """Owns the collectors: starts them, looks at them, stops them."""

    def __init__(
        self, node: NodeIdentity, collectors: Sequence[Collector], clock: Callable[[], float] = time.time
    ) -> None:
        self._node = node
        self._collectors = collectors
        self._clock = clock
        self._failing: dict[str, str] = {}

    def start(self) -> None:
        """Start every collector."""
        for collector in self._collectors:
            collector.start()

    def stop(self) -> None:
        """Stop every collector, the failing ones too."""
        for collector in self._collectors:
            try:
                collector.stop()
            except Exception:
                log.exception("collector %s did not stop cleanly", collector.name)

    def run(self) -> NodeStatus:
        """Look at this node now."""
        results = tuple(self._collect(collector) for collector in self._collectors)
        return NodeStatus(self._node, self._clock(), results)  # a time that nothing seen is later than

    def wait_until_ready(self, timeout: float) -> None:
        """Wait until every collector has had a first result, for ``timeout`` seconds at most."""
        deadline = time.monotonic() + timeout
        waiting = list(self._collectors)
        while waiting and time.monotonic() < deadline:
            waiting = [collector for collector in waiting if not _is_ready(collector)]
            if waiting:
                time.sleep(READY_POLL_SECONDS)

    def _collect(self, collector: Collector) -> CollectorResult:
        began = time.perf_counter()
        observation = None
        problem: str | None = None
        try:
            observation = collector.collect()
        except CollectorError as error:
            problem = str(error)
        except Exception as error:  # a mistake of ours must cost this collector's samples only
            if collector.name not in self._failing:
                log.exception("collector %s failed unexpectedly", collector.name)
            problem = f"unexpected {type(error).__name__}: {error}; the log has more, please report it"
        if isinstance(observation, VrrpObservation | SyncObservation) and observation.problems:
            problem = "; ".join(observation.problems)
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


def _is_ready(collector: Collector) -> bool:
    try:
        collector.collect()
    except NotReadyError:
        return False
    except Exception:  # noqa: BLE001 (run() will tell)
        return True
    return True
