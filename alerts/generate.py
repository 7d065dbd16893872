"""Render ``alerts/rules`` from ``alerts/templates``: ``python -m alerts.generate [--check]``.

A template is a rule file in which ``@{NAME}`` stands for a threshold or a snippet; every alert gets its
``runbook_url`` here. With ``--check`` nothing is written and the exit code is 1 if a file differs.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from alerts import thresholds

HERE = Path(__file__).resolve().parent
TEMPLATES = HERE / "templates"
RULES = HERE / "rules"

THRESHOLDS: dict[str, str] = {name: str(value) for name, value in vars(thresholds).items() if name.isupper()}

# Texts that several alerts share. Prometheus runs the queries when the alert fires.
SNIPPETS: dict[str, str] = {
    "KNOWN_PROBLEMS": (
        '{{ with query (printf "site_node:dnsha_problem:info{site=%q}" $labels.site) }} Seen:'
        '{{ range $i, $_ := . | sortByLabel "node" }}{{ if $i }};{{ end }}'
        " {{ .Labels.node }}: {{ .Labels.problem }}{{ end }}.{{ end }}"
    ),
    "LAST_MOVE": (
        '{{ with query (printf "max(dnsha_vip_last_transition_timestamp_seconds{site=%q,vip=%q})" '
        "$labels.site $labels.vip) }} Last move: {{ . | first | value | humanizeTimestamp }}.{{ end }}"
    ),
}

_PLACEHOLDER = re.compile(r"@\{(\w+)\}")
_ALERT = re.compile(r"- alert: (\w+)")
_ANNOTATIONS = re.compile(r"( *)annotations:")


def render(name: str, template: str) -> str:
    """Render one template to the text of a rule file.

    Raises:
        KeyError: a placeholder is neither a threshold nor a snippet.
    """
    values = THRESHOLDS | SNIPPETS
    lines = [f"# Made by `python -m alerts.generate` from templates/{name}: change it there."]
    alert = ""
    for line in template.splitlines():
        lines.append(_PLACEHOLDER.sub(lambda match: values[match[1]], line))
        if found := _ALERT.search(line):
            alert = found[1]
        if found := _ANNOTATIONS.fullmatch(line):
            lines.append(f"{found[1]}  runbook_url: {thresholds.RUNBOOKS}/{alert}.md")
    return "\n".join(lines) + "\n"


def render_all() -> dict[Path, str]:
    """Render every template; the result is by the path of the rule file."""
    return {RULES / path.name: render(path.name, path.read_text()) for path in sorted(TEMPLATES.glob("*.yaml"))}


def stale(rendered: dict[Path, str]) -> list[Path]:
    """Return the rule files that differ from what the templates say, missing and left-over ones too."""
    differing = [path for path, text in rendered.items() if not path.exists() or path.read_text() != text]
    return sorted([*differing, *(path for path in RULES.glob("*.yaml") if path not in rendered)])


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the rule files, or check them."""
    parser = argparse.ArgumentParser(prog="python -m alerts.generate", description="Render the alert rules.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if a rule file differs")
    check = parser.parse_args(arguments).check
    rendered = render_all()
    differing = stale(rendered)
    for path in differing:
        if check:
            sys.stderr.write(f"{path.relative_to(HERE.parent)} differs: run python -m alerts.generate\n")
        elif path in rendered:
            path.write_text(rendered[path])
        else:
            path.unlink()
    return 1 if check and differing else 0


if __name__ == "__main__":
    sys.exit(main())
