"""What a person reads on the dashboards, told by Grafana's own libraries from what a Prometheus answers."""

from __future__ import annotations

import atexit
import functools
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from dashboards.preview.replay import Replay
from tests.dashboards.documents import boards, panels

LIBRARIES: Final = Path(__file__).resolve().parents[2] / "dashboards" / "grafana"
_SECONDS: Final = 120.0


class ReadingError(Exception):
    """Node or Grafana's libraries did not do what was asked; the message has what they said."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One thing that is read: a tile, a line's name, a bar's state, a table's cell, or what stands for no data.

    ``color`` is None where only the background of the panel is behind it.
    """

    panel: str
    place: str
    text: str
    color: str | None = None


def missing() -> str | None:
    """What is missing for a reading, and how to get it; None if nothing is."""
    if shutil.which("node") is None:
        return "node is missing: apt-get install nodejs"
    if not (LIBRARIES / "node_modules" / "@grafana" / "data").is_dir():
        return "Grafana's libraries are missing: make check installs them where npm is"
    return None


def read(replay: Replay, step: float | None = None) -> dict[str, list[dict[str, Any]]]:
    """Read every panel of every dashboard over the whole recording, by the dashboards' names.

    Raises:
        ReadingError: Node failed or took too long.
        ReplayError: Prometheus refuses a query.
    """
    asked = {
        name: [
            {
                "panel": panel,
                "answers": {target["refId"]: replay.answer(target, step) for target in panel["targets"]},
                "step": step or replay.step,
            }
            for panel in panels(document)
        ]
        for name, document in boards().items()
    }
    request = {"now": replay.end, "from": replay.start, "to": replay.end, "dashboards": asked}
    answer: dict[str, list[dict[str, Any]]] = json.loads(run(["node", str(_program())], json.dumps(request)))
    return answer


@functools.cache
def _program() -> Path:
    """Make one script of read.cjs and the libraries, which Node before 20 cannot load as they are."""
    made = Path(tempfile.mkdtemp(prefix="dnsha-reading-"), "read.cjs")
    atexit.register(shutil.rmtree, made.parent, ignore_errors=True)
    bundler = str(LIBRARIES / "node_modules" / ".bin" / "esbuild")
    run([bundler, "--bundle", "--platform=node", "--log-level=error", f"--outfile={made}", str(LIBRARIES / "read.cjs")])
    return made


def run(command: Sequence[str], request: str = "") -> str:
    """Run one of Node's programs and return what it printed.

    Raises:
        ReadingError: it failed or took too long.
    """
    environment = {"PATH": os.environ["PATH"], "TZ": "UTC", "LANG": "en_US.UTF-8"}
    try:
        done = subprocess.run(
            command, input=request, capture_output=True, text=True, check=False, timeout=_SECONDS, env=environment
        )
    except subprocess.TimeoutExpired as error:
        message = f"Grafana's libraries took longer than {_SECONDS:g} s to read the dashboards"
        raise ReadingError(message) from error
    if done.returncode:
        raise ReadingError(done.stderr[-2000:])
    return done.stdout


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
