"""Should this node take the virtual IP from one that advertises it and does not answer there? Pure.

What VRRP does not see: an owner that can send and not receive, or that nobody reaches, goes on advertising. This node
may only take what it can serve itself: its own DNS works, and its link is proved to work both ways. It gives the
address back once the other node's own address has answered for a while. Times are seconds of a monotonic clock.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from exporter.model.observations import HealthVerdict
from stack.health.dns_question import BY_ITSELF

SILENT_SECONDS = 3.0
FAILURES_NEEDED = 4
# Before it is given back: the other node's own address has answered for so long, or, where that one answered all the
# while and so proves nothing about the virtual one, so much time has passed. Then it moves at most once in that time.
# The primary, whose the virtual IP is without this, waits so long from the second time on.
HOLD_SECONDS = 10.0
LONG_HOLD_SECONDS = 600.0
# A node that just came back answers on its own address first: its virtual one gets as long.
COMES_BACK_SECONDS = 1.0


@dataclass(slots=True)
class AddressAnswers:
    """The answers and silences of one address, as an ``Asker`` tells them."""

    name: str
    clock: Callable[[], float]
    answered: float = 0.0  # when the last good answer came, or when asking began
    failures: int = 0  # without a good answer in between
    good_since: float | None = None

    def begin(self) -> None:
        """Forget everything: asking begins now."""
        self.answered, self.failures, self.good_since = self.clock(), 0, None

    def good(self) -> None:
        """It gave a good answer."""
        self.answered, self.failures = self.clock(), 0
        if self.good_since is None:
            self.good_since = self.answered

    def bad(self, asked: float, now: float, problem: str) -> None:  # noqa: ARG002 (as Asker calls it)
        """It gave a wrong answer, or none.

        What this very node answers, by a grace route that a dead guard left, says nothing of the other one.
        """
        if problem == BY_ITSELF:
            self.begin()
            return
        self.failures += 1
        self.good_since = None

    def refused(self) -> bool:
        """Nothing listens there; it is asked again in its turn."""
        self.failures += 1
        self.good_since = None
        return False

    def silent(self, now: float) -> bool:
        """Whether it has given no good answer for so long, to that many questions that were really asked."""
        return self.failures >= FAILURES_NEEDED and now - self.answered >= SILENT_SECONDS

    def good_for(self, now: float) -> float:
        """Seconds for which every answer has been good."""
        return 0.0 if self.good_since is None or self.failures else now - self.good_since


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known now; ``silent`` is the virtual IP that does not answer, or empty."""

    able: bool  # this node's DNS works, it has its own address, and it is not drained
    owns: bool
    silent: str
    doubt: str  # why the link is not proved to work both ways, or who else has the address; empty when nothing is wrong
    peer_good_for: float  # the other node's own address, seconds
    vip_good_for: float  # every virtual IP, at the other node, seconds


@dataclass(slots=True)
class Standby:
    """The decision, and what to say of it."""

    node: str
    primary: bool = False
    taking: bool = False
    verdict: HealthVerdict = HealthVerdict.OK
    problem: str = ""
    _until: float = float("-inf")  # when it may be given back at the soonest
    _taken: float = float("-inf")
    _because: str = ""

    def resume(self) -> None:
        """Go on as a check that was killed while it took."""
        self.taking, self._because = True, "a virtual IP"

    def decide(self, now: float, seen: Seen) -> None:
        """Take, keep or give back."""
        if self.taking and self._is_over(now, seen):
            self.taking = False
        elif self._may_take(seen):
            self.taking, self._because = True, seen.silent
            again = now - self._taken < LONG_HOLD_SECONDS
            long = seen.peer_good_for > 0 and (again or not self.primary)
            self._taken, self._until = now, now + (LONG_HOLD_SECONDS if long else HOLD_SECONDS)
        self.verdict, self.problem = self._finding(seen)

    def _may_take(self, seen: Seen) -> bool:
        comes_back = 0 < seen.peer_good_for < COMES_BACK_SECONDS
        able = seen.able and not seen.owns and not self.taking
        return able and bool(seen.silent) and not seen.doubt and not comes_back

    def _is_over(self, now: float, seen: Seen) -> bool:
        answers = max(seen.peer_good_for, seen.vip_good_for) >= HOLD_SECONDS
        return not seen.able or (answers and now >= self._until)

    def _finding(self, seen: Seen) -> tuple[HealthVerdict, str]:
        silence = f"did not answer for {SILENT_SECONDS:g} s"
        if self.taking and seen.owns:
            return HealthVerdict.SOFT, f"{self.node} took the VIP because {self._because} {silence} at the other node"
        if self.taking:
            return HealthVerdict.SOFT, f"{self.node} wants to take the VIP because {self._because} {silence}"
        if seen.able and not seen.owns and seen.silent:
            return HealthVerdict.SOFT, f"{seen.silent} {silence}, but {self.node} does not take it: {seen.doubt}"
        return HealthVerdict.OK, ""
