"""Which images of others the rig runs: the real ones where there are any and they are wanted, else the stand-ins.

``REAL_IMAGES=1`` wants them. They come, in this order, from an archive (``docker save``) in REAL_IMAGES_DIRECTORY, from
an earlier run, from this machine's own engine, from a registry. A real one that does not work fails the tests: no
stand-in takes its place then.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Protocol

from tests.lab.errors import CommandError

from . import tools
from .tools import STACK

REPORT: Final = STACK / "images.json"
MACHINE_SOCKET: Final = Path("/var/run/docker.sock")
# A second name of each real image, because a stand-in may have taken its own name meanwhile.
_KEPT: Final = "dnsha-real/"
_LOAD_SECONDS: Final = 300.0
_PULL_SECONDS: Final = 600.0


class Docker(Protocol):
    """What runs a docker command, as an :class:`Engine` does."""

    def docker(self, *arguments: str, timeout: float = 120.0) -> str:
        """Run it; return what it printed; raise CommandError when it fails."""


class Machine:
    """This machine's own engine, of which nothing but images is wanted."""

    def docker(self, *arguments: str, timeout: float = 120.0) -> str:
        """Run a docker command.

        Raises:
            CommandError: it failed, there is no engine, or it took longer than ``timeout`` seconds.
        """
        environment = {**tools.environment(), "DOCKER_HOST": f"unix://{MACHINE_SOCKET}"}
        try:
            done = subprocess.run(
                ["docker", *arguments], env=environment, capture_output=True, text=True, timeout=timeout, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            message = f"docker {arguments[0]} on this machine's engine: {error}"
            raise CommandError(message) from error
        if done.returncode:
            message = f"docker {arguments[0]} on this machine's engine: {done.stderr.strip()}"
            raise CommandError(message)
        return done.stdout


@dataclass(frozen=True, slots=True)
class Choice:
    """What runs under an image's name: the real one, or its stand-in; ``origin`` says from where, or why not."""

    image: str
    real: bool
    origin: str


@dataclass(frozen=True, slots=True)
class Wish:
    """Whether real images are wanted, and the folder with archives of them."""

    wanted: bool = False
    directory: Path | None = None

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Wish:
        """Read REAL_IMAGES and REAL_IMAGES_DIRECTORY.

        Raises:
            ValueError: REAL_IMAGES is neither 1 nor 0, or the folder is none.
        """
        wanted, directory = environment.get("REAL_IMAGES", ""), environment.get("REAL_IMAGES_DIRECTORY", "")
        if wanted not in ("", "0", "1"):
            message = f"REAL_IMAGES={wanted}: write 1 for real images, 0 for stand-ins"
            raise ValueError(message)
        if directory and not Path(directory).is_dir():
            message = f"REAL_IMAGES_DIRECTORY={directory}: no such folder; put the archives of `docker save` there"
            raise ValueError(message)
        return cls(wanted == "1", Path(directory) if directory else None)


def choose(engine: Docker, images: Iterable[str], wish: Wish, machine: Docker | None = None) -> tuple[Choice, ...]:
    """Give the engine every real image that there is; say of each whether it is real.

    Raises:
        CommandError: an archive cannot be loaded.
    """
    wanted = sorted(images)
    if not wish.wanted:
        return tuple(Choice(image, real=False, origin="REAL_IMAGES is not 1") for image in wanted)
    archived = _load(engine, wanted, sorted(wish.directory.glob("*.tar")) if wish.directory else [])
    return tuple(_choose(engine, image, archived, machine or Machine()) for image in wanted)


def _choose(engine: Docker, image: str, archived: Mapping[str, Path], machine: Docker) -> Choice:
    origin = ""
    if image in archived:
        origin = f"archive {archived[image].name}"
    elif _has(engine, _KEPT + image):
        engine.docker("tag", _KEPT + image, image)
        return Choice(image, real=True, origin="an earlier run")
    elif _has(machine, image):
        _copy(machine, engine, image)
        origin = "this machine's engine"
    else:
        try:
            engine.docker("pull", "--quiet", image, timeout=_PULL_SECONDS)
        except CommandError as error:
            reason = str(error).rpartition("Error response from daemon: ")[2]
            return Choice(image, real=False, origin=f"none here, and its registry: {reason}")
        origin = "its registry"
    engine.docker("tag", image, _KEPT + image)
    return Choice(image, real=True, origin=origin)


def _load(engine: Docker, images: Iterable[str], archives: Iterable[Path]) -> dict[str, Path]:
    """Load every archive; say which of the images were in which."""
    found: dict[str, Path] = {}
    for archive in archives:
        said = engine.docker("load", "--input", str(archive), timeout=_LOAD_SECONDS)
        names = {line.removeprefix("Loaded image: ") for line in said.splitlines()}
        found |= {image: archive for image in images if image in names}
    return found


def _has(engine: Docker, image: str) -> bool:
    try:
        engine.docker("image", "inspect", "--format", "{{.Id}}", image)
    except CommandError:
        return False
    return True


def _copy(source: Docker, target: Docker, image: str) -> None:
    with tempfile.TemporaryDirectory(prefix="real-", dir=STACK) as folder:
        archive = Path(folder, "image.tar")
        source.docker("save", "--output", str(archive), image, timeout=_LOAD_SECONDS)
        target.docker("load", "--input", str(archive), timeout=_LOAD_SECONDS)


def write_report(choices: Iterable[Choice], file: Path = REPORT) -> None:
    """Write down what is in build/stack/images.tar."""
    unfinished = file.with_name(f".{file.name}.{os.getpid()}")
    unfinished.write_text(json.dumps([asdict(choice) for choice in choices], indent=2) + "\n")
    unfinished.replace(file)


def report(file: Path = REPORT) -> list[str]:
    """Which images the rig runs, a line each; empty where none were made."""
    choices = []
    with contextlib.suppress(FileNotFoundError):
        choices = [Choice(**one) for one in json.loads(file.read_text())]
    return [f"{'real' if one.real else 'stand-in':8}  {one.image}  ({one.origin})" for one in choices]
