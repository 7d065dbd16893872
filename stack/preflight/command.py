"""``exporter --preflight``: gather, evaluate, print; the exit codes of ``--once``."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path

from exporter import __version__
from exporter.checks import worst
from exporter.model.observations import NodeIdentity
from exporter.views.report import Verdict, format_text
from stack.preflight import checks
from stack.preflight.env_file import read_env_file
from stack.preflight.gather import gather

# VRRP advertises once a second by default, and a master counts as dead after three.
LISTEN_SECONDS = 3.5


def run(environment: Mapping[str, str], env_file: Path | None, *, as_json: bool) -> tuple[str, int]:
    """Return what to print and the exit code: 0 ok, 1 warning, 2 critical, 3 unknown.

    Raises:
        ConfigurationError: the file cannot be read.
    """
    file = read_env_file(env_file) if env_file else None
    given = {**environment, **(file.values if file else {})}
    facts = replace(gather(given, LISTEN_SECONDS), env_file=file)
    found = checks.run(facts)
    verdict = worst(found)
    if as_json:
        document = {
            "format": 1,
            "status": verdict.word,
            "checks": [{**asdict(check), "status": check.status.word} for check in found],
        }
        return json.dumps(document, indent=2) + "\n", verdict.value
    name, role = (facts.settings.node_name, facts.settings.node_role) if facts.settings else ("this node", "unknown")
    node = NodeIdentity(name, role, "", __version__)
    return format_text(Verdict(node, time.time(), verdict, found, "preflight: nothing was changed")), verdict.value
