"""Every parser on mutated real input, for a moment: `make fuzz` is the long form, and prints a seed to begin with."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from exporter.model.errors import ParseError
from tests.fuzz.fuzzing import MAXIMUM_SECONDS, fuzz
from tests.fuzz.parsers import Parser, parsers

INPUTS = 2000
SECONDS = 0.3
NAMES = [one.name for one in parsers(Path("/nonexistent"))]


@pytest.mark.parametrize("name", NAMES)
def test_no_input_makes_a_parser_fail_otherwise_than_it_says(name: str, tmp_path: Path) -> None:
    (parser,) = (one for one in parsers(tmp_path) if one.name == name)
    seed = random.SystemRandom().randrange(10**9)
    print(f"seed {seed}")
    seen = fuzz(parser, seed, INPUTS, time.monotonic() + SECONDS)
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
