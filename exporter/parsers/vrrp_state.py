"""The counters of VRRP that survive a restart of the exporter, and of the host."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from exporter.engine.files import parse_json
from exporter.model.errors import ParseError
from exporter.model.observations import VrrpState
from exporter.parsers.keepalived_events import MAXIMUM_INSTANCES, Counts, SavedHistory

FORMAT = 1
_WRONG = "the file does not hold VRRP counters"


def format_vrrp_state(saved: SavedHistory) -> bytes:
    """Write what was counted as JSON."""
    document = {"format": FORMAT, **asdict(saved)}
    for kind in ("counts", "earlier"):
        document[kind]["transitions"] = {
            name: {state.value: count for state, count in transitions.items()}
            for name, transitions in document[kind]["transitions"].items()
        }
    return json.dumps(document).encode()


def parse_vrrp_state(content: bytes) -> SavedHistory:
    """Read it back.

    Raises:
        ParseError: it is not what ``format_vrrp_state`` writes.
    """
    document = parse_json(content, "the file of VRRP counters")
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ParseError(_WRONG)
    origin = document.get("origin")
    if origin is not None and (type(origin) not in (int, float) or not abs(origin) < 2**53):
        raise ParseError(_WRONG)
    return SavedHistory(
        origin=origin,
        sequence=_count(document.get("sequence")),
        counts=_counts(document.get("counts")),
        earlier=_counts(document.get("earlier")),
    )


def _counts(value: Any) -> Counts:  # noqa: ANN401
    transitions = value.get("transitions") if isinstance(value, dict) else None
    if not isinstance(transitions, dict) or len(transitions) > MAXIMUM_INSTANCES:
        raise ParseError(_WRONG)
    return Counts(
        transitions={name: _transitions(states) for name, states in transitions.items()},
        starts=_count(value.get("starts")),
        child_exits=_count(value.get("child_exits")),
    )


def _transitions(value: Any) -> dict[VrrpState, int]:  # noqa: ANN401
    known = {state.value: state for state in VrrpState}
    if not isinstance(value, dict) or not known.keys() >= value.keys():
        raise ParseError(_WRONG)
    return {known[state]: _count(count) for state, count in value.items()}


def _count(value: object) -> int:
    if type(value) is not int or not 0 <= value < 2**53:
        raise ParseError(_WRONG)
    return value
