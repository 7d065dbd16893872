"""How the checks are made, and which word each uses for what cannot be told."""

from __future__ import annotations

from collections.abc import Iterable

from exporter.model.observations import Check, Status
from stack.preflight.facts import Facts

COLLECTOR = "preflight"


def unknown(facts: Facts, name: str, seen: str) -> Check:
    """It cannot be told."""
    return check(facts, name, Status.UNKNOWN, seen, "an answer", "run stack/deploy.sh, which may look at the host")


def check(
    facts: Facts, name: str, status: Status, seen: str, expected: str = "", advice: str = "", subject: str = ""
) -> Check:
    """Make a check about this node."""
    node = facts.settings.node_name if facts.settings else "this node"
    return Check(f"preflight.{name}", node, subject, COLLECTOR, status, seen, expected or seen, advice)


def listed(words: Iterable[str]) -> str:
    """Words in a fixed order."""
    return ",".join(sorted(words))
