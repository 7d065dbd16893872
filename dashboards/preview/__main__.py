"""``python -m dashboards.preview``: draw the dashboards' first panels into ``docs/images``; say how long each takes.

Each of a healthy pair, and some of all that the recording has.
"""

from __future__ import annotations

import io
import json
import sys
import time
from dataclasses import replace
from typing import Any, Final

from PIL import Image

from dashboards.generate import GENERATED
from dashboards.preview.browser import Browser, BrowserError, browser
from dashboards.preview.libraries import DRAWING, LibrariesError, asked, asked_annotations, bundle, missing
from dashboards.preview.replay import HEALTHY_SECONDS, REPOSITORY, Replay, ReplayError, replay

IMAGES: Final = REPOSITORY / "docs" / "images"
# Grid rows: what fits a picture that people look at; the rest is like it.
TALLEST: Final = {"overview": 40, "failover": 42, "dns": 31, "node": 35, "sync": 38, "fleet": 34, "resolvers": 36}
# Dashboards that are drawn of a pair in trouble as well.
IN_TROUBLE: Final = ("overview", "failover")
_COLORS: Final = 128
# CSS pixels; rows and gaps are Grafana's (public/app/core/constants.ts).
_WIDTH: Final = 1200
_ROW: Final = 38
_GAP: Final = 8


def main() -> int:
    """Draw; return the exit status."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    if reason := missing(DRAWING):
        sys.stderr.write(f"preview: {reason}\n")
        return 1
    try:
        bundle("draw.jsx", "browser")
        with replay() as recording, browser() as window:
            healthy = replace(recording, end=recording.start + HEALTHY_SECONDS)
            for path in sorted(GENERATED.glob("*.json")):
                document = json.loads(path.read_text())
                _write(f"dashboard-{path.stem}", document, healthy, window, TALLEST.get(path.stem, 40))
                if path.stem in IN_TROUBLE:
                    _write(f"dashboard-{path.stem}-trouble", document, recording, window, TALLEST[path.stem])
    except (ReplayError, LibrariesError, BrowserError) as error:
        sys.stderr.write(f"preview: {error}\n")
        return 1
    return 0


def _write(name: str, document: dict[str, Any], recording: Replay, window: Browser, rows: int) -> None:
    image = IMAGES / f"{name}.png"
    begin = time.monotonic()
    drawn = picture(document, recording, window, rows)
    seconds = time.monotonic() - begin
    # Few colours are enough for flat ones, and make a third of the file.
    Image.open(io.BytesIO(drawn)).convert("RGB").quantize(_COLORS).save(image, optimize=True)
    size = image.stat().st_size / 1024
    sys.stdout.write(f"preview: {image.relative_to(REPOSITORY)}, {size:.0f} kB, {seconds:.1f} s\n")


def first_panels(document: dict[str, Any], rows: int) -> list[dict[str, Any]]:
    """The panels that end above a row of the grid, without a heading that is left alone."""
    shown = [panel for panel in document["panels"] if panel["gridPos"]["y"] + panel["gridPos"]["h"] <= rows]
    while shown[-1]["type"] == "row":
        shown.pop()
    return shown


def picture(document: dict[str, Any], recording: Replay, window: Browser, rows: int | None = None) -> bytes:
    """Draw a dashboard, or what is above a row of its grid, by Grafana's own code and return the picture as PNG.

    Raises:
        ReplayError: Prometheus refuses a query.
        BrowserError: the browser does not draw it.
    """
    panels = document["panels"] if rows is None else first_panels(document, rows)
    board = {
        "now": recording.end,
        "from": recording.start,
        "to": recording.end,
        "dark": True,
        "width": _WIDTH,
        "panels": asked(panels, recording),
        "annotations": asked_annotations(document, recording),
    }
    script = bundle("draw.jsx", "browser")
    page = script.with_suffix(".html")
    page.write_text(
        '<!doctype html><meta charset="utf-8">'
        f'<link rel="stylesheet" href="{script.stem}.css"><body><script src="{script.name}"></script>'
    )
    bottom = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in panels)
    height = bottom * _ROW + _GAP  # all of it: tables outside of the window stay blank
    window.open(page.as_uri(), width=_WIDTH, height=height, scheme="dark")
    window.evaluate(f"draw({json.dumps(board)})")
    return window.photograph(width=_WIDTH, height=height)


if __name__ == "__main__":
    sys.exit(main())
