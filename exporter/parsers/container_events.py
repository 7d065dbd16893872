"""Docker's events, counted once each although they are heard again whenever the stream is opened anew."""

from __future__ import annotations

from collections.abc import Collection

from exporter.parsers.container import ACTIONS, ContainerEvent

# Events are asked for again from some time before the last one on, for Docker's are not always in order.
OVERLAP_SECONDS = 2.0
# Docker repeats 256 at most (moby's daemon/events), and may have left out some in between.
EVENTS_REMEMBERED = 1024


class EventTally:
    """How often what happened to which of the named containers."""

    def __init__(self, names: Collection[str]) -> None:
        self._counts = {name: dict.fromkeys(ACTIONS, 0) for name in names}
        self._seen: dict[ContainerEvent, None] = {}  # in order
        self._last = 0.0

    def begin(self, now: float) -> None:
        """Count from Unix time ``now`` on."""
        self._last = now + OVERLAP_SECONDS

    def resume_from(self, now: float) -> float:
        """Return the Unix time from which on events are to be heard again, so that none is missed."""
        # The clock of a Raspberry Pi may be set back while Docker is away.
        return max(0.0, min(self._last, now + OVERLAP_SECONDS) - OVERLAP_SECONDS)

    def add(self, event: ContainerEvent) -> bool:
        """Count an event; return whether it is a new one about one of the containers."""
        names = [name for name in event.names if name in self._counts]
        if not names or event in self._seen:
            return False
        self._seen[event] = None
        if len(self._seen) > EVENTS_REMEMBERED:
            del self._seen[next(iter(self._seen))]
        self._last = event.nanoseconds / 1e9
        for name in names:
            self._counts[name][event.action] += 1
        return True

    def counts(self, name: str) -> dict[str, int]:
        """Return how often each action happened to a container."""
        return dict(self._counts[name])
