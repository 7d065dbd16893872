"""How the modules make their checks."""

from __future__ import annotations

from dataclasses import dataclass, replace

from exporter.model.observations import Check, NodeStatus, Status


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Makes checks of one collector about this node."""

    status: NodeStatus
    collector: str

    def ok(self, name: str, seen: str, expected: str = "", subject: str = "") -> Check:
        """All is as it should be."""
        return self._check(Status.OK, name, seen, expected or seen, "", subject)

    def warning(self, name: str, seen: str, expected: str, advice: str, subject: str = "") -> Check:
        """Clients are served, but something needs a person."""
        return self._check(Status.WARNING, name, seen, expected, advice, subject)

    def ended(self, name: str, seen: str, expected: str, advice: str, subject: str = "") -> Check:
        """Return a warning of what is over: a person should know, but nothing need wait until it is told no more."""
        return replace(self.warning(name, seen, expected, advice, subject), over=True)

    def critical(self, name: str, seen: str, expected: str, advice: str, subject: str = "") -> Check:
        """Clients are not served, or may not be at any moment."""
        return self._check(Status.CRITICAL, name, seen, expected, advice, subject)

    def unknown(self, name: str, seen: str, expected: str, advice: str, subject: str = "") -> Check:
        """It cannot be told."""
        return self._check(Status.UNKNOWN, name, seen, expected, advice, subject)

    def _check(self, status: Status, name: str, seen: str, expected: str, advice: str, subject: str) -> Check:
        return Check(name, self.status.node.name, subject, self.collector, status, seen, expected, advice)


def age(seconds: float) -> str:
    """Write a length of time for a person: ``45 s``, ``12 min``, ``3.5 h``, ``2.1 days``."""
    for limit, divisor, unit in ((120, 1, "s"), (7200, 60, "min"), (172800, 3600, "h")):
        if seconds < limit:
            return f"{seconds / divisor:.{0 if unit != 'h' else 1}f} {unit}"
    return f"{seconds / 86400:.1f} days"
