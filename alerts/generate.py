"""Render ``alerts/rules`` and the table of README from ``alerts/templates``: ``python -m alerts.generate [--check]``.

A template is a rule file in which ``@{NAME}`` stands for a threshold or a snippet; every alert gets its
``runbook_url`` here. A line ``# Owner: …`` below an alert's name says what its owner does, for the table.
With ``--check`` nothing is written and the exit code is 1 if a file differs.
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
README = HERE / "README.md"
_TABLE = "<!-- Made by `python -m alerts.generate` from the templates. -->\n"

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
    """Render every template, and README; the result is by the path of the file."""
    rules = {RULES / path.name: render(path.name, path.read_text()) for path in sorted(TEMPLATES.glob("*.yaml"))}
    return {**rules, README: render_readme(README.read_text())}


# Whom a severity wakes (the notifier, alertmanager.yaml): QUIET_HOURS hold all that is not critical.
WOKEN = {
    "critical": "everybody, at any hour",
    "warning": "everybody, outside QUIET_HOURS",
    "info": "nobody; told within 15 minutes, outside QUIET_HOURS",
}
# Those with a route of their own.
WOKEN_BY = {"DnsHaWatchdog": "nobody; it is HEARTBEAT_URL's", "DnsHaFailover": "nobody; told as NOTIFY_FAILOVER says"}


def table() -> str:
    """Render the table of all alerts: what the owner does, and who is woken; critical ones first.

    Raises:
        ValueError: an alert does not say what its owner does.
    """
    rows: list[tuple[int, str]] = []
    for path in sorted(TEMPLATES.glob("*.yaml")):
        for part in path.read_text().split("- alert: ")[1:]:
            found = re.match(r"(\w+)\n +# Owner: (.+)\n(?:.*\n)*? +severity: (\w+)\n", part)
            if found is None:
                msg = f"{path.name}: {part.split()[0]} needs a line '# Owner: …' below its name"
                raise ValueError(msg)
            name, action, severity = found.groups()
            woken = WOKEN_BY.get(name, WOKEN[severity])
            rows.append((list(WOKEN).index(severity), f"| `{name}` | {severity} | {action} | {woken} |"))
    head = ["| alert | severity | what the owner does | who is woken |", "| --- | --- | --- | --- |"]
    return "\n".join([*head, *(row for _, row in sorted(rows))]) + "\n"


def render_readme(text: str) -> str:
    """Put the table into README's text, below its mark."""
    before, mark, rest = text.partition(_TABLE)
    return f"{before}{mark}\n{table()}\n{rest[rest.index('## ') :]}"


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
