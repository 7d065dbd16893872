"""Loads the table of the advert filter, looks after it while keepalived runs, and tells the exporter of it.

Keepalived runs without it too, where the kernel has no nf_tables or nft fails; that is told, and tried again. The table
is loaded again when somebody takes it away: the service nftables begins its own rules with ``flush ruleset``.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from exporter.engine.files import read_bounded, write_atomically
from exporter.engine.runtime import RuntimeFiles
from exporter.model.errors import ParseError
from exporter.parsers.advert_filter import parse_advert_filter
from stack.keepalived.advert_filter import COUNTER_PREFIX, REASONS, REMOVE, TABLE, Reason, render
from stack.keepalived.values import KeepalivedSettings
from stack.nft import NftError, nft, nothing

POLL_SECONDS: Final = 15.0  # each look runs a program
PUBLISH_SECONDS: Final = 5.0  # sooner, so that a clock that steps makes this look old for moments only
BEAT_SECONDS: Final = 0.5


@dataclass(slots=True)
class AdvertFilter:
    """The filter of one node. ``dropped`` counts adverts since the runtime directory was made; it never goes back."""

    files: RuntimeFiles
    settings: KeepalivedSettings
    highest: int
    dropped: dict[Reason, int] = field(default_factory=lambda: dict.fromkeys(REASONS, 0))
    last_dropped: dict[Reason, float] = field(default_factory=dict)  # Unix seconds, as exact as the looks are
    problem: str = "it is not loaded yet"  # empty: the table is loaded

    def start(self) -> None:
        """Load the table before keepalived starts, and tell how that went."""
        self._resume()
        self.problem = "it is not loaded yet"
        self._load(nothing)
        self._publish()

    def keep(self, beat: Callable[[], None]) -> None:
        """Look after the table until this process is ended; ``beat`` is its sign of life."""
        self._resume()
        while True:
            self._poll(beat)
            for _ in range(round(POLL_SECONDS / PUBLISH_SECONDS)):
                self._publish()
                again = time.monotonic() + PUBLISH_SECONDS
                while time.monotonic() < again:
                    beat()
                    time.sleep(BEAT_SECONDS)

    def end(self) -> None:
        """Take the table away after keepalived's end."""
        self._resume()
        with contextlib.suppress(NftError):
            if not self.problem:
                self._count(_counters(nothing))
            nft("--file", "-", text=REMOVE)
            self.problem = "keepalived has ended"
        self._publish()

    def _poll(self, beat: Callable[[], None]) -> None:
        if self.problem:
            self._load(beat)
            return
        try:
            seen = _counters(beat)
        except NftError as error:
            self._tell(f"it is not there any more ({error})")
            self._load(beat)
            return
        if any(seen.get(reason, -1) < self.dropped[reason] for reason in REASONS):
            self._tell("its counters were reset")
            self._load(beat)
        else:
            self._count(seen)

    def _load(self, beat: Callable[[], None]) -> None:
        try:
            nft("--file", "-", text=render(self.settings, self.highest, self.dropped), beat=beat)
        except NftError as error:
            self._tell(f"it cannot be loaded: {error}")
        else:
            self._tell("")

    def _count(self, seen: dict[Reason, int]) -> None:
        now = time.time()
        for reason, count in seen.items():
            if count > self.dropped[reason]:
                self.dropped[reason], self.last_dropped[reason] = count, now

    def _tell(self, problem: str) -> None:
        """Note the state, and say it in keepalived's log when it has changed."""
        if problem != self.problem:
            said = f"does not work, and keepalived hears every VRRP advert: {problem}" if problem else "is loaded"
            print(f"the advert filter {said}", file=sys.stderr, flush=True)
        self.problem = problem

    def _resume(self) -> None:
        """Take over what an earlier process has told, whatever its state."""
        with contextlib.suppress(OSError, ParseError):
            told = parse_advert_filter(read_bounded(self.files.advert_filter))
            self.problem = told.problem
            for reason in REASONS:
                self.dropped[reason] = max(self.dropped[reason], told.dropped.get(reason, 0))
                if reason in told.last_dropped:
                    self.last_dropped[reason] = told.last_dropped[reason]

    def _publish(self) -> None:
        document = {
            "time": time.time(),
            "loaded": not self.problem,
            "problem": self.problem,
            "dropped": self.dropped,
            "last_dropped": self.last_dropped,
        }
        with contextlib.suppress(OSError):  # a full tmpfs: what it says grows old, which the exporter tells
            write_atomically(self.files.advert_filter, json.dumps(document).encode())


def _counters(beat: Callable[[], None]) -> dict[Reason, int]:
    """Read the table's counters.

    Raises:
        NftError: there is no such table, or nft failed.
    """
    listed = nft("--json", "list", "counters", "table", *TABLE.split(), beat=beat)
    try:
        entries: list[dict[str, Any]] = json.loads(listed)["nftables"]
        counts = {entry["counter"]["name"]: int(entry["counter"]["packets"]) for entry in entries if "counter" in entry}
    except (ValueError, KeyError, TypeError) as error:
        msg = f"nft lists its counters in a way that is not known: {error}"
        raise NftError(msg) from error
    return {reason: counts[COUNTER_PREFIX + reason] for reason in REASONS if COUNTER_PREFIX + reason in counts}
