"""A software bill of materials for each image, as it is built on this machine: ``make sbom``; build/sbom/NAME.cdx.json.

CycloneDX 1.6 (ECMA-424): Debian's packages as dpkg knows them, Python's distributions as their metadata says, and the
images of others that this one is made from. An image's own programs are asked, without a network: nothing is guessed
from what should have been installed. What another's image copied in (nebula-sync) is named by that image alone.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from exporter import __version__
from exporter.engine.files import write_atomically

REPOSITORY = Path(__file__).parents[2]
DOCKERFILE = REPOSITORY / "stack" / "images" / "Dockerfile"
ASK_SECONDS = 60.0
# dpkg's source package and its version are what security advisories name.
LOOK = r"""
dpkg-query -W -f 'deb\t${Package}\t${Version}\t${Architecture}\t${source:Package}\n'
for file in /opt/venv/lib/python3*/site-packages/*.dist-info/METADATA; do
  [ -e "$file" ] || continue
  sed -n 's/^Name: */pypi\t/p; /^$/q' "$file" | head -n 1 | tr '\n' '\t'
  sed -n 's/^Version: *//p; /^$/q' "$file" | head -n 1
done
"""


@dataclass(frozen=True, slots=True)
class Component:
    """One part of an image."""

    kind: str  # CycloneDX's type: library, container
    name: str
    version: str
    purl: str  # https://github.com/package-url/purl-spec


def parse(text: str) -> tuple[Component, ...]:
    """Read what LOOK prints.

    Raises:
        ValueError: a line is none of its.
    """
    found: list[Component] = []
    for line in text.splitlines():
        match line.split("\t"):
            case ["deb", name, version, architecture, source]:
                origin = "" if source == name else f"&upstream={quote(source, safe='')}"
                purl = f"pkg:deb/debian/{quote(name)}@{quote(version, safe='')}?arch={architecture}{origin}"
                found.append(Component("library", name, version, purl))
            case ["pypi", name, version]:
                normal = re.sub(r"[-_.]+", "-", name).lower()
                found.append(Component("library", name, version, f"pkg:pypi/{normal}@{quote(version, safe='')}"))
            case _:
                raise ValueError(f"{line!r} is neither a Debian package nor a Python distribution")
    return tuple(found)


def bases(dockerfile: str, target: str) -> tuple[Component, ...]:
    """The images of others that a stage is made from, by FROM and by COPY --from, through all stages."""
    stages: dict[str, set[str]] = {}
    current = ""
    for match in re.finditer(r"^(?:FROM (\S+) AS (\S+)|COPY --from=(\S+))", dockerfile, re.MULTILINE):
        if match[1]:
            current = match[2]
            stages[current] = {match[1]}
        else:
            stages[current].add(match[3])

    def reach(stage: str) -> set[str]:
        return {one for parent in stages[stage] for one in (reach(parent) if parent in stages else {parent})}

    return tuple(_container(image) for image in sorted(reach(target)))


def _container(image: str) -> Component:
    tagged, _, digest = image.partition("@")
    name, _, tag = tagged.rpartition(":")
    at = f"@{quote(digest, safe='')}?tag={tag}" if digest else f"?tag={tag}"
    return Component("container", name, digest or tag, f"pkg:docker/{name}{at}")


def document(image: str, components: Iterable[Component], made: datetime) -> dict[str, Any]:
    """The bill of materials of one image, as CycloneDX has it."""
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid4()}",
        "version": 1,
        "metadata": {
            "timestamp": made.astimezone(UTC).isoformat(timespec="seconds"),
            "component": {"type": "container", "bom-ref": image, "name": image, "version": __version__},
        },
        "components": [
            {"type": one.kind, "bom-ref": one.purl, "name": one.name, "version": one.version, "purl": one.purl}
            for one in sorted(set(components), key=lambda one: one.purl)
        ],
    }


# Of one service, which ends at an empty line: one without a target runs another service's image.
_IMAGE = r"^ +image: (dnsha-\S+:local)$(?:\n(?! *image:)(?! *$).*)*?target: ([a-z-]+)\}"


def images(compose: Iterable[str]) -> dict[str, str]:
    """Our images and the Dockerfile's target of each, as compose files name them."""
    found = {}
    for text in compose:
        for match in re.finditer(_IMAGE, text, re.MULTILINE):
            found[match[1]] = match[2]
    return found


def ask(image: str) -> str:
    """Run an image's own dpkg and read its Python distributions.

    Raises:
        SystemExit: Docker cannot run it.
    """
    command = ["docker", "run", "--rm", "--pull", "never", "--network", "none", "--read-only", "--cap-drop", "ALL",
               "--user", "65534:65534", "--entrypoint", "/bin/sh", image, "-c", LOOK]  # fmt: skip
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=ASK_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SystemExit(f"sbom: {image}: {error}") from None
    if done.returncode:
        raise SystemExit(f"sbom: {image}: {done.stderr.strip()}; docker compose build makes it")
    return done.stdout


def main(wanted: Sequence[str]) -> None:
    """Write one file for each image, or for those that are named."""
    known = images(file.read_text() for file in sorted((REPOSITORY / "compose").glob("*.yaml")))
    folder = REPOSITORY / "build" / "sbom"
    folder.mkdir(parents=True, exist_ok=True)
    for image in wanted or sorted(known):
        if image not in known:
            raise SystemExit(f"sbom: {image} is none of ours: {', '.join(sorted(known))}")
        components = parse(ask(image)) + bases(DOCKERFILE.read_text(), known[image])
        path = folder / f"{image.partition(':')[0]}.cdx.json"
        content = document(image, components, datetime.now(UTC))
        write_atomically(path, json.dumps(content, indent=2).encode() + b"\n")
        sys.stdout.write(f"{path.relative_to(REPOSITORY)}: {len(components)} components\n")


if __name__ == "__main__":
    main(sys.argv[1:])
