"""A copy of the stack's scripts, beside a docker that only writes down how it was called."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

HERE = Path(__file__).parent
STACK = HERE.parents[1] / "stack"
TOOLS = "compose run --rm --no-deps -T tools "


@dataclass
class Site:
    """A copy of the scripts, and a docker that only writes down how it was called."""

    folder: Path

    def environment(self) -> dict[str, str]:
        path = f"{self.folder / 'bin'}:{os.environ['PATH']}"
        return {**os.environ, "PATH": path, "STANDIN_DOCKER_LOG": str(self.folder / "log")}

    def run(self, script: str, *arguments: str, fails: str = "", before: str = "") -> tuple[int, str, list[str]]:
        log = self.folder / "log"
        for old in self.folder.glob("log*"):
            old.unlink()
        done = subprocess.run(
            [self.folder / "stack" / script, *arguments],
            env={**self.environment(), "STANDIN_DOCKER_FAILS": fails, "STANDIN_DOCKER_BEFORE": before},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        calls = log.read_text().splitlines() if log.exists() else []
        return done.returncode, done.stdout + done.stderr, calls


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """The scripts in a folder of their own."""
    for folder in ("stack", "compose", "bin"):
        (tmp_path / folder).mkdir()
    for script in STACK.glob("*.sh"):
        shutil.copy(script, tmp_path / "stack")
    shutil.copy(HERE / "standin-docker", tmp_path / "bin" / "docker")
    (tmp_path / "compose" / ".env").write_text("NODE_ROLE=primary\n")
    return Site(tmp_path)


def verbs(calls: list[str]) -> list[str]:
    """The calls without what is the same in each."""
    short = [call.removeprefix(TOOLS).removeprefix("compose ") for call in calls]
    return [call.split(" --")[0] for call in short if not call.startswith(("config", "rm "))]
