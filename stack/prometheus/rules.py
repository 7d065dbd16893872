"""The rules of ``alerts/rules`` as this node's Prometheus loads them: runbooks are pages that open here."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

from exporter.engine.files import read_bounded
from exporter.model.errors import ConfigurationError, ParseError
from exporter.settings.read import read_environment

_RUNBOOK = re.compile(r"(runbook_url: )\S+/(\w+\.md)")


def files(environment: Mapping[str, str], folder: Path) -> dict[str, bytes]:
    """Render each rule file of a folder, by its name.

    Raises:
        ConfigurationError: a setting is wrong, or there are no rules that can be read.
    """
    runbooks = read_environment("prometheus", environment)["runbooks_url"]
    try:
        found = {path.name: read_bounded(path).decode() for path in sorted(folder.glob("*.yaml"))}
    except (OSError, ParseError, UnicodeDecodeError) as error:
        raise ConfigurationError([f"alerts/rules cannot be read ({error}): chmod -R a+rX alerts/rules"]) from None
    if not found:
        raise ConfigurationError(["alerts/rules holds no rules that can be read; is the clone complete?"])
    if not runbooks:
        return {name: text.encode() for name, text in found.items()}

    def link(match: re.Match[str]) -> str:
        return match[1] + json.dumps(f"{runbooks}/{match[2]}")

    return {name: _RUNBOOK.sub(link, text).encode() for name, text in found.items()}
