"""Panels: grafanalib's where it writes today's JSON, our own JSON where it does not.

Every panel has a title, a description and a unit: the functions ask for them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from grafanalib.core import Panel, Stat, StateTimeline, Target, Text, TimeSeries

from alerts.thresholds import SCRAPE_INTERVAL
from dashboards import style
from dashboards.queries import Query, with_matcher

DATASOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}
# Variables that no one sees: the nodes by their roles.
PRIMARY: Final = "primary"
SECONDARY: Final = "secondary"
REF_IDS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True)
class Tile:
    """A panel and its size in Grafana's grid: 24 columns, rows of 30 pixels. A phone shows one tile below the other."""

    panel: Panel
    width: int
    height: int


class Json(Panel):  # type: ignore[misc]  # grafanalib has no types
    """A panel of a kind that grafanalib writes as Grafana before 8 did."""

    def to_json_data(self) -> dict[str, Any]:
        """Return what was given as ``extraJson``."""
        data: dict[str, Any] = self.panel_json({})
        return data


def _common(
    title: str, description: str, queries: Sequence[Query], more: Mapping[str, Any], links: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    return {
        "title": title,
        "description": description,
        "dataSource": DATASOURCE,
        "targets": [_target(ref_id, query) for ref_id, query in zip(REF_IDS, queries, strict=False)],
        "maxDataPoints": None,
        "interval": SCRAPE_INTERVAL,  # a smaller step shows nothing more
        "links": list(links),
        "extraJson": dict(more),
    }


def _target(ref_id: str, query: Query) -> Target:
    return Target(
        expr=query.promql,
        legendFormat=query.legend or "__auto",
        format=query.format,
        instant=query.instant,
        intervalFactor=1,
        interval=query.step or "",
        refId=ref_id,
        datasource=DATASOURCE,
    )


def override(matcher: str, options: str, **properties: object) -> dict[str, Any]:
    """Return Grafana's override of properties for the fields that a matcher finds."""
    return {
        "matcher": {"id": matcher, "options": options},
        "properties": [{"id": name.replace("__", "."), "value": value} for name, value in properties.items()],
    }


def _defaults(**values: Any) -> dict[str, Any]:  # noqa: ANN401  JSON
    return {"fieldConfig": {"defaults": {key: value for key, value in values.items() if value is not None}}}


def stat(
    title: str,
    description: str,
    *queries: Query,
    unit: str = "none",
    mappings: style.Mappings | None = None,
    thresholds: list[dict[str, Any]] | None = None,
    overrides: Sequence[dict[str, Any]] = (),
    text: str = "auto",
    calc: str = "lastNotNull",
    decimals: int | None = None,
    width: int = 6,
    height: int = 4,
    links: Sequence[dict[str, Any]] = (),
) -> Tile:
    """A number or a word, large, of the end of the time range alone.

    Over the range, a series that ended hours ago would still have a last value, and a tile that says it is so now.
    """
    more = _defaults(color={"mode": "thresholds"}, thresholds={"mode": "absolute", "steps": thresholds or style.PLAIN})
    if text == "name":  # Grafana writes a series' name alone, and would leave the tile blank where there is none
        everything = " or ".join(f"({query.promql})" for query in queries)
        queries = (*queries, Query(f"-1 * absent({everything})", style.NO_DATA))
    panel = Stat(
        format=unit,
        mappings=mappings or [],
        overrides=list(overrides),
        reduceCalc=calc,
        decimals=decimals,
        noValue=style.NO_DATA,
        textMode=text,
        colorMode="background",
        graphMode="none",
        **_common(
            title,
            description,
            [replace(query, instant=True) for query in queries],
            {**more, "options": {"wideLayout": False}},
            links,
        ),
    )
    return Tile(panel, width, height)


def time_series(
    title: str,
    description: str,
    *queries: Query,
    unit: str,
    bars: bool = False,
    stacked: bool = False,
    minimum: int | None = 0,
    maximum: int | None = None,
    line: float | None = None,
    logarithmic: bool = False,
    steps: bool = False,
    node: str | None = None,
    failures: bool = False,
    colors: Mapping[str, str] | None = None,
    legend: Literal["list", "table"] = "list",
    width: int = 12,
    height: int = 8,
) -> Tile:
    """Lines or bars over time; ``line`` draws an alert's threshold.

    ``node`` is the label by which lines are a node's: they get its colour. ``failures`` are shades of a warning's
    colour. ``colors`` are by the lines' names. A legend that is a list has room for a few lines; a table can
    be scrolled.
    """
    overrides = [override("byName", name, color=_fixed(color)) for name, color in (colors or {}).items()]
    if node:
        asked, overrides = _by_node(node, queries)
    else:
        asked = list(queries)
    mode = {"mode": "shades", "fixedColor": style.WARNING} if failures else {"mode": "palette-classic"}
    thresholds = style.steps("transparent", (line, style.WARNING)) if line is not None else style.PLAIN
    more = _defaults(thresholds={"mode": "absolute", "steps": thresholds}, color=mode, noValue=style.NO_DATA)
    more["options"] = {"legend": {"placement": "right" if legend == "table" else "bottom"}}
    panel = TimeSeries(
        unit=unit,
        drawStyle="bars" if bars else "line",
        fillOpacity=60 if bars or stacked else 8,
        stacking={"mode": "normal", "group": "A"} if stacked else {"mode": "none", "group": "A"},
        lineWidth=0 if bars else 2,
        lineInterpolation="stepAfter" if steps else "linear",
        showPoints="never",
        valueMin=minimum,
        valueMax=maximum,
        thresholdsStyleMode="dashed" if line is not None else "off",
        scaleDistributionType="log" if logarithmic else "linear",
        scaleDistributionLog=10,
        legendCalcs=["lastNotNull", "max"],
        legendDisplayMode=legend,
        overrides=overrides,
        tooltipMode="multi",
        tooltipSort="desc",
        **_common(title, description, asked, more, ()),
    )
    return Tile(panel, width, height)


def _fixed(color: str) -> dict[str, str]:
    return {"mode": "fixed", "fixedColor": color}


def _by_node(label: str, queries: Sequence[Query]) -> tuple[list[Query], list[dict[str, Any]]]:
    """Ask for each node on its own: only by its query does Grafana know whose colour a line has.

    Of several queries the first one's lines are whole, the others' dashed.
    """
    asked: list[Query] = []
    overrides: list[dict[str, Any]] = []
    for number, query in enumerate(queries):
        for variable, color in ((PRIMARY, style.PRIMARY), (SECONDARY, style.SECONDARY)):
            more = {"custom__lineStyle": {"fill": "dash", "dash": [8, 8]}} if number else {}
            several = query.legend.count("{{") > 1  # lines of one node
            mode = {"mode": "shades", "fixedColor": color} if several else _fixed(color)
            overrides.append(override("byFrameRefID", REF_IDS[len(asked)], color=mode, **more))
            asked.append(replace(query, promql=with_matcher(query.promql, f'{label}=~"${variable}"')))
    return asked, overrides


def state_timeline(
    title: str,
    description: str,
    *queries: Query,
    mappings: style.Mappings,
    overrides: Sequence[dict[str, Any]] = (),
    unit: str = "none",
    width: int = 24,
    height: int = 6,
) -> Tile:
    """One bar for each series, coloured and labelled by its state.

    The colours come from the mappings. With colours by thresholds Grafana would put each value's threshold in its place
    before it looks for a mapping (public/app/core/components/TimelineChart/utils.ts, prepareTimelineFields).
    """
    more = _defaults(
        unit=unit,
        color={"mode": "fixed", "fixedColor": style.UNKNOWN},
        thresholds={"mode": "absolute", "steps": style.PLAIN},
        noValue=style.NO_DATA,
    )
    panel = StateTimeline(
        mappings=mappings,
        overrides=list(overrides),
        lineWidth=0,
        fillOpacity=85,
        rowHeight=0.8,
        showValue="auto",
        **_common(title, description, queries, more, ()),
    )
    return Tile(panel, width, height)


def heatmap(title: str, description: str, query: Query, *, unit: str, width: int = 24, height: int = 9) -> Tile:
    """How many fell into each bucket of a histogram, over time."""
    more = {
        "type": "heatmap",
        "fieldConfig": {
            "defaults": {
                "noValue": style.NO_DATA,
                "custom": {"scaleDistribution": {"type": "linear"}},
                "thresholds": {"mode": "absolute", "steps": style.PLAIN},
            },
            "overrides": [],
        },
        "options": {
            "calculate": False,
            "cellGap": 1,
            "cellValues": {"unit": "short"},
            # Blues: one hue from light to dark, readable without colour vision.
            "color": {
                "mode": "scheme",
                "scheme": "Blues",
                "steps": 64,
                "reverse": False,
                "exponent": 0.5,
                "fill": style.GOOD,
            },
            "filterValues": {"le": 1e-9},
            "legend": {"show": True},
            "rowsFrame": {"layout": "auto"},
            "tooltip": {"mode": "single", "yHistogram": False},
            "yAxis": {"axisPlacement": "left", "unit": unit, "reverse": False},
        },
    }
    return Tile(Json(**_common(title, description, [query], more, ())), width, height)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: the field it shows, its heading, and how."""

    field: str
    heading: str
    unit: str | None = None
    mappings: style.Mappings | None = None
    painted: bool = True  # with a mapping's colour
    links: Sequence[tuple[str, str]] = ()  # titles and addresses
    blank: str = "–"  # noqa: RUF001  a dash, as in tables: where a row has no value
    width: int | None = None

    def override(self) -> dict[str, Any]:
        """Return Grafana's override for it."""
        properties: list[dict[str, Any]] = [
            {"id": "displayName", "value": self.heading},
            {"id": "noValue", "value": self.blank},
        ]
        if self.unit:
            properties.append({"id": "unit", "value": self.unit})
        if self.mappings:
            properties.append({"id": "mappings", "value": self.mappings})
        if self.mappings and self.painted:
            properties.append({"id": "custom.cellOptions", "value": {"type": "color-background", "mode": "basic"}})
        if self.links:
            links = [{"title": title, "url": url, "targetBlank": True} for title, url in self.links]
            properties.append({"id": "links", "value": links})
        if self.width:
            properties.append({"id": "custom.width", "value": self.width})
        return {"matcher": {"id": "byName", "options": self.field}, "properties": properties}


def table(
    title: str,
    description: str,
    *queries: Query,
    columns: Sequence[Column],
    sort: str,
    grouped: Mapping[str, Sequence[str]] | None = None,
    numbers: Sequence[str] = (),
    descending: bool = False,
    unit: str = "none",
    width: int = 24,
    height: int = 8,
) -> Tile:
    """Rows of labels and values; the queries' results are joined by the labels they share.

    ``grouped`` makes one row of several before that: those that are alike in the fields ``by``; of the others it has
    all unique values, or the largest. ``numbers`` are labels that are numbers.
    """
    before, after = [], []
    if grouped:
        fields_of = {field: {"operation": "groupby", "aggregations": []} for field in grouped["by"]}
        for reducer in ("uniqueValues", "max"):
            fields_of |= {field: {"operation": "aggregate", "aggregations": [reducer]} for field in grouped[reducer]}
        before = [{"id": "groupBy", "options": {"fields": fields_of}}]
    if numbers:
        conversions = [{"targetField": field, "destinationType": "number"} for field in numbers]
        after = [{"id": "convertFieldType", "options": {"conversions": conversions, "fields": {}}}]
    fields = [column.field for column in columns]
    more = {
        "type": "table",
        "fieldConfig": {
            "defaults": {
                "unit": unit,
                "noValue": style.NO_DATA,
                "custom": {"align": "left", "cellOptions": {"type": "auto"}, "filterable": False},
                "thresholds": {"mode": "absolute", "steps": style.PLAIN},
            },
            "overrides": [column.override() for column in columns],
        },
        "options": {
            "showHeader": True,
            "cellHeight": "sm",
            "sortBy": [{"displayName": sort, "desc": descending}],
        },
        "transformations": [
            *before,
            {"id": "merge", "options": {}},
            *after,
            {"id": "filterFieldsByName", "options": {"include": {"names": fields}}},
            {
                "id": "organize",
                "options": {"indexByName": {field: index for index, field in enumerate(fields)}},
            },
        ],
    }
    return Tile(Json(**_common(title, description, queries, more, ())), width, height)


def text(title: str, description: str, content: str, *, width: int = 24, height: int = 3) -> Tile:
    """A few words, in Markdown."""
    panel = Text(title=title, description=description, content=content, dataSource=DATASOURCE, maxDataPoints=None)
    return Tile(panel, width, height)
