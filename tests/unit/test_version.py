"""Every program that has a command line says its version, which is the release's."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from exporter import __version__

ROOT = Path(__file__).resolve().parents[2]
MODULES = ("exporter", "stack.tools", "alerts.notifier", "stack.setup", "stack.report", "stack.restore")
SCRIPTS = ("deploy", "update", "uninstall")


def said(*command: str) -> str:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("module", MODULES)
def test_a_program_says_its_version(module: str) -> None:
    assert re.fullmatch(rf"[\w./]+ {re.escape(__version__)}", said(sys.executable, "-m", module, "--version"))


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_says_its_version(script: str) -> None:
    assert said("sh", f"stack/{script}.sh", "--version") == f"stack/{script}.sh {__version__}"


def test_the_version_is_a_release_that_the_changelog_names() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", __version__)
    assert re.search(rf"^## ({re.escape(__version__)}|Unreleased)\b", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
