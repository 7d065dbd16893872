"""The shipped compose files as Compose reads them, without any engine."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from tests.lab.plan import REPOSITORY

from . import tools

COMPOSE: Final = REPOSITORY / "compose"
EXAMPLE: Final = COMPOSE / ".env.example"


def example() -> dict[str, str]:
    """The variables of .env.example that are set there, in order."""
    return dict(re.findall(r"^([A-Z][A-Z0-9_]*)=(.*)$", EXAMPLE.read_text(), re.MULTILINE))


def explained() -> set[str]:
    """Every variable that .env.example names, whether it is set there or in a comment."""
    return set(re.findall(r"^#?([A-Z][A-Z0-9_]*)=", EXAMPLE.read_text(), re.MULTILINE))


def read(files: Sequence[str], environment: Mapping[str, str], folder: Path) -> tuple[dict[str, Any] | None, str]:
    """What Compose makes of the files with this .env: the whole as JSON, or None and its complaint."""
    env = folder / "env"
    env.write_text("".join(f"{name}={value}\n" for name, value in environment.items()))
    chosen = [argument for file in files for argument in ("--file", str(COMPOSE / file))]
    done = subprocess.run(
        ["docker", "compose", "--env-file", str(env), *chosen, "config", "--format", "json"],
        env=tools.environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return (json.loads(done.stdout), "") if done.returncode == 0 else (None, done.stderr.strip())


def without_engine() -> str | None:
    """Say why Compose cannot be asked here; None if it can."""
    there = (tools.root() / tools.PLUGINS / "docker-compose").exists()
    return None if there else "Compose is missing: run tests/packages stack"
