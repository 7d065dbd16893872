"""A healthy pair under load: nothing may be told. And how many series one node has."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.alerting.watch import Watched, watched
from tests.bench.figures import Figure
from tests.dashboards.standin_hardware import ENVIRONMENT, containers, furnish
from tests.lab.lab import Lab

_QUERY_SECONDS = 0.01
_BUSY = 4
_SAY_SECONDS = 120.0
_SERIES = 400  # of one node's exporter


def measure(minutes: float) -> Iterator[list[Figure]]:
    """Count the series of a pair that has everything an exporter can watch, then what is told while all is well."""
    # The stand-ins of the dashboards' recording: containers, tasks, shared content, and the wire.
    with Lab(guard=True, environment=ENVIRONMENT) as lab, containers(lab):
        for host in lab.nodes:
            furnish(host)
        with watched(lab) as watch:
            watch.wait_calm()
            yield _series(watch)
            yield [_false_alarms(watch, minutes)]


def _series(watch: Watched) -> list[Figure]:
    nodes = [host.place.name for host in watch.lab.nodes]

    def most(job: str) -> float:
        return max(watch.query(node, f'max(count by (node) ({{job="{job}"}}))')[0][1] for node in nodes)

    return [
        Figure("series of a node, exporter", most("dnsha"), "series", _SERIES, False, len(nodes)),
        Figure("series of a node, node_exporter", most("node"), "series", _SERIES, False, len(nodes)),
    ]


def _false_alarms(watch: Watched, minutes: float) -> Figure:
    began = time.time()
    with _busy(), watch.lab.sample(interval=_QUERY_SECONDS):
        while (left := began + minutes * 60 - time.time()) > 0:
            time.sleep(min(left, _SAY_SECONDS))
            told = watch.phone.news_lines(began)
            print(
                f"bench-alerts: healthy for {(time.time() - began) / 60:.0f} of {minutes:g} minutes; "
                f"told {len(watch.phone.messages(began))} times {list(told) or ''}",
                flush=True,
            )
    name = f"told of a healthy pair under load ({1 / _QUERY_SECONDS:.0f} queries/s, {_BUSY} busy processes; minutes)"
    return Figure(name, len(watch.phone.messages(began)), "messages", 0, False, round(minutes))


@contextmanager
def _busy() -> Iterator[None]:
    """Let some processes do nothing as fast as they can."""
    processes = [subprocess.Popen(["sh", "-c", "while :; do :; done"]) for _ in range(_BUSY)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()
