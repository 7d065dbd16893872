"""Write the generated parts of the README anew, from the tables they describe.

``python -m docs.generate`` writes them; with ``--check`` it only says whether they are up to date.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from exporter.metrics import METRICS
from exporter.settings.table import SETTINGS

README = Path(__file__).resolve().parents[1] / "README.md"


def metrics_table() -> str:
    """Describe every metric."""
    rows = ["| metric | type | labels | meaning |", "| --- | --- | --- | --- |"]
    for metric in METRICS.values():
        labels = ", ".join(f"`{label}`" for label in metric.labels)
        rows.append(f"| `{metric.sample_name}` | {metric.kind} | {labels} | {metric.help} |")
    return "\n".join(rows)


def settings_table() -> str:
    """Describe every setting."""
    rows = ["| variable | flag | default | meaning |", "| --- | --- | --- | --- |"]
    for setting in SETTINGS:
        default = "must be set" if setting.default is None else f"`{setting.default}`" if setting.default else "none"
        rows.append(f"| `{setting.variable}` | `{setting.flag}` | {default} | {setting.help} |")
    return "\n".join(rows)


PARTS = {"metrics": metrics_table, "settings": settings_table}


def generate(text: str) -> str:
    """Return the text with every generated part made anew.

    Raises:
        ValueError: the marks of a part are missing.
    """
    for name, make in PARTS.items():
        pattern = re.compile(rf"(<!-- {name} begin -->\n).*?(\n<!-- {name} end -->)", re.DOTALL)
        marks = pattern.findall(text)
        if len(marks) != 1:
            msg = f"{README.name} must hold the marks of the part {name!r} once"
            raise ValueError(msg)
        begin, end = marks[0]
        before, _, rest = text.partition(begin)
        text = before + begin + make() + end + rest.partition(end)[2]
    return text


def main() -> int:
    """Write or check; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--check", action="store_true", help="change nothing; exit with 1 when something is out of date"
    )
    options = parser.parse_args()
    text = README.read_text("utf-8")
    fresh = generate(text)
    if options.check and fresh != text:
        print(f"{README.name} is out of date: run make generate", file=sys.stderr)
        return 1
    if not options.check:
        README.write_text(fresh, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
