"""What it takes to write one sample: by our encoder, and by prometheus-client's, of the same samples in turn.

Ours has to make its families of what the collectors saw; the library's has them already.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Final

from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from exporter import checks
from exporter.views import exposition
from tests.bench.figures import Figure
from tests.unit import samples

FORMATS: Final = {"text": "text/plain", "OpenMetrics": "application/openmetrics-text; version=1.0.0"}
ROUNDS, CALLS = 21, 10
LIMIT_MICROSECONDS = 5


class Registry:
    """What the library's encoders ask of a registry."""

    def __init__(self, found: list[Metric]) -> None:
        self._found = found

    def collect(self) -> list[Metric]:
        """Give the families."""
        return self._found


def encoders() -> list[Figure]:
    """CPU for each sample of a healthy node, in both formats."""
    status = samples.healthy()
    found = checks.evaluate(status, samples.settings())
    overall = checks.worst(found)

    def ours(accept: str) -> bytes:
        return exposition.encode(exposition.families(status, found, overall), accept)[0]

    families = list(text_string_to_metric_families(ours("text/plain").decode()))
    count = sum(len(family.samples) for family in families)
    peer = f"prometheus-client {version('prometheus-client')}, families made before"
    figures = []
    for name, accept in FORMATS.items():
        encoder = choose_encoder(accept)[0]
        mine, theirs = _in_turn(lambda: ours(accept), lambda: encoder(Registry(families)))  # noqa: B023 (called here)
        each = [seconds / count * 1e6 for seconds in (mine, theirs)]
        figures.append(
            Figure(f"encoding a sample, {name}", each[0], "µs", LIMIT_MICROSECONDS, False, count, peer, each[1])
        )
    return figures


def _in_turn(*works: Callable[[], object]) -> list[float]:
    """Seconds of CPU that a call of each takes: the medians of rounds in which each has its turn."""
    seconds: list[list[float]] = [[] for _ in works]
    for _ in range(ROUNDS):
        for spent, work in zip(seconds, works, strict=True):
            began = time.process_time()
            for _ in range(CALLS):
                work()
            spent.append((time.process_time() - began) / CALLS)
    return [statistics.median(spent) for spent in seconds]
