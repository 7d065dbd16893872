"""What the HTTP server answers."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from prometheus_client import ProcessCollector

from exporter.app import Application
from exporter.http.handler import Answer, Route
from exporter.parsers.status_document import STATUS_PATH
from exporter.sources import runbooks
from exporter.views import exposition, page, status_document
from exporter.views import runbooks as runbook_pages

METRICS_PATH = "/metrics"
# What the other node's exporter, tools and Prometheus, and this node's own, read.
FOR_THE_PAIR = (STATUS_PATH, METRICS_PATH)
HTML = "text/html; charset=utf-8"


def routes(application: Application) -> dict[str, Route]:
    """Map paths to what they answer; each answer is collected anew."""
    process = ProcessCollector(registry=None)
    written = runbooks.find()

    def metrics(accept: str, names: Sequence[str]) -> Answer:
        snapshot = application.collect()
        families = exposition.families(snapshot.status, snapshot.checks, snapshot.verdict)
        return exposition.encode([*families, *exposition.from_library(process.collect())], accept, names)

    def status(_: str, __: Sequence[str]) -> Answer:
        snapshot = application.collect()
        return status_document.build(snapshot.status, snapshot.checks, snapshot.verdict), "application/json"

    def schema(_: str, __: Sequence[str]) -> Answer:
        return status_document.SCHEMA.read_bytes(), "application/schema+json"

    def front(_: str, __: Sequence[str]) -> Answer:
        snapshot = application.collect()
        return page.render(snapshot.status, snapshot.checks, snapshot.verdict, written).encode(), HTML

    def health(_: str, __: Sequence[str]) -> Answer:
        return b"ok\n", "text/plain; charset=utf-8"

    def runbook_index(_: str, __: Sequence[str]) -> Answer:
        return runbook_pages.index(written, runbooks.introduction()).encode(), HTML

    def runbook(name: str, path: Path, _: str, __: Sequence[str]) -> Answer:
        return runbook_pages.runbook(name, path.read_text("utf-8")).encode(), HTML

    return {
        "/": front,
        METRICS_PATH: metrics,
        STATUS_PATH: status,
        "/api/v1/schema": schema,
        "/healthz": health,
        "/runbooks/": runbook_index,
        # Each has a route of its own, so no path that somebody sends ever becomes a file's name.
        **{f"/runbooks/{name}": partial(runbook, name, path) for name, path in written.items()},
    }
