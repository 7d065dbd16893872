"""Write the generated parts of docs/metrics.md and docs/settings.md anew, from the tables they describe.

``python -m docs.generate`` writes them; with ``--check`` it only says whether they are up to date.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from exporter.model.metrics import METRICS
from exporter.settings.setting import Setting
from exporter.settings.table import read_by

ROOT = Path(__file__).resolve().parents[1]


def metrics_table() -> str:
    """Describe every metric."""
    rows = ["| metric | type | labels | meaning |", "| --- | --- | --- | --- |"]
    for metric in METRICS.values():
        labels = ", ".join(f"`{label}`" for label in metric.labels)
        rows.append(f"| `{metric.sample_name}` | {metric.kind} | {labels} | {metric.help} |")
    return "\n".join(rows)


def _default(setting: Setting) -> str:
    return "must be set" if setting.default is None else f"`{setting.default}`" if setting.default else "none"


def settings_table() -> str:
    """Describe every setting of the exporter."""
    return "\n".join([
        "| variable | flag | default | meaning |",
        "| --- | --- | --- | --- |",
        *(f"| `{one.variable}` | `{one.flag}` | {_default(one)} | {one.help} |" for one in read_by("exporter")),
    ])  # fmt: skip


def stack_settings_table() -> str:
    """Describe what the stack's other programs read and the exporter does not; the notifier's README has its own."""
    others = read_by("keepalived", "firewall", "unbound", "dhcp", "tasks", "homeassistant", "prometheus")
    return "\n".join([
        "| variable | read by | default | meaning |",
        "| --- | --- | --- | --- |",
        *(
            f"| `{one.variable}` | {', '.join(one.readers)} | {_default(one)} | {one.help} |"
            for one in others
            if "exporter" not in one.readers
        ),
    ])  # fmt: skip


PAGES: Mapping[str, Mapping[str, Callable[[], str]]] = {
    "docs/metrics.md": {"metrics": metrics_table},
    "docs/settings.md": {"settings": settings_table, "stack settings": stack_settings_table},
}
# Where a part stands that a command printed.
PRINTED = {"demo": "docs/failover-tests.md", "once": "docs/command-line.md"}


def replace_part(text: str, name: str, content: str, page: str) -> str:
    """Replace what stands between the marks of a part of a page.

    Raises:
        ValueError: the marks are missing or there twice.
    """
    begin, end = f"<!-- {name} begin -->\n", f"<!-- {name} end -->"
    if text.count(begin) != 1 or text.count(end) != 1:
        msg = f"{page} must hold the marks of the part {name!r} once"
        raise ValueError(msg)
    before, _, rest = text.partition(begin)
    return f"{before}{begin}{content}\n{end}{rest.partition(end)[2]}"


def main() -> int:
    """Write or check; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--check", action="store_true", help="change nothing; exit with 1 when something is out of date"
    )
    parser.add_argument("--printed", nargs=2, action="append", default=[], metavar=("PART", "FILE"),
                        help="put what a command printed (demo, once) into its part")  # fmt: skip
    options = parser.parse_args()
    outdated = []
    for page, tables in PAGES.items():
        text = fresh = (ROOT / page).read_text("utf-8")
        for name, make in tables.items():
            fresh = replace_part(fresh, name, make(), page)
        if fresh != text:
            outdated.append(page)
            if not options.check:
                (ROOT / page).write_text(fresh, "utf-8")
    if options.check and outdated:
        print(f"{', '.join(outdated)} out of date: run make generate", file=sys.stderr)
        return 1
    for name, file in [] if options.check else options.printed:
        page = PRINTED[name]
        printed = "\n".join(line.rstrip() for line in Path(file).read_text("utf-8").strip("\n").splitlines())
        text = (ROOT / page).read_text("utf-8")
        (ROOT / page).write_text(replace_part(text, name, f"```text\n{printed}\n```", page), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
