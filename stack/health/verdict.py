"""What the answers and silences of one DNS service come to. Pure: times are given, in seconds of a monotonic clock.

*Hard*: nothing listens, which the kernel says at once (ICMP port unreachable); asked again a moment later, so that
nothing is given up for a single packet. *Soft*: late, wrong, or an error for so long that no pause of a busy machine
explains it. *Unproved*: not known yet. What the check itself could not ask changes no verdict.
"""

from __future__ import annotations

from dataclasses import dataclass

from exporter.model.observations import HealthVerdict

REFUSALS_NEEDED = 2
FAILURES_NEEDED = 4
SUCCESSES_NEEDED = 5


@dataclass(slots=True)
class Service:
    """One DNS service, and what its last answers were; ``patience`` (seconds) is how long it may give no good one."""

    name: str  # begins a sentence
    patience: float
    verdict: HealthVerdict = HealthVerdict.UNPROVED
    problem: str = "has not answered yet"  # continues it; empty when all is well
    _failing_since: float | None = None  # when the first question of this run of failures was asked
    _failures: int = 0
    _successes: int = 0
    _refusals: int = 0

    @property
    def in_doubt(self) -> bool:
        """Whether its latest question had no good answer."""
        return self._failures > 0 or self._refusals > 0 or self.verdict is not HealthVerdict.OK

    def good(self) -> None:
        """It gave a good answer in time."""
        self._failing_since, self._failures, self._refusals = None, 0, 0
        self._successes += 1
        if self.verdict is HealthVerdict.OK or self._successes >= SUCCESSES_NEEDED:
            self.verdict, self.problem = HealthVerdict.OK, ""

    def bad(self, asked: float, now: float, problem: str) -> None:
        """It gave a wrong answer, or none, to what was ``asked`` at that time."""
        self._refusals = self._successes = 0
        self._failures += 1
        if self._failing_since is None:
            self._failing_since = asked
        lasted = now - self._failing_since
        # What refused a moment ago listens again, and is not well yet.
        if self.verdict is HealthVerdict.HARD or (self._failures >= FAILURES_NEEDED and lasted >= self.patience):
            self.verdict = HealthVerdict.SOFT
        if self.verdict is not HealthVerdict.OK:
            self.problem = problem

    def refused(self) -> bool:
        """Nothing listens there; say whether that is still to be proved by asking again at once."""
        self._refusals += 1
        self._successes = 0
        if self._refusals >= REFUSALS_NEEDED:
            self.verdict, self.problem = HealthVerdict.HARD, "refuses questions: nothing listens there"
        return self.verdict is not HealthVerdict.HARD


def of_chain(front: Service, recursors: list[Service]) -> tuple[HealthVerdict, str]:
    """What this node's DNS comes to as a client meets it, and why.

    A front that answers is enough, whatever one of several recursors behind it does.
    """
    if front.verdict is HealthVerdict.HARD:
        return HealthVerdict.HARD, _sentence(front)
    if recursors and front.in_doubt and all(one.verdict is HealthVerdict.HARD for one in recursors):
        return HealthVerdict.HARD, "; ".join(map(_sentence, recursors))
    if front.verdict is HealthVerdict.OK:
        return HealthVerdict.OK, ""
    behind = [one for one in recursors if one.verdict in (HealthVerdict.SOFT, HealthVerdict.HARD)]
    return front.verdict, "; ".join(map(_sentence, [front, *behind]))


def _sentence(service: Service) -> str:
    return f"{service.name} {service.problem}"
