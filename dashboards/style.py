"""How a state looks: always a word, and a colour that people who cannot tell red from green can tell apart.

Blue is good, orange a warning, red critical, grey unknown or standing by. White text is readable on each (4.5:1 or
better), and each stands out from Grafana's light and dark backgrounds alike (3:1 or better).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

GOOD: Final = "#1f6fb4"
WARNING: Final = "#b25f00"
CRITICAL: Final = "#cc3d47"
UNKNOWN: Final = "#6b7280"

# A node's lines have its colour on every dashboard: the primary's, or the only node's, and the secondary's.
PRIMARY: Final = "#2f86d6"
SECONDARY: Final = "#a8822a"
# Lines of what is known by name. None is the colour of a state, of which red is for critical alerts alone.
PATHS: Final = {"vip": "#2f86d6", "pihole": "#a8822a", "unbound": "#8e3bb0", "peer": "#56b4e9"}


@dataclass(frozen=True, slots=True)
class State:
    """The word and the colour for a value."""

    text: str
    color: str


Mappings = list[dict[str, Any]]


def states(by_value: Mapping[int, State] | Mapping[str, State]) -> Mappings:
    """Grafana's value mappings, for whole numbers or words."""
    options = {
        str(value): {"text": state.text, "color": state.color, "index": index}
        for index, (value, state) in enumerate(by_value.items())
    }
    return [{"type": "value", "options": options}]


def ranges(*steps: tuple[float | None, float | None, State]) -> Mappings:
    """Grafana's range mappings: from, to, state; None is endless."""
    return [
        {
            "type": "range",
            "options": {"from": low, "to": high, "result": {"text": state.text, "color": state.color, "index": index}},
        }
        for index, (low, high, state) in enumerate(steps)
    ]


def steps(base: str, *above: tuple[float, str]) -> list[dict[str, Any]]:
    """Grafana's thresholds: the colour below the first one, which is also that of no value at all, and from each on."""
    return [{"color": base, "value": None}, *({"color": color, "value": value} for value, color in above)]


PLAIN: Final = steps(UNKNOWN)
NEUTRAL: Final = steps(UNKNOWN, (0, GOOD))

# What is said where a query has nothing to tell of a pair that is there, as queries.unless_nothing() numbers it.
NOTHING: Final = -1


def nothing(word: str) -> Mappings:
    """Give that number its word."""
    return states({NOTHING: State(word, UNKNOWN)})


NO_DATA: Final = "no data"

UP: Final = states({1: State("UP", GOOD), 0: State("DOWN", WARNING)})
# Through the virtual IP no answer is critical; a Pi-hole or an Unbound that is silent has the other node's beside it.
VIP_ANSWERS: Final = states({1: State("answers", GOOD), 0: State("NO ANSWER", CRITICAL)})
ANSWERS: Final = states({1: State("answers", GOOD), 0: State("NO ANSWER", WARNING)})
YES: Final = states({1: State("yes", GOOD), 0: State("NO", WARNING)})
OWNER: Final = states({1: State("owner", GOOD), 0: State("standby", UNKNOWN)})
HEALTH: Final = states({1: State("well", GOOD), 0: State("FAILS", WARNING)})
DRAINED: Final = states({0: State("no", GOOD), 1: State("DRAINED", WARNING)})
VERDICT: Final = states(
    {
        0: State("OK", GOOD),
        1: State("WARNING", WARNING),
        2: State("CRITICAL", CRITICAL),
        3: State("UNKNOWN", UNKNOWN),
    }
)
EXIT_STATUS: Final = [
    *states({0: State("succeeded", GOOD)}),
    *ranges((1, None, State("FAILED", WARNING))),
]
ALARM: Final = states({0: State("no", GOOD), 1: State("YES", WARNING)})
READY_NODES: Final = [
    *states(
        {
            -1: State("STANDALONE", UNKNOWN),
            0: State("NO NODE READY", CRITICAL),
            1: State("ONE NODE ONLY", WARNING),
        }
    ),
    *ranges((2, None, State("REDUNDANT", GOOD))),
]
OWNERS: Final = [
    *states({0: State("NOBODY", CRITICAL), 1: State("one", GOOD)}),
    *ranges((2, None, State("SPLIT BRAIN", CRITICAL))),
]
SYNC: Final = states(
    {
        NOTHING: State("NOT WATCHED", UNKNOWN),
        0: State("IN SYNC", GOOD),
        1: State("DIFFERENT", WARNING),
        2: State("OVERDUE", WARNING),
        3: State("OVERDUE AND DIFFERENT", WARNING),
        4: State("OTHER NODE SILENT", UNKNOWN),
        6: State("OVERDUE", WARNING),
    }
)
SEVERITIES: Final = ("critical", "warning", "info")  # the gravest first, which is number 1
NO_ALERT: Final = 0
SEVERITY: Final = states(
    {
        number: State(severity, color)
        for number, (severity, color) in enumerate(zip(SEVERITIES, (CRITICAL, WARNING, UNKNOWN), strict=True), 1)
    }
    | {NO_ALERT: State("no alert", GOOD)}
)
# As queries.VRRP_STATE numbers them.
VRRP_STATE: Final = states(
    {
        1: State("backup", UNKNOWN),
        2: State("master", GOOD),
        3: State("stopped", WARNING),
        4: State("init", WARNING),
        5: State("FAULT", WARNING),
    }
)
