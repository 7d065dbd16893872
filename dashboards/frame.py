"""What every dashboard has: variables, annotations, links to the others, today's schema."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from grafanalib._gen import DashboardEncoder
from grafanalib.core import Annotations, Dashboard, Template, Templating, Time, TimePicker

from alerts.thresholds import SCRAPE_INTERVAL
from dashboards import style
from dashboards.panels import DATASOURCE, PRIMARY, SECONDARY
from dashboards.queries import in_sites, known
from dashboards.rows import Row, place

SCHEMA_VERSION: Final = 39
TAG: Final = "dns-ha"
# One site's dashboards pass the site on to each other. Fleet shows all of them, and "all" is none of theirs.
SITE_TAG: Final = "dns-ha-site"
FLEET: Final = "dnsha-fleet"

# The exporters serve the runbooks: they are there without the internet, and while DNS is broken.
EXPORTER: Final = "exporter"
RUNBOOKS: Final = f"http://${{{EXPORTER}}}/runbooks/"
# Grafana's own pages show the Alertmanager beside it, and let those silence who may edit.
ALERTMANAGER: Final = "DNS%20HA%20Alertmanager"
SILENCES: Final = f"/alerting/silences?alertmanager={ALERTMANAGER}"
SILENCE: Final = f"/alerting/silence/new?alertmanager={ALERTMANAGER}&matcher=alertname%3D"
_HIDDEN: Final = 2

Scope = Literal["site", "nodes", "sites"]

# What grafanalib writes for Grafana before 8, which later versions ignore or migrate.
_BYGONE: Final = {
    "dashboard": ("__inputs", "gnetId", "hideControls", "rows", "sharedCrosshair", "style", "id"),
    "panel": ("cacheTimeout", "editable", "error", "height", "hideTimeOverride", "minSpan", "span", "maxPerRow",
              "repeat", "repeatDirection", "timeFrom", "timeShift", "transparent"),
    "target": ("query", "target", "metric", "step"),
    "settings": (),
    "timepicker": ("time_options",),
    "variable": ("useTags", "tagsQuery", "tagValuesQuery", "auto", "auto_min", "auto_count"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Board:
    """One dashboard. ``uid`` is in people's bookmarks: it never changes."""

    uid: str
    title: str
    description: str
    scope: Scope
    rows: Sequence[Row]
    time_range: str = "now-6h"


def render(board: Board) -> dict[str, Any]:
    """Render a dashboard to the JSON that Grafana imports."""
    dashboard = Dashboard(
        title=board.title,
        uid=board.uid,
        description=board.description,
        tags=[TAG] if board.scope == "sites" else [TAG, SITE_TAG],
        timezone="browser",
        schemaVersion=SCHEMA_VERSION,
        refresh="auto",  # by the time range and the width of the window: 5 s to minutes
        graphTooltip=1,
        time=Time(board.time_range, "now"),
        timePicker=TimePicker(
            refreshIntervals=[SCRAPE_INTERVAL, "10s", "30s", "1m", "5m", "15m"],
            timeOptions=[],
            nowDelay=None,
            hidden=False,
        ),
        templating=Templating(_variables(board.scope)),
        annotations=Annotations(_annotations()),
        links=_links(board.scope),
        panels=place(board.rows),
    )
    document: dict[str, Any] = json.loads(json.dumps(dashboard, cls=DashboardEncoder))
    return _modern(document)


def _variables(scope: Scope) -> list[Template]:
    variables = [Template(name="datasource", label="Data source", query="prometheus", type="datasource")]
    variables.append(
        _choice("site", "Site", "label_values(dnsha_build_info, site)", several=scope == "sites"),
    )
    if scope == "nodes":
        variables.append(_choice("node", "Node", 'label_values(dnsha_build_info{site="$site"}, node)', several=True))
    if scope != "sites":
        variables.append(_hidden(PRIMARY, 'label_values(dnsha_node_info{site="$site",role!="secondary"}, node)'))
        variables.append(_hidden(SECONDARY, 'label_values(dnsha_node_info{site="$site",role="secondary"}, node)'))
    return [*variables, _exporter()]


def _hidden(name: str, query: str) -> Template:
    """A variable that queries need and nobody chooses."""
    return Template(
        name=name,
        label=name.title(),
        query={"query": query, "refId": "variable", "qryType": 1},
        dataSource=DATASOURCE,
        refresh=2,
        hide=_HIDDEN,
    )


def _exporter() -> Template:
    """An exporter of the site that is up now: label_values() would name those of the whole time range."""
    return Template(
        name=EXPORTER,
        label="Exporter",
        query='query_result(up{job="dnsha",site=~"$site"} == 1)',
        regex='/instance="([^"]+)"/',
        dataSource=DATASOURCE,
        refresh=2,
        hide=_HIDDEN,
    )


def _choice(name: str, label: str, query: str, *, several: bool) -> Template:
    everything = {"default": "$__all", "allValue": ".+"} if several else {}
    return Template(
        name=name,
        label=label,
        query={"query": query, "refId": "variable", "qryType": 1},
        dataSource=DATASOURCE,
        includeAll=several,
        multi=several,
        refresh=2,  # when the time range changes: a site may have been added
        **everything,
    )


# What is shown by its colour: the tint of an alert over it would make another one of it.
_BY_COLOR: Final = ("state-timeline", "heatmap")
# Over each step, so that a step of hours leaves nothing out that was shorter.
_FAILOVERS: Final = (
    "1000 * max by (site, from, to, when) "
    "(max_over_time(site_vip_from_to_when:dnsha_failover:timestamp_seconds{}[$__interval]))"
)


def _annotations() -> list[dict[str, Any]]:
    return [
        _annotation(
            "VIP taken over",
            known(_FAILOVERS, "site, to, when"),
            "{{to}} took over from {{from}}",
            style.GOOD,
            value_is_time=True,
            tags="site,to",
        ),
        _annotation(
            "Drained",
            "max by (site, node) (max_over_time(dnsha_drained{}[$__interval]) == 1)",
            "{{node}} is drained",
            style.UNKNOWN,
        ),
        _annotation(
            "Keepalived started",
            "max by (site, node) (dnsha_keepalived_last_start_timestamp_seconds{}) * 1000",
            "keepalived started on {{node}}, as with every deployment and boot",
            style.UNKNOWN,
            value_is_time=True,
        ),
        *(_alerts(severity, color) for severity, color in (("critical", style.CRITICAL), ("warning", style.WARNING))),
    ]


def _alerts(severity: str, color: str) -> dict[str, Any]:
    firing = f'ALERTS{{alertstate="firing",severity="{severity}"}}'
    return _annotation(
        f"Alerts: {severity}",
        f"max by (site, alertname, node) (max_over_time({firing}[$__interval])) == 1",
        "{{alertname}} {{node}}",
        color,
        tags="site,alertname",
    )


def _annotation(
    name: str, promql: str, words: str, color: str, *, value_is_time: bool = False, tags: str = "site,node"
) -> dict[str, Any]:
    """An annotation from Prometheus: where the value is above 0, or at the time that the value is, in milliseconds.

    Grafana asks the target; what is beside it is the same for one that does not know targets of annotations.
    """
    expr = in_sites(promql)
    return {
        "name": name,
        "datasource": DATASOURCE,
        "enable": True,
        "hide": False,
        "iconColor": color,
        "target": {"refId": "Anno", "expr": expr, "interval": SCRAPE_INTERVAL, "datasource": DATASOURCE},
        "expr": expr,
        "step": SCRAPE_INTERVAL,
        "titleFormat": name,
        "textFormat": words,
        "tagKeys": tags,
        "useValueForTime": value_is_time,
    }


def _links(scope: Scope) -> list[dict[str, Any]]:
    sites = scope == "sites"
    others = _link("dashboards", "DNS HA", tags=[SITE_TAG], includeVars=not sites, keepTime=True)
    fleet = _link("link", "Fleet", url=f"/d/{FLEET}", icon="dashboard", tooltip="All sites", keepTime=True)
    runbooks = _link("link", "Runbooks", url=RUNBOOKS, icon="doc", tooltip="What to do, alert by alert",
                     targetBlank=True)  # fmt: skip
    silences = _link("link", "Silences", url=SILENCES, icon="bolt", tooltip="Alerts that are not told")
    return [others, runbooks, silences] if sites else [others, fleet, runbooks, silences]


def _link(kind: str, title: str, **more: object) -> dict[str, Any]:
    plain = {
        "tags": [],
        "asDropdown": False,
        "includeVars": False,
        "keepTime": False,
        "targetBlank": False,
        "icon": "external link",
        "tooltip": "",
        "url": "",
    }
    return {"type": kind, "title": title, **plain, **more}


def _modern(document: dict[str, Any]) -> dict[str, Any]:
    """Leave out what today's Grafana does not know, and what is not set."""
    for panel in document["panels"]:
        for target in panel.get("targets", ()):
            _drop(target, "target")
            target["editorMode"] = "code"
            target["range"] = not target["instant"]
            target["exemplar"] = False
        if panel["type"] in ("row", "text"):
            for key in ("datasource", "fieldConfig", "targets", "transformations", "interval", "links"):
                panel.pop(key, None)
        else:
            defaults = panel["fieldConfig"]["defaults"]
            _drop(defaults, "settings")
            _drop(defaults.get("custom", {}), "settings")
        _drop(panel, "panel")
    by_color = [panel["id"] for panel in document["panels"] if panel["type"] in _BY_COLOR]
    for annotation in document["annotations"]["list"]:
        if by_color and not annotation["useValueForTime"]:
            annotation["filter"] = {"exclude": True, "ids": by_color}
    for variable in document["templating"]["list"]:
        _drop(variable, "variable")
        current = variable.pop("current")
        if variable.get("includeAll"):
            variable["current"] = {"selected": True, "text": ["All"], "value": [current["value"]]}
    _drop(document["timepicker"], "timepicker")
    _drop(document, "dashboard")
    document["fiscalYearStartMonth"] = 0
    return document


def _drop(found: dict[str, Any], kind: str) -> None:
    for key in [key for key, value in found.items() if value is None or key in _BYGONE[kind]]:
        del found[key]
