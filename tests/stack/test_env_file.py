"""Preflight reads .env as Compose does: Compose is asked of what was recorded, and of values nobody thought of."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from pathlib import Path

import pytest

from exporter.model.errors import ConfigurationError
from stack.preflight.env_file import parse_env

from .compose_env import compose_reads
from .conftest import require
from .shipped import without_engine

pytestmark = pytest.mark.stack

RECORDED = sorted(Path(__file__).parents[1].glob("fixtures/compose/*/env_file.json"))
# What values are made of here: everything that means something to Compose, and something that does not.
PIECES = (
    "$", "$$", "${", "}", "{", "SET", "UNSET", ":-", "-", ":+", "?", "\\", "\\n", "\\0101", "\\$", '\\"', "\\'", " #",
    "#", "'", '"', " ", "\t", "=", "x", "é", "\u2003", "|", ",", "/",
)  # fmt: skip
BATCHES, VALUES = 4, 250


@pytest.fixture(autouse=True)
def _compose() -> None:
    require(without_engine())


@pytest.mark.parametrize("file", RECORDED, ids=lambda file: file.parent.name)
def test_compose_still_reads_as_it_was_recorded(file: Path) -> None:
    cases = json.loads(file.read_text())
    assert len(cases) > 50
    for case in cases:
        wanted = None if case["value"] is None else [case["value"]]
        assert compose_reads(case["text"]) == wanted, case["text"]


def _read(text: str) -> Mapping[str, str] | None:
    try:
        return parse_env(text, "x").values
    except ConfigurationError:
        return None


@pytest.mark.parametrize("batch", range(BATCHES))
def test_values_that_nobody_thought_of_are_read_alike(batch: int) -> None:
    chance = random.Random(f"env files, {batch}")
    good: dict[str, str] = {}
    refused = []
    while len(good) < VALUES:
        name = f"N{len(good)}"
        value = "".join(chance.choices(PIECES, k=chance.randint(1, 9)))
        quote = chance.choice(("", "'", '"'))
        line = f"{name}={quote}{value}{quote}\n"
        read = _read(f"SET=1\n{line}LAST=2\n")
        if read is None:
            refused.append(line)
        elif read.keys() == {"SET", name, "LAST"}:  # its own quotes may end early, and make variables for the others
            good[line] = read[name]
    found = compose_reads("SET=1\n" + "".join(good), [line.partition("=")[0] for line in good])
    assert found is not None
    assert {line: value for line, value in zip(good, found, strict=True) if value != good[line]} == {}
    assert [line for line in refused[:10] if compose_reads(f"SET=1\n{line}LAST=2\n") is not None] == []
