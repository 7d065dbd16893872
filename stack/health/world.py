"""Does this node's Unbound resolve names of the internet? What the answers come to. Pure.

A node yields to one that resolves them while it does not itself, and only then: where both do not, the provider has
failed, and moving the virtual IP would help nobody.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from exporter.model.observations import HealthVerdict

FAILURES_NEEDED = 3
SUCCESSES_NEEDED = 2
# Of the patience: between two questions, so that three names have failed when it is over; and of that for each answer,
# so that a round of three questions is over before the next one.
INTERVAL_SHARE = 1 / 3
TIMEOUT_SHARE = 0.3


@dataclass(frozen=True, slots=True)
class WorldSettings:
    """Domains to ask below, the other node's DNS (None: there is none), and seconds without a good answer to wait."""

    domains: Sequence[str]
    peer: tuple[str, int] | None
    patience: float

    @property
    def interval(self) -> float:
        """Seconds between two rounds."""
        return self.patience * INTERVAL_SHARE

    @property
    def timeout(self) -> float:
        """Seconds to wait for an answer."""
        return self.interval * TIMEOUT_SHARE


@dataclass(slots=True)
class WorldVerdict:
    """The verdict: ``ok``, ``hard`` or ``unproved``. Times are seconds of a monotonic clock."""

    patience: float
    verdict: HealthVerdict = HealthVerdict.UNPROVED
    problem: str = "no name of the internet has been resolved yet"
    yields: bool = False  # to the other node
    _failing_since: float | None = None  # when the first question of this run of failures was asked
    _failures: int = 0
    _successes: int = 0

    def resume_yielding(self) -> None:
        """Go on as a check that was killed: only names that resolve end it."""
        self.verdict, self.yields = HealthVerdict.HARD, True
        self.problem = "Unbound resolved no name of the internet when the check was last started"

    def good(self) -> None:
        """A name was resolved."""
        self._failing_since, self._failures = None, 0
        self._successes += 1
        if self.verdict is not HealthVerdict.HARD or self._successes >= SUCCESSES_NEEDED:
            self.verdict, self.problem, self.yields = HealthVerdict.OK, "", False

    def bad(self, asked: float, now: float, cause: str) -> None:
        """None was, of what was ``asked`` at that time, for this cause."""
        self._successes = 0
        self._failures += 1
        if self._failing_since is None:
            self._failing_since = asked
        if self._failures >= FAILURES_NEEDED and now - self._failing_since >= self.patience:
            self.verdict = HealthVerdict.HARD
        if self.verdict is not HealthVerdict.OK:
            self.problem = f"Unbound resolves no name of the internet: {cause}"

    def peer_resolved(self) -> None:
        """The other node resolved a name while this one does not: yield to it, until this one does."""
        self.yields = self.verdict is HealthVerdict.HARD

    def not_asked(self) -> None:
        """This node's DNS does not even answer for itself: nothing new is known of the internet."""
        if self.verdict is not HealthVerdict.HARD:
            self.verdict, self.problem = HealthVerdict.UNPROVED, "not asked while this node's own DNS does not answer"
