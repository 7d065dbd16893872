"""What every part of the bench is given, and how it tells its progress."""

from __future__ import annotations

import time
from dataclasses import dataclass

from tests.stack.rig import Rig


@dataclass(frozen=True, slots=True)
class Plan:
    """What to measure on; ``rounds`` is None where each part is to choose, ``minutes`` is for the load."""

    rig: Rig
    rounds: int | None
    minutes: float
    seed: int

    def rounds_or(self, usual: int) -> int:
        """How many rounds a part is to make."""
        return usual if self.rounds is None else self.rounds


def say(text: str) -> None:
    """Tell how far the bench is."""
    print(f"bench-stack {time.strftime('%H:%M:%S')}: {text}", flush=True)
