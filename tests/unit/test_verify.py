"""The gate of an update and a drill: what holds it back, and what is only told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from exporter.model.observations import Check, Status
from stack.tools.verify import complaints_of

RESTARTED = Check(
    "recorder.running",
    "alpha",
    "",
    "health",
    Status.WARNING,
    "the recorder was started again 12 s ago",
    "",
    "",
    over=True,
)


def test_a_warning_of_what_is_over_holds_nothing_back() -> None:
    assert complaints_of((RESTARTED,), "alpha", drained=False) == []


@pytest.mark.parametrize("status", [Status.WARNING, Status.CRITICAL, Status.UNKNOWN])
def test_what_goes_on_holds_it_back_and_is_named(status: Status) -> None:
    lasting = replace(RESTARTED, status=status, seen="the recorder does not run", over=False)
    assert complaints_of((RESTARTED, lasting), "alpha", drained=False) == [
        "alpha: recorder.running: the recorder does not run"
    ]
