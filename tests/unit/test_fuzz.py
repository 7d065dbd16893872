"""Every parser on some mutated real input, the same in each run: `make fuzz` is the long form."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from exporter.model.errors import ParseError
from tests.fuzz.fuzzing import MAXIMUM_SECONDS, fuzz
from tests.fuzz.parsers import Parser, parsers

INPUTS, SEED = 1000, 1
SECONDS = 0.15
NAMES = [one.name for one in parsers(Path("/nonexistent"))]


@pytest.fixture(scope="module")
def of_name(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Parser]:
    """All of them."""
    return {one.name: one for one in parsers(tmp_path_factory.mktemp("fuzz"))}


@pytest.mark.parametrize("name", NAMES)
def test_no_input_makes_a_parser_fail_otherwise_than_it_says(name: str, of_name: dict[str, Parser]) -> None:
    seen = fuzz(of_name[name], SEED, INPUTS, time.monotonic() + SECONDS)
    assert (seen.undocumented, seen.faults) == (0, ())
    assert seen.slowest <= MAXIMUM_SECONDS


def test_a_parser_with_a_fault_is_found_out() -> None:
    def parse(data: bytes) -> None:
        if len(data) < 8:
            raise ParseError(f"cut off after {len(data)}")
        _ = data[data[0]]

    def slow(_: bytes) -> None:
        until = time.thread_time() + 2 * MAXIMUM_SECONDS
        while time.thread_time() < until:
            pass

    seen = fuzz(Parser("faulty", parse, (bytes(range(16)),)), 1, 500)
    assert seen.undocumented > 0
    assert all(error.startswith("IndexError: ") and data[0] >= len(data) for data, error in seen.faults)
    assert fuzz(Parser("slow", slow, (b"x",)), 1, 1).slowest > MAXIMUM_SECONDS
    with pytest.raises(ValueError, match="refuses all of its samples"):
        fuzz(Parser("deaf", parse, (b"x",)), 1, 1)
