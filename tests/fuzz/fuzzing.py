"""One parser under many inputs: which errors it does not document, and how long one input took at most."""

from __future__ import annotations

import time
from dataclasses import dataclass

from tests.fuzz.mutations import Mutator
from tests.fuzz.parsers import Parser

MAXIMUM_SECONDS = 0.05
AGAIN = 3
FAULTS_KEPT = 5


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it; ``faults`` has some of the inputs, with the error of each."""

    inputs: int
    undocumented: int
    slowest: float  # seconds of processor time, the shortest of some tries where one took too long
    faults: tuple[tuple[bytes, str], ...]

    def __add__(self, other: Outcome) -> Outcome:
        """Both together."""
        return Outcome(
            self.inputs + other.inputs,
            self.undocumented + other.undocumented,
            max(self.slowest, other.slowest),
            (*self.faults, *other.faults)[:FAULTS_KEPT],
        )


NOTHING = Outcome(0, 0, 0.0, ())


def fuzz(parser: Parser, seed: int | str, inputs: int, until: float = float("inf")) -> Outcome:
    """Parse mutated samples, at most until ``until`` (monotonic)."""
    mutator = Mutator(parser.samples, f"{seed} {parser.name}", parser.largest)
    faults: list[tuple[bytes, str]] = []
    undocumented, slowest, count = 0, 0.0, 0
    if not any(_try(parser, sample)[1:] == (None, True) for sample in parser.samples):
        raise ValueError(f"{parser.name} refuses all of its samples: their mutations would prove little")
    while count < inputs and (count % 256 or time.monotonic() < until):
        data = mutator.make()
        count += 1
        seconds, error, _ = _try(parser, data)
        if seconds > MAXIMUM_SECONDS:  # another process may have had the caches, or the collector of garbage ran
            seconds = min(seconds, *(_try(parser, data)[0] for _ in range(AGAIN)))
        slowest = max(slowest, seconds)
        if error is not None:
            undocumented += 1
            faults += [(data, error)] if len(faults) < FAULTS_KEPT else []
    return Outcome(count, undocumented, slowest, tuple(faults))


def _try(parser: Parser, data: bytes) -> tuple[float, str | None, bool]:
    """Seconds, an undocumented error, and whether the input was taken."""
    error, taken = None, False
    began = time.thread_time()
    try:
        parser.parse(data)
        taken = True
    except parser.errors:
        pass
    except Exception as undocumented:  # noqa: BLE001 (this is what is looked for)
        error = f"{type(undocumented).__name__}: {undocumented}"[:200]
    return time.thread_time() - began, error, taken
