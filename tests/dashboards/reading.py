"""What a person reads on the dashboards, told by Grafana's own libraries from what a Prometheus answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from dashboards.preview.libraries import asked, asked_annotations, bundle, run
from dashboards.preview.replay import Replay
from tests.dashboards.documents import boards, panels


@dataclass(frozen=True, slots=True)
class Cell:
    """One thing that is read: a tile, a line's name, a bar's state, a table's cell, or what stands for no data.

    ``color`` is None where only the background of the panel is behind it.
    """

    panel: str
    place: str
    text: str
    color: str | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """An annotation's mark, from its begin to its end in Unix seconds, which are one moment where it does not last."""

    title: str
    text: str
    color: str
    begin: float
    end: float


def read(replay: Replay, step: float | None = None) -> dict[str, list[dict[str, Any]]]:
    """Read every panel of every dashboard over the whole recording, by the dashboards' names.

    Raises:
        LibrariesError: Node failed or took too long.
        ReplayError: Prometheus refuses a query.
    """
    dashboards = {name: asked(panels(document), replay, step) for name, document in boards().items()}
    answer: dict[str, list[dict[str, Any]]] = _told({"dashboards": dashboards, "annotations": []}, replay)["dashboards"]
    return answer


def read_annotations(document: dict[str, Any], replay: Replay, step: float | None = None) -> list[Event]:
    """Read a dashboard's annotations over the whole recording.

    Raises:
        LibrariesError: Node failed or took too long.
        ReplayError: Prometheus refuses a query.
    """
    request = {"dashboards": {}, "annotations": asked_annotations(document, replay, step)}
    return [
        Event(event["title"], event["text"], event["color"], event["time"] / 1000, event["timeEnd"] / 1000)
        for event in _told(request, replay)["events"]
    ]


def _told(request: dict[str, Any], replay: Replay) -> dict[str, Any]:
    program = str(bundle("read.cjs", "node"))
    answer: dict[str, Any] = json.loads(run(["node", program], json.dumps({"now": replay.end, **request})))
    return answer


def cells(reading: dict[str, Any]) -> Iterator[Cell]:
    """Everything that is read on one panel."""
    title = reading["title"]
    if nothing := reading.get("nothing"):
        yield Cell(title, "nothing", nothing)
    for number, tile in enumerate(reading.get("tiles", ())):
        yield Cell(title, tile.get("name", f"tile {number}"), tile["text"], tile["color"])
    for line in reading.get("lines", ()):
        yield Cell(title, line["name"], line["name"], line.get("color"))
        yield from (Cell(title, line["name"], text) for text in line["legend"])
    for bar in reading.get("bars", ()):
        yield from (Cell(title, bar["name"], state["text"], state["color"]) for state in bar["states"])
    for row in reading.get("rows", ()):
        for heading, cell in zip(reading["columns"], row, strict=True):
            yield Cell(title, heading, cell["text"], cell.get("color"))
    yield from (Cell(title, "bucket", bucket) for bucket in reading.get("buckets", ()))
