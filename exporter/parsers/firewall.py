"""What the firewall's service says of its table, read as something that may be garbage.

``{"time", "state", "problem", "closed": [port]}``, the time in Unix seconds (stack/firewall/keeper.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, get_args

from exporter.engine.files import parse_json
from exporter.model.errors import ParseError

State = Literal["loaded", "off", "failed"]
_STATES: Final[tuple[State, ...]] = get_args(State)
_PORTS_AT_MOST = 64
_TEXT_AT_MOST = 500
_WRONG = "the firewall's report cannot be understood: {} is not what it should be"


@dataclass(frozen=True, slots=True)
class FirewallReport:
    """The table's state; ``problem`` says why it is not loaded, and is empty otherwise."""

    time: float
    state: State
    problem: str
    closed: tuple[int, ...]  # ports that a host of the LAN does not reach


def parse_firewall(content: bytes) -> FirewallReport:
    """Parse the report.

    Raises:
        ParseError: any of it makes no sense; nothing of it is used.
    """
    document = parse_json(content, "the firewall's report")
    if not isinstance(document, dict):
        raise ParseError(_WRONG.format("it"))
    time, problem, closed = document.get("time"), document.get("problem"), document.get("closed")
    state = next((known for known in _STATES if known == document.get("state")), None)
    if isinstance(time, bool) or not isinstance(time, int | float) or not 0 <= time < 2**53:
        raise ParseError(_WRONG.format("time"))
    if state is None or not isinstance(problem, str) or (state == "failed") is not bool(problem):
        raise ParseError(_WRONG.format("state or problem"))
    if not isinstance(closed, list) or len(closed) > _PORTS_AT_MOST:
        raise ParseError(_WRONG.format("closed"))
    if not all(isinstance(port, int) and not isinstance(port, bool) and 0 < port < 65536 for port in closed):
        raise ParseError(_WRONG.format("closed"))
    problem = "".join(character if character.isprintable() else " " for character in problem[:_TEXT_AT_MOST])
    return FirewallReport(time, state, problem, tuple(closed))
