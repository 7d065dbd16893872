"""The shape of the code: the layers drawn in CONTRIBUTING.md are those `lint-imports` keeps; functions are short."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
CONTRACTS = {
    contract["id"]: contract
    for contract in tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
}
PICTURES = re.findall(r"^```text\n(.*?)^```$", (REPOSITORY / "CONTRIBUTING.md").read_text(), re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize(("number", "contract"), list(enumerate(["programs", "exporter", "stack"])))
def test_a_picture_shows_the_layers_that_are_kept(number: int, contract: str) -> None:
    drawn = [re.split(r" {3,}", line)[0].split(" · ") for line in PICTURES[number].splitlines()]
    assert drawn == [layer.split(" | ") for layer in CONTRACTS[contract]["layers"]]


def test_there_are_three_pictures() -> None:
    assert len(PICTURES) == 3


PRODUCT = [
    path
    for folder in ("exporter", "stack", "alerts", "dashboards", "docs")
    for path in (REPOSITORY / folder).rglob("*.py")
]
LONGEST = 60
LONGER = {"alerts/notifier/metrics.py"}  # a table of metrics


def test_no_function_is_longer_than_a_screen() -> None:
    long = {
        f"{path.relative_to(REPOSITORY)}: {node.name}"
        for path in PRODUCT
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef) and (node.end_lineno or 0) - node.lineno >= LONGEST
    }
    assert {found for found in long if found.partition(":")[0] not in LONGER} == set()


LONGEST_NAME = 79


def test_the_name_of_a_test_fits_beside_its_verdict() -> None:
    names = {
        node.name
        for path in (REPOSITORY / "tests").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        if node.name.lower().startswith("test")
    }
    assert {name for name in names if len(name) > LONGEST_NAME} == set()
