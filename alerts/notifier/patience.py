"""How long the other node's word may hold a message back: it may be broken, or not the other node at all."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection
from typing import Final

# More than a healthy notifier asks for: two minutes after an end was told (SAME_OCCURRENCE_SECONDS in changes.py), and
# the few seconds that a message is under way.
HOLD_BACK_SECONDS: Final = 180.0
# What nobody has asked about for so long is another case.
FORGET_SECONDS: Final = 600.0


class Patience:
    """For each alert since when it is held back; thread-safe."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._held: dict[str, tuple[float, float]] = {}  # by fingerprint: since when, and when last

    def is_over(self, fingerprints: Collection[str]) -> bool:
        """Hold alerts back once more, unless one of them has been held back for too long."""
        now = self._monotonic()
        with self._lock:
            self._held = {name: held for name, held in self._held.items() if now - held[1] < FORGET_SECONDS}
            for fingerprint in fingerprints:
                since, _ = self._held.get(fingerprint, (now, now))
                self._held[fingerprint] = since, now
            return any(now - self._held[fingerprint][0] >= HOLD_BACK_SECONDS for fingerprint in fingerprints)

    def end(self, fingerprints: Collection[str]) -> None:
        """These are held back no longer."""
        with self._lock:
            for fingerprint in fingerprints:
                self._held.pop(fingerprint, None)
