"""Pin other people's images by their digests: ``make digests`` writes NAME:TAG@sha256:… wherever a tag is named.

The digest is that of the index of all architectures, as the registry gives it now; Docker then takes this content or
none. It is asked for by ``docker buildx imagetools inspect``, with the registries and logins that Docker knows.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from exporter.engine.files import write_atomically

REPOSITORY = Path(__file__).parents[2]
ASK_SECONDS = 60.0

_DIGEST = r"sha256:[0-9a-f]{64}"
# What compose's x-images and a Dockerfile's FROM name; a stage that is built on another one has no tag.
_REFERENCE = re.compile(
    rf"^(?P<before>FROM |  [a-z-]+: &[a-z-]+-image )(?P<image>[^\s@]+:[\w.-]+)(?:@{_DIGEST})?(?=\s|$)", re.MULTILINE
)


def files(repository: Path = REPOSITORY) -> list[Path]:
    """The files that name other people's images."""
    return [repository / "stack" / "images" / "Dockerfile", *sorted((repository / "compose").glob("*.yaml"))]


def references(text: str) -> list[str]:
    """The images that a file names, each NAME:TAG."""
    return [match["image"] for match in _REFERENCE.finditer(text)]


def pin(text: str, digests: Mapping[str, str]) -> str:
    """Write the digests behind their tags; one that is not given is taken away."""

    def pinned(match: re.Match[str]) -> str:
        digest = digests.get(match["image"])
        return f"{match['before']}{match['image']}{f'@{digest}' if digest else ''}"

    return _REFERENCE.sub(pinned, text)


def ask(image: str) -> str:
    """Ask the image's registry for the digest of what a tag means now.

    Raises:
        SystemExit: it does not say; nothing was written.
    """
    # Not {{.Manifest.Digest}}: buildx prints its whole report for whatever begins with {{.Manifest.
    command = ["docker", "buildx", "imagetools", "inspect", "--format", "{{json .Manifest}}", image]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=ASK_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SystemExit(f"digests: {image}: {error}; nothing was written") from None
    if done.returncode:
        raise SystemExit(f"digests: {image}: {done.stderr.strip()}; nothing was written")
    try:
        digest = str(json.loads(done.stdout)["digest"])
    except (ValueError, KeyError, TypeError):
        digest = ""
    if not re.fullmatch(_DIGEST, digest):
        raise SystemExit(f"digests: {image}: docker buildx names no digest; nothing was written")
    return digest


def main(repository: Path) -> None:
    """Ask for every image first, then write."""
    texts = {file: file.read_text() for file in files(repository)}
    digests = {image: ask(image) for image in sorted({one for text in texts.values() for one in references(text)})}
    for file, text in texts.items():
        if pin(text, digests) != text:
            write_atomically(file, pin(text, digests).encode())
    sys.stdout.write("".join(f"{image}@{digest}\n" for image, digest in digests.items()))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else REPOSITORY)
