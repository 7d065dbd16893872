"""What the firewall's service says of its table, read as something that may be garbage.

``{"time", "state", "problem", "closed": [port]}``, the time in Unix seconds (stack/firewall/keeper.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, get_args

from exporter.parsers.fields import parse_object

State = Literal["loaded", "off", "failed"]
_STATES: Final[dict[str, State]] = {state: state for state in get_args(State)}
_PORTS_AT_MOST = 64
_TEXT_AT_MOST = 500


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
    report = parse_object(content, "the firewall's report")
    state, problem = report.one_of("state", _STATES), report.excerpt("problem", _TEXT_AT_MOST)
    if (state == "failed") is not bool(problem):
        report.refuse("problem", "a text that is empty unless the state is failed")
    closed = report.array("closed", _PORTS_AT_MOST)
    if not all(type(port) is int and 0 < port < 65536 for port in closed):
        report.refuse("closed", "a list of ports")
    return FirewallReport(report.seconds("time"), state, problem, tuple(closed))
