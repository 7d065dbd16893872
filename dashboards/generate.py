"""Write ``dashboards/generated`` from the sources: ``python -m dashboards.generate [--check]``.

With ``--check`` nothing is written and the exit code is 1 if a file differs.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from dashboards.boards import BOARDS
from dashboards.frame import render

GENERATED: Final = Path(__file__).resolve().with_name("generated")


def render_all() -> dict[Path, str]:
    """Render every dashboard; the result is by the path of its file."""
    return {
        GENERATED / f"{board.uid.removeprefix('dnsha-')}.json": json.dumps(
            render(board), indent=2, sort_keys=True, ensure_ascii=False
        )
        + "\n"
        for board in BOARDS
    }


def stale(rendered: dict[Path, str]) -> list[Path]:
    """Return the files that differ from what the sources say, missing and left-over ones too."""
    differing = [path for path, text in rendered.items() if not path.exists() or path.read_text() != text]
    return sorted([*differing, *(path for path in GENERATED.glob("*.json") if path not in rendered)])


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the files, or check them."""
    parser = argparse.ArgumentParser(prog="python -m dashboards.generate", description="Render the dashboards.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if a file differs")
    check = parser.parse_args(arguments).check
    rendered = render_all()
    differing = stale(rendered)
    for path in differing:
        if check:
            sys.stderr.write(f"{path.relative_to(GENERATED.parents[1])} differs: run python -m dashboards.generate\n")
        elif path in rendered:
            path.parent.mkdir(exist_ok=True)
            path.write_text(rendered[path])
        else:
            path.unlink()
    return 1 if check and differing else 0


if __name__ == "__main__":
    sys.exit(main())
