"""Photograph pages for people who look before they install: ``python -m tests.page.photograph``; ``docs/images``."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Final

from PIL import Image

from dashboards.preview.browser import BrowserError, Scheme, browser
from tests.page.stories import STORIES
from tests.unit.standin_application import running_exporter

IMAGES: Final = Path(__file__).resolve().parents[2] / "docs" / "images"
# Few colours are enough for flat ones, and make a small file.
_COLORS: Final = 64
_SCREENS: Final[dict[str, tuple[int, int, float]]] = {"phone": (390, 844, 2), "desk": (1280, 900, 1)}
_PICTURES: Final[tuple[tuple[str, str, str, Scheme], ...]] = (
    ("healthy", "phone", "", "light"),
    ("healthy", "desk", "", "dark"),
    ("broken", "phone", "", "dark"),
    ("broken", "desk", "", "light"),
    ("runbook", "phone", "runbooks/DnsHaSplitBrain", "light"),
)


def main() -> int:
    """Photograph; return the exit status."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    try:
        with browser() as running:
            for name, screen, path, scheme in _PICTURES:
                width, height, scale = _SCREENS[screen]
                image = IMAGES / f"status-{name}-{screen}.png"
                with running_exporter(STORIES.get(name, STORIES["healthy"])()) as port:
                    url = f"http://127.0.0.1:{port}/{path}"
                    running.open(url, width=width, height=height, scheme=scheme, scale=scale)
                    taken = running.photograph(width=width, height=height)
                Image.open(io.BytesIO(taken)).convert("RGB").quantize(_COLORS).save(image, optimize=True)
                sys.stdout.write(f"photograph: {image.name}, {image.stat().st_size / 1024:.0f} kB\n")
    except (BrowserError, FileNotFoundError) as error:
        sys.stderr.write(f"photograph: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
