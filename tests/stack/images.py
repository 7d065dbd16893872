"""The images that the shipped files name, made without a registry: ours as shipped, others' as stand-ins.

``python -m tests.stack.images`` needs the network for Debian's and Python's packages, so it runs before the tests,
outside their namespaces, with an engine of its own; its result is ``build/stack/images.tar``. Without changes it does
nothing.

``debian:trixie-slim`` is made by debootstrap, with the machine's certificates added so that pip works behind a proxy
that signs anew. The stand-ins (tests/README.md says what each leaves unproved) are built from ``standin-*``;
``REAL_IMAGES=1`` takes the real ones in their place where there are any (``real_images``).
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml

from tests import programs
from tests.lab.debian import RELEASE, download_environment, mirror
from tests.lab.errors import LabError
from tests.lab.plan import REPOSITORY
from tests.pinned import without_digests

from . import real_images, tools
from .engine import Engine
from .real_images import Wish
from .tools import STACK

HERE: Final = Path(__file__).resolve().parent
TESTS: Final = HERE.parent
COMPOSE: Final = REPOSITORY / "compose"
DOCKERFILE: Final = REPOSITORY / "stack" / "images" / "Dockerfile"
BASE_IMAGE: Final = "debian:trixie-slim"
BASE_ARCHIVE: Final = STACK / "base.tar"
IMAGES: Final = STACK / "images.tar"
NO_REAL_ONES: Final = Wish()
_STAMP: Final = STACK / "images.digest"
_BUILD_SECONDS: Final = 1200.0
_MACHINE_CERTIFICATES: Final = Path("/etc/ssl/certs/ca-certificates.crt")
_CERTIFICATES_INSIDE: Final = "usr/local/share/machine-certificates.crt"


def compose_services() -> dict[str, dict[str, Any]]:
    """Every service of the shipped compose files, as written; an overlay's services under the overlay's name too."""
    services: dict[str, dict[str, Any]] = {}
    for file in sorted(COMPOSE.glob("*.yaml")):
        for name, service in (yaml.safe_load(without_digests(file.read_text())).get("services") or {}).items():
            services[f"{file.stem}/{name}"] = service
    return services


def own_images() -> dict[str, str]:
    """Our images, and the Dockerfile's target of each."""
    return {
        service["image"]: service["build"]["target"] for service in compose_services().values() if "build" in service
    }


def standins() -> dict[str, Path]:
    """The images of others that the rig replaces, and the folder of each stand-in.

    The folder's name says which: ``standin-pihole`` stands in for the image whose name ends in ``pihole``.
    """
    named = {service["image"] for service in compose_services().values() if "image" in service} - set(own_images())
    dockerfile = without_digests(DOCKERFILE.read_text())
    named |= {
        line.split()[1] for line in dockerfile.splitlines() if line.startswith("FROM ") and ":" in line.split()[1]
    }
    named.discard(BASE_IMAGE)
    folders = {}
    for image in sorted(named):
        folder = HERE / f"standin-{image.rpartition('/')[2].partition(':')[0]}"
        if folder.exists():
            folders[image] = folder
    return folders


def digest() -> str:
    """What the images are made of, as one number."""
    found = hashlib.sha256()
    for path in sorted(_ingredients()):
        found.update(f"{path.relative_to(REPOSITORY)}\0{path.stat().st_mode & 0o111:o}\0".encode())
        found.update(path.read_bytes())
    found.update(repr(sorted(own_images().items())).encode())
    found.update(repr(sorted(standins())).encode())
    return found.hexdigest()


def _ingredients() -> Iterator[Path]:
    yield REPOSITORY / "pyproject.toml"
    yield Path(__file__)
    yield Path(real_images.__file__)
    yield TESTS / "programs.py"
    yield from TESTS.glob("standin_*.py")
    yield from (TESTS / "tools").glob("standin*")
    for folder in (
        REPOSITORY / "exporter",
        REPOSITORY / "stack",
        REPOSITORY / "alerts" / "notifier",
        REPOSITORY / "docs" / "runbooks",
        *HERE.glob("standin-*"),
    ):
        for path in folder.rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path


def ready() -> bool:
    """Whether the images are there and made of what is in the work tree now."""
    return IMAGES.exists() and _STAMP.exists() and _STAMP.read_text() == digest()


def make(wish: Wish = NO_REAL_ONES) -> None:
    """Build every image, or take the real one, and save all of them.

    Raises:
        LabError: something could not be made; the message ends with the reason.
    """
    if ready() and not wish.wanted:
        return
    STACK.mkdir(parents=True, exist_ok=True)
    tools.make()
    programs.make()
    wanted = digest()
    if not BASE_ARCHIVE.exists():
        _make_base()
    commands = _commands()
    dockerfile = _dockerfile()
    engine = Engine(STACK / "builder")
    try:
        engine.start()
        if not engine.docker("images", "--quiet", BASE_IMAGE).strip():
            engine.docker("import", str(BASE_ARCHIVE), BASE_IMAGE, timeout=300)
        choices = real_images.choose(engine, standins(), wish)
        for image in (choice.image for choice in choices if not choice.real):
            file = standins()[image] / "Dockerfile"
            _build(engine, image, TESTS, "--file", str(file), "--build-context", f"programs={commands}")
        for image, target in own_images().items():
            _build(engine, image, REPOSITORY, "--file", str(dockerfile), "--target", target)
        images = [*own_images(), *standins()]
        _STAMP.unlink(missing_ok=True)
        engine.docker("save", "--output", str(IMAGES), *images, timeout=300)
    finally:
        engine.close()
    real_images.write_report(choices)
    print("\n".join(real_images.report()), flush=True)
    # Of stand-ins alone: real ones are looked for anew each time.
    if not any(choice.real for choice in choices):
        _STAMP.write_text(wanted)


def _commands() -> Path:
    """One folder with the shipped Prometheus, Alertmanager and node_exporter."""
    folder = STACK / "programs"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for directory in programs.directories():
        for command in directory.iterdir():
            shutil.copy2(command, folder)
    return folder


def _dockerfile() -> Path:
    """The shipped Dockerfile for images that no registry knows."""
    made = STACK / "Dockerfile"
    made.write_text(without_digests(DOCKERFILE.read_text()))
    shutil.copyfile(f"{DOCKERFILE}.dockerignore", f"{made}.dockerignore")
    return made


def _build(engine: Engine, image: str, context: Path, *more: str) -> None:
    print(f"building {image}", flush=True)
    arguments = ["--network", "host", "--progress", "plain", "--tag", image, *more, str(context)]
    engine.docker("build", *arguments, timeout=_BUILD_SECONDS)


def _make_base() -> None:
    """Make Debian's slim image from Debian's packages. Takes about half a minute."""
    print(f"making {BASE_IMAGE}", flush=True)
    log = STACK / "debootstrap.log"
    with tempfile.TemporaryDirectory(prefix="base-", dir=STACK) as name:
        tree = Path(name) / "tree"
        command = ["debootstrap", "--variant=minbase", RELEASE, str(tree), mirror()]
        with log.open("wb") as output:
            done = subprocess.run(command, stdout=output, stderr=output, env=download_environment(), check=False)
        if done.returncode:
            message = f"debootstrap exited {done.returncode}: see {log}"
            raise LabError(message)
        for useless in ("var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/man", "usr/share/locale"):
            shutil.rmtree(tree / useless, ignore_errors=True)
            (tree / useless).mkdir(parents=True)
        shutil.copyfile(_MACHINE_CERTIFICATES, tree / _CERTIFICATES_INSIDE)
        (tree / "etc/pip.conf").write_text(f"[global]\ncert = /{_CERTIFICATES_INSIDE}\n")
        unfinished = BASE_ARCHIVE.with_suffix(".part")
        # Device nodes and the like come from the engine.
        subprocess.run(
            ["tar", "--create", "--numeric-owner", "--exclude=./dev/*", f"--file={unfinished}", "."],
            cwd=tree,
            check=True,
        )
        unfinished.rename(BASE_ARCHIVE)


if __name__ == "__main__":
    if os.geteuid() != 0:
        sys.exit("tests.stack.images: building images needs root")
    try:
        make(Wish.read(os.environ))
    except (LabError, ValueError) as error:
        sys.exit(f"tests.stack.images: {error}")
