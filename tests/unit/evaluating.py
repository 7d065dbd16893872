"""Helpers for the tests of the checks."""

from __future__ import annotations

from typing import Any

from exporter import checks
from exporter.model.observations import Check, NodeStatus, Observation, Status
from tests.unit import samples
from tests.unit.agreement import assert_views_agree


def evaluate(*observations: Observation, status: NodeStatus | None = None, **settings: Any) -> tuple[Check, ...]:
    """All checks of a look at alpha; each that is not well says what was seen, expected and what to try.

    So every state that a test of the checks knows is one for which all views must say the same.
    """
    seen = status or samples.status(*observations)
    found = checks.evaluate(seen, samples.settings(**settings))
    assert_views_agree(seen, found)
    for check in found:
        assert check.id.count(".") == 1
        assert check.seen
        assert check.expected
        assert "None" not in f"{check.seen}{check.expected}{check.advice}{check.subject}"
        assert bool(check.advice) == (check.status is not Status.OK)
    return found


def verdicts(checks_made: tuple[Check, ...], name: str) -> dict[str, Status]:
    """The verdicts of one check, by subject."""
    return {check.subject: check.status for check in checks_made if check.id == name}


def the(checks_made: tuple[Check, ...], name: str, subject: str | None = None) -> Check:
    """The one check of this name, about this subject if there are several."""
    (found,) = (check for check in checks_made if check.id == name and subject in (None, check.subject))
    return found
