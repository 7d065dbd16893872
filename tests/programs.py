"""Prometheus, Alertmanager and node_exporter of the very versions that compose ships, built from their Go modules.

``python -m tests.programs`` builds them into ``build/alerts``, which takes some minutes the first time.
Without Go on this machine it takes Debian 13's, which are older, out of their packages.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from tests.lab.debian_packages import complete, take
from tests.lab.errors import LabError
from tests.lab.plan import BUILD, REPOSITORY
from tests.pinned import without_digests

_PACKAGES: Final = ("prometheus", "prometheus-alertmanager", "prometheus-node-exporter")
_TREE: Final = BUILD / "alerts"
_DEBIAN: Final = _TREE / "debian"
_COMPOSE: Final = REPOSITORY / "compose"


@dataclass(frozen=True, slots=True)
class Program:
    """A program that compose ships as an image, and the Go module that the image is made of.

    Attributes:
        name: of the image.
        tag: of the image, its version with a v.
        module: the Go module and its version.
        commands: its commands as Debian calls them, and so the lab, and the packages in the module that they are.
        absent: files that its releases generate and the program does not need to run here.
    """

    name: str
    tag: str
    module: str
    commands: Mapping[str, str]
    absent: tuple[str, ...] = ()

    @property
    def directory(self) -> Path:
        """Where its commands are once they are built."""
        return _TREE / f"{self.name}-{self.tag}"

    @property
    def complete(self) -> bool:
        """Whether they are."""
        return all((self.directory / command).exists() for command in self.commands)


def shipped() -> tuple[Program, ...]:
    """The programs in the versions of compose's images."""
    images: dict[str, str] = {}
    for file in ("compose.yaml", "observability.yaml"):
        images |= yaml.safe_load(without_digests((_COMPOSE / file).read_text()))["x-images"]
    tags = {name: image.rpartition(":")[2] for name, image in images.items()}
    major, minor, patch = tags["prometheus"].removeprefix("v").split(".")
    return (
        Program(
            "prometheus",
            tags["prometheus"],
            # The module of Prometheus 3.13.5 is v0.313.5 (RELEASE.md).
            f"github.com/prometheus/prometheus@v0.{major}{minor:0>2}.{patch}",
            {"prometheus": "./cmd/prometheus", "promtool": "./cmd/promtool"},
        ),
        Program(
            "alertmanager",
            tags["alertmanager"],
            f"github.com/prometheus/alertmanager@{tags['alertmanager']}",
            {"prometheus-alertmanager": "./cmd/alertmanager", "amtool": "./cmd/amtool"},
            ("ui/app/dist/elm/index.html", "ui/app/dist/mantine/index.html"),
        ),
        Program(
            "node-exporter",
            tags["node-exporter"],
            f"github.com/prometheus/node_exporter@{tags['node-exporter']}",
            {"prometheus-node-exporter": "."},
        ),
    )


def directories() -> list[Path]:
    """Where the commands are.

    Raises:
        LabError: they are not there.
    """
    programs = shipped()
    if all(program.complete for program in programs):
        return [program.directory for program in programs]
    if complete(_DEBIAN):
        return [_DEBIAN / "usr" / "bin"]
    message = "the shipped Prometheus is missing: run python -m tests.programs, as make bench-alerts does"
    raise LabError(message)


def use() -> None:
    """Let this process and its children find them before the machine's own.

    Raises:
        LabError: they are not there.
    """
    os.environ["PATH"] = os.pathsep.join([*map(str, directories()), os.environ["PATH"]])


def make() -> None:
    """Build what is missing.

    Raises:
        LabError: a download or a build failed.
    """
    if shutil.which("go") is None:
        print("no Go here: Debian 13's Prometheus, Alertmanager and node_exporter instead of the shipped ones")
        take(_PACKAGES, _DEBIAN)
        return
    for program in shipped():
        if not program.complete:
            print(f"building {program.name} {program.tag}, which may take minutes", flush=True)
            _build(program)


def _build(program: Program) -> None:
    found: dict[str, Any] = json.loads(_go("mod", "download", "-json", program.module))
    _TREE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=_TREE, prefix=".source-") as scratch:
        source, made = Path(scratch, "source"), Path(scratch, "made")
        # A copy that may be written to, in which the module's own replacements of others hold.
        shutil.copytree(found["Dir"], source)
        subprocess.run(["chmod", "-R", "u+w", str(source)], check=True)
        for name in program.absent:
            file = source / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
        flags = f"-s -w -X github.com/prometheus/common/version.Version={program.tag.removeprefix('v')}"
        for command, package in program.commands.items():
            _go("build", "-trimpath", f"-ldflags={flags}", "-o", str(made / command), package, cwd=source)
        shutil.rmtree(program.directory, ignore_errors=True)
        made.rename(program.directory)


def _go(*arguments: str, cwd: Path | None = None) -> str:
    # With the C library, as Debian builds it: a host of the lab may have a clock of its own (tests/lab/clock.c).
    # Without the workspace, whose other modules are not in this one.
    environment = {**os.environ, "CGO_ENABLED": "1", "GOWORK": "off"}
    command = ["go", *arguments]
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        message = f"{' '.join(command[:3])} failed: {done.stderr.strip()[-2000:]}"
        raise LabError(message)
    return done.stdout


if __name__ == "__main__":
    try:
        make()
    except LabError as error:
        sys.exit(f"tests.programs: {error}")
