"""The counters of VRRP that survive a restart of the exporter, and of the host."""

from __future__ import annotations

import json
import re
from dataclasses import asdict

from exporter.model.observations import VrrpState
from exporter.parsers.fields import Fields, parse_object
from exporter.parsers.keepalived_events import MAXIMUM_INSTANCES, Counts, SavedHistory

FORMAT = 1
_STATE = re.compile("|".join(state.value for state in VrrpState))


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
    document = parse_object(content, "the file of VRRP counters")
    document.integer("format", FORMAT, FORMAT)
    return SavedHistory(
        origin=document.number("origin") if document.has("origin") else None,
        sequence=document.count("sequence"),
        counts=_counts(document.object("counts")),
        earlier=_counts(document.object("earlier")),
    )


def _counts(fields: Fields) -> Counts:
    transitions = fields.object("transitions", MAXIMUM_INSTANCES)
    return Counts(
        transitions={name: _transitions(transitions.object(name, names=_STATE)) for name in transitions.values},
        starts=fields.count("starts"),
        child_exits=fields.count("child_exits"),
    )


def _transitions(states: Fields) -> dict[VrrpState, int]:
    return {VrrpState(state): states.count(state) for state in states.values}
