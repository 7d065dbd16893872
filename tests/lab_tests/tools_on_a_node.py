"""Run ``python -m stack.tools`` on a node of the lab, as its container would: with the node's environment."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.lab.plan import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.lab.lab import Lab

TIMEOUT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended and what it said."""

    exit_code: int
    said: str


def command(lab: Lab, node: str, *arguments: str) -> list[str]:
    """The command line that runs the tools on a node."""
    return lab.hosts[node].command(["env", f"--chdir={REPOSITORY}", sys.executable, "-m", "stack.tools", *arguments])


def environment(lab: Lab, node: str, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """What the node's ``.env`` would give to the tools."""
    return {**lab.command_environment(lab.hosts[node].place), **(more or {}), "TZ": os.environ.get("TZ", "UTC")}


def run_tool(lab: Lab, node: str, *arguments: str, more: Mapping[str, str] | None = None) -> Ended:
    """Run a command to its end."""
    done = subprocess.run(
        command(lab, node, *arguments),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        env=environment(lab, node, more),
        check=False,
    )
    return Ended(done.returncode, done.stderr)
