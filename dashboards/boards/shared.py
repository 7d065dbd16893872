"""Panels that more than one dashboard shows."""

from __future__ import annotations

from collections.abc import Callable

from dashboards import style
from dashboards.frame import RUNBOOKS, SILENCE
from dashboards.panels import Column, Tile, override, state_timeline, table
from dashboards.queries import Query

Scoped = Callable[[str], str]

RUNBOOK = ("What to do: the runbook", RUNBOOKS + "${__value.raw}")
SILENCED = ("Silence it for a while", SILENCE + "${__value.raw}")


# A timeline's bars of answers through the virtual IP, where a silence is critical.
THROUGH_VIP = override("byRegexp", "/→ vip/", mappings=style.VIP_ANSWERS)


def details(board: str, title: str) -> list[dict[str, object]]:
    """A panel's link to the dashboard that says more, for the same site and time."""
    return [{"title": title, "url": f"/d/{board}?${{__all_variables}}&${{__url_time_range}}", "targetBlank": False}]


def _firing(severity: str) -> str:
    """Alerts that fire with one severity, as its number: words would be ordered by the alphabet."""
    alerts = f'ALERTS{{alertstate="firing",alertname!="DnsHaWatchdog",severity="{severity}"}}'
    return f"{style.SEVERITIES.index(severity) + 1} * max by (site, alertname, node) ({alerts})"


_FIRING = "(" + " or ".join(map(_firing, style.SEVERITIES)) + ")"


def firing(scope: Scoped, *, width: int = 12, height: int = 8) -> Tile:
    """The alerts that fire now."""
    return table(
        "Alerts now",
        "Alerts that fire at the end of the time range. An alert's name leads to its runbook, and to a silence.",
        # That nothing fires is said where rules are evaluated, as what they record shows; otherwise there is no data.
        Query(
            scope(f"{_FIRING} or ({style.NO_ALERT} * max(site_node:dnsha_ready:bool{{}})) unless on () ({_FIRING})"),
            instant=True,
            format="table",
        ),
        columns=[
            Column("Value", "Severity", mappings=style.SEVERITY, width=90),
            Column("alertname", "Alert", links=(RUNBOOK, SILENCED)),
            Column("node", "Node", width=90),
            Column("site", "Site", width=90),
        ],
        sort="Severity",
        width=width,
        height=height,
    )


def ownership(scope: Scoped, *, height: int = 6) -> Tile:
    """Who had the virtual IP, over time."""
    return state_timeline(
        "Who has the virtual IP",
        "1 while the node's kernel has the address. Two owners at once are a split brain, none is an outage; a gap "
        "means "
        "that the node's exporter was silent. Moves that lie between two scrapes are counted on the Failover "
        "dashboard.",
        Query(scope("max by (node, vip) (dnsha_vip_owned{})"), "{{node}} · {{vip}}"),
        mappings=style.OWNER,
        unit="bool",
        height=height,
    )
