"""Grafana's own libraries in ``dashboards/grafana``, run by Node or bundled for a browser."""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from dashboards.preview.replay import REPOSITORY, Replay

LIBRARIES: Final = REPOSITORY / "dashboards" / "grafana"
READING: Final = "@grafana/data"
DRAWING: Final = "@grafana/ui"
_SECONDS: Final = 120.0


class LibrariesError(Exception):
    """Node or Grafana's libraries did not do what was asked; the message has what they said."""


def missing(library: str) -> str | None:
    """What is missing for the use of a library, and how to get it; None if nothing is."""
    if shutil.which("node") is None:
        return "node is missing: apt-get install nodejs npm"
    if not (LIBRARIES / "node_modules" / library / "package.json").is_file():
        target = "preview" if library == DRAWING else "check"
        return f"Grafana's library {library} is missing: make {target} installs it where npm is"
    return None


def run(command: Sequence[str], request: str = "") -> str:
    """Run one of Node's programs and return what it printed.

    Raises:
        LibrariesError: it failed or took too long.
    """
    environment = {"PATH": os.environ["PATH"], "TZ": "UTC", "LANG": "en_US.UTF-8"}
    try:
        done = subprocess.run(
            command, input=request, capture_output=True, text=True, check=False, timeout=_SECONDS, env=environment
        )
    except subprocess.TimeoutExpired as error:
        message = f"Grafana's libraries took longer than {_SECONDS:g} s for the dashboards"
        raise LibrariesError(message) from error
    if done.returncode:
        raise LibrariesError(done.stderr[-2000:])
    return done.stdout


@functools.cache
def bundle(entry: str, platform: str) -> Path:
    """Make one script of a program and the libraries, for a browser or for Node (before 20 it cannot load several).

    It is removed at this process's end.

    Raises:
        LibrariesError: the program cannot be bundled.
    """
    made = Path(tempfile.mkdtemp(prefix="dnsha-bundle-"), f"{Path(entry).stem}.js")
    atexit.register(shutil.rmtree, made.parent, ignore_errors=True)
    bundler = str(LIBRARIES / "node_modules" / ".bin" / "esbuild")
    for_platform = ["--platform=node"]
    if platform == "browser":
        for_platform = [
            "--platform=browser",
            "--jsx=automatic",
            '--define:process.env.NODE_ENV="production"',
            "--loader:.woff=empty",
            "--loader:.woff2=dataurl",
            "--loader:.ttf=empty",
        ]
    run([bundler, "--bundle", "--log-level=error", f"--outfile={made}", *for_platform, str(LIBRARIES / entry)])
    return made


def asked(panels: Sequence[dict[str, Any]], replay: Replay, step: float | None = None) -> list[dict[str, Any]]:
    """What Prometheus answers to panels over the whole recording, as Grafana's libraries are asked to use it.

    Raises:
        ReplayError: Prometheus refuses a query.
    """
    return [
        {
            "panel": panel,
            "answers": {target["refId"]: replay.answer(target, step) for target in panel["targets"]},
            "step": step or replay.step,
        }
        if "targets" in panel
        else {"panel": panel}  # a row's heading
        for panel in panels
    ]


def asked_annotations(document: dict[str, Any], replay: Replay, step: float | None = None) -> list[dict[str, Any]]:
    """What Prometheus answers to a dashboard's annotations over the whole recording, in the same way.

    Raises:
        ReplayError: Prometheus refuses a query.
    """
    return [
        {
            "annotation": annotation,
            "answer": replay.answer({**annotation["target"], "instant": False}, step),
            "step": step or replay.step,
        }
        for annotation in document["annotations"]["list"]
    ]
