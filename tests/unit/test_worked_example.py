"""CONTRIBUTING's worked example works: its files, made of the page, pass their own tests, format and lint."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BLOCKS = dict(
    re.findall(
        r"^```python\n# (\S+\.py)\n(.*?)^```$", (ROOT / "CONTRIBUTING.md").read_text("utf-8"), re.DOTALL | re.MULTILINE
    )
)
# Else it tells by the files that exist, and the example's do not.
OURS = 'lint.isort.known-first-party=["exporter", "tests"]'
TEST = "tests/unit/test_pressure.py"
# New files are found in a second folder of their package; a name that an existing one gets is given to it here.
CONFTEST = """
import sys
from pathlib import Path

import exporter.checks, exporter.collectors, exporter.parsers
from exporter.model import observations
from tests.unit import samples

HERE = Path(__file__).parent
for package in (exporter.checks, exporter.collectors, exporter.parsers, observations):
    package.__path__.append(str(HERE / package.__name__.replace(".", "/")))
from exporter.model.observations.pressure import PressureObservation

observations.PressureObservation = PressureObservation
samples._NAMES[PressureObservation] = "pressure"
"""


def run_example(folder: Path, blocks: dict[str, str]) -> subprocess.CompletedProcess[str]:
    for name, text in blocks.items():
        file = folder / (Path(name).name if name == TEST else name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "pytest.ini").write_text("[pytest]\n")
    command = [sys.executable, "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n0", "--rootdir", str(folder)]
    return subprocess.run(
        [*command, "-c", str(folder / "pytest.ini"), "--import-mode=importlib", str(folder / Path(TEST).name)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_example_has_all_its_parts_and_none_of_them_exists_already() -> None:
    folders = ("model/observations", "parsers", "collectors", "checks")
    assert list(BLOCKS) == [*(f"exporter/{folder}/pressure.py" for folder in folders), TEST]
    assert [name for name in BLOCKS if (ROOT / name).exists()] == []


def test_the_example_passes_its_own_tests(tmp_path: Path) -> None:
    done = run_example(tmp_path, BLOCKS)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "7 passed" in done.stdout


def test_an_example_whose_check_is_wrong_fails_them(tmp_path: Path) -> None:
    check = "exporter/checks/pressure.py"
    done = run_example(tmp_path, BLOCKS | {check: BLOCKS[check].replace("WAITING = 0.1", "WAITING = 0.2")})
    assert "1 failed, 6 passed" in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize("name", BLOCKS)
@pytest.mark.parametrize("command", [["format", "--check"], ["check", "--config", OURS]], ids=["format", "lint"])
def test_the_example_is_written_as_everything_else(name: str, command: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ruff", *command, "--no-cache", "--stdin-filename", str(ROOT / name), "-"],
        input=BLOCKS[name],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "name", re.findall(r"`([\w/.]+\.(?:py|json|yaml))`", (ROOT / "CONTRIBUTING.md").read_text("utf-8"))
)
def test_every_file_that_the_page_names_exists(name: str) -> None:
    near = (ROOT / name, ROOT / "exporter/views" / name)
    assert any(path.is_file() for path in near)
