"""The tools that these tests need: without them a laptop skips and CI fails."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

REPOSITORY: Final = Path(__file__).resolve().parents[2]
ALERTS: Final = REPOSITORY / "alerts"
RULE_FILES: Final = sorted((ALERTS / "rules").glob("*.yaml"))

_PACKAGES: Final = {
    "promtool": "prometheus",
    "amtool": "prometheus-alertmanager",
    "prometheus-alertmanager": "prometheus-alertmanager",
}


def tool(name: str) -> str:
    """The path of a tool; ends the test where it is missing."""
    path = shutil.which(name)
    if path is None:
        reason = f"{name} is missing: apt-get install {_PACKAGES[name]}"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return path


def load_rules() -> list[dict[str, Any]]:
    """Every recording and alerting rule that is shipped."""
    groups = [group for path in RULE_FILES for group in yaml.safe_load(path.read_text())["groups"]]
    return [rule for group in groups for rule in group["rules"]]


def run(*command: str | Path) -> tuple[int, str]:
    """Run a command; return its exit code and everything it said."""
    ended = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return ended.returncode, ended.stdout


def promtool_test(file: Path) -> str:
    """Run one promtool test file; return what failed, empty if nothing."""
    code, said = run(tool("promtool"), "test", "rules", file)
    return said if code else ""


def promtool_test_of(
    directory: Path, evaluation_interval: str, tests: list[dict[str, Any]], rules: Sequence[str] = ()
) -> str:
    """Run promtool tests that were made on the fly, of some rule files or of all."""
    file = directory / "test.yaml"
    document = {
        "rule_files": [str(path) for path in RULE_FILES if not rules or path.stem in rules],
        "evaluation_interval": evaluation_interval,
        "tests": tests,
    }
    file.write_text(json.dumps(document))  # JSON is YAML
    return promtool_test(file)
