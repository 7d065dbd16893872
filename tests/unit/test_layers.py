"""The pictures of the layers in CONTRIBUTING.md are those that `lint-imports` keeps."""

from __future__ import annotations

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
