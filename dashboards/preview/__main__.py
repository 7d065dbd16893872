"""``python -m dashboards.preview``: draw every dashboard's first panels into ``docs/images``."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any, Final

from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch
from PIL import Image

from dashboards.generate import GENERATED
from dashboards.preview.draw import INK, draw
from dashboards.preview.replay import REPOSITORY, Replay, ReplayError, replay
from dashboards.rows import COLUMNS

IMAGES: Final = REPOSITORY / "docs" / "images"
# Grid rows: what fits a picture that people look at; the rest is like it.
TALLEST: Final = {"overview": 40, "failover": 42, "dns": 31, "node": 35, "sync": 38, "fleet": 34}
_DPI: Final = 100
_COLORS: Final = 128
_WIDTH: Final = 1200  # pixels
_ROW: Final = 27  # pixels
_GAP: Final = 5  # pixels
# Pixels within a panel: the title on top; labels at the left and below.
_TITLE: Final = 24
_MARGINS: Final = {
    "stat": (6, 6, 6),
    "table": (12, 10, 6),
    "timeseries": (62, 12, 46),
    "state-timeline": (150, 12, 22),
    "heatmap": (62, 12, 22),
}


def main() -> int:
    """Draw; return the exit status."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    try:
        with replay() as running:
            for path in sorted(GENERATED.glob("*.json")):
                document = json.loads(path.read_text())
                image = IMAGES / f"dashboard-{path.stem}.png"
                picture(document, running, TALLEST[path.stem], image)
                sys.stdout.write(f"preview: {image.relative_to(REPOSITORY)}, {image.stat().st_size / 1024:.0f} kB\n")
    except ReplayError as error:
        sys.stderr.write(f"preview: {error}\n")
        return 1
    return 0


def picture(document: dict[str, Any], running: Replay, tallest: int, image: Path) -> None:
    """Draw one dashboard down to a grid row and write the picture."""
    shown = [panel for panel in document["panels"] if panel["gridPos"]["y"] + panel["gridPos"]["h"] <= tallest]
    while shown[-1]["type"] == "row":
        shown.pop()
    height = 34 + _ROW * max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in shown)
    figure = Figure(figsize=(_WIDTH / _DPI, height / _DPI), dpi=_DPI, facecolor="#f4f5f5")
    figure.text(10 / _WIDTH, 1 - 17 / height, document["title"], color=INK, fontsize=12, fontweight="bold", va="center")
    for panel in shown:
        place = panel["gridPos"]
        left = place["x"] * _WIDTH / COLUMNS + _GAP
        top = 34 + place["y"] * _ROW
        width = place["w"] * _WIDTH / COLUMNS - 2 * _GAP
        tall = place["h"] * _ROW - 2 * _GAP
        if panel["type"] == "row":
            figure.text(left / _WIDTH, 1 - (top + 14) / height, panel["title"], color=INK, fontsize=9, va="center")
            continue
        box = (left / _WIDTH, 1 - (top + tall) / height)
        figure.add_artist(
            FancyBboxPatch(
                box, width / _WIDTH, tall / height, boxstyle="square,pad=0", facecolor="white", edgecolor="#dcdfe3",
                lw=0.8, transform=figure.transFigure, zorder=-1,
            )
        )  # fmt: skip
        figure.text((left + 8) / _WIDTH, 1 - (top + 13) / height, panel["title"], color=INK, fontsize=8.5,
                    fontweight="bold", va="center")  # fmt: skip
        inner_left, inner_right, bottom = _MARGINS[panel["type"]]
        axes = figure.add_axes(
            (
                (left + inner_left) / _WIDTH,
                1 - (top + tall - bottom) / height,
                (width - inner_left - inner_right) / _WIDTH,
                (tall - bottom - _TITLE) / height,
            ),
            facecolor="none",
        )
        draw(axes, panel, running)
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=_DPI)
    # Few colours are enough for flat ones, and make a third of the file.
    Image.open(drawn).convert("RGB").quantize(_COLORS).save(image, optimize=True)


if __name__ == "__main__":
    sys.exit(main())
