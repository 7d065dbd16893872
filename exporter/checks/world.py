"""Do names of the internet resolve on this node? The health check asks that, and both nodes evaluate it."""

from __future__ import annotations

from exporter.checks.build import Evaluation, age
from exporter.model import pair
from exporter.model.observations import Check, HealthQuestion, HealthVerdict, Status
from exporter.settings.values import Settings

QUESTION = "world"
NAME = "resolve.world"
_EXPECTED = "names of the internet resolve at this node's Unbound"


def evaluate_world(evaluation: Evaluation, question: HealthQuestion, settings: Settings) -> Check:
    """A warning while they resolve on the other node, which then has the virtual IP; else clients get none."""
    if question.verdict is HealthVerdict.OK:
        return evaluation.ok(NAME, "names of the internet resolve", _EXPECTED)
    lasts = f" (since {age(max(0.0, evaluation.status.time - question.since))})"
    if question.verdict is HealthVerdict.UNPROVED:
        return evaluation.unknown(
            NAME, f"not proved yet: {question.problem or 'no name has been asked for'}{lasts}", _EXPECTED,
            "see what the other checks say, and docker compose logs keepalived",
        )  # fmt: skip
    seen = f"{question.problem or 'Unbound resolves no name of the internet'}{lasts}{_clocks(evaluation, settings)}"
    advice = "dig @127.0.0.1 -p 5335 org SOA, and the same with +cd, which leaves validation out, show it by hand"
    peer = pair.find_peer(evaluation.status)
    if peer is not None and any(check.id == NAME and check.status is Status.OK for check in peer.checks):
        return evaluation.warning(NAME, f"{seen}; on {peer.name} they resolve", _EXPECTED, advice)
    return evaluation.critical(NAME, f"{seen}; no other node is known to resolve them", _EXPECTED, advice)


def _clocks(evaluation: Evaluation, settings: Settings) -> str:
    """The other node's clock, where it differs: one of the two is wrong, and validation goes by it."""
    peer = pair.find_peer(evaluation.status)
    if peer is None or abs(peer.clock_offset) <= settings.clock_tolerance:
        return ""
    side = "ahead of" if peer.clock_offset > 0 else "behind"
    return f"; {peer.name}'s clock is {age(abs(peer.clock_offset))} {side} this node's"
