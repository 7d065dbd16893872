"""What Grafana asks for when somebody opens the Fleet dashboard."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from tests.alerts_bench.fleet_prometheus import Fleet
from tests.lab.plan import REPOSITORY

_DASHBOARD: Final = json.loads((REPOSITORY / "dashboards" / "generated" / "fleet.json").read_text())
RANGE_HOURS: Final = int(re.fullmatch(r"now-(\d+)h", _DASHBOARD["time"]["from"])[1])  # type: ignore[index]
_STEP_SECONDS: Final = 30  # of a panel that is some 700 pixels wide, unless its query asks for longer ones
# $__rate_interval is at least four scrape intervals.
_VARIABLES: Final = {
    "$site": ".*",
    "$node": ".*",
    "$__range": f"{RANGE_HOURS}h",
    "$__interval": f"{_STEP_SECONDS}s",
    "$__rate_interval": "1m",
}


@dataclass(frozen=True, slots=True)
class PanelQuery:
    """One query of a panel or an annotation; for one moment, or for the dashboard's range."""

    panel: str
    expression: str
    instant: bool
    step: int = _STEP_SECONDS


def queries() -> Iterator[PanelQuery]:
    """Every query of the dashboard: panels, annotations."""
    for annotation in _DASHBOARD["annotations"]["list"]:
        if "expr" in annotation:
            yield PanelQuery(f"annotation {annotation['name']}", _filled_in(annotation["expr"]), instant=False)
    yield from _of_panels(_DASHBOARD["panels"])


def _of_panels(panels: list[dict[str, Any]]) -> Iterator[PanelQuery]:
    for panel in panels:
        for target in panel.get("targets", []):
            name = f"{panel['title']} {target['refId']}"
            step = max(_STEP_SECONDS, 60 * int(target["interval"].removesuffix("m") or 0))
            yield PanelQuery(name, _filled_in(target["expr"]), instant=bool(target.get("instant")), step=step)
        yield from _of_panels(panel.get("panels", []))


def _filled_in(expression: str) -> str:
    return re.sub(r"\$\w+", lambda found: _VARIABLES[found[0]], expression)


def ask(fleet: Fleet, query: PanelQuery) -> int:
    """Ask once; return how many series came back."""
    if query.instant:
        return len(fleet.ask("query", query=query.expression)["result"])
    now = time.time()
    times = {"start": now - RANGE_HOURS * 3600, "end": now, "step": query.step}
    return len(fleet.ask("query_range", query=query.expression, **times)["result"])
