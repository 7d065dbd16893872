"""Fleet: many sites, the worst first."""

from __future__ import annotations

from alerts.thresholds import SLOW_ANSWER_SECONDS
from dashboards import style
from dashboards.boards import shared
from dashboards.frame import FLEET, Board
from dashboards.panels import Column, stat, table, time_series
from dashboards.queries import READY, SYNC, Query, in_sites
from dashboards.rows import Row

# A site whose exporters are all silent says nothing of itself: it counts as down, and nothing there as ready.
_REACHED = 'max by (site) (up{job="dnsha"})'
_UP = f"min by (site) (site_vip:dnsha_resolve_up:max{{}} or on (site) 0 * ({_REACHED} == 0))"
_READY = f"({READY} or 0 * {_REACHED})"
_OWNERS = "max by (site, vip) (dnsha_vip_owners{})"
_P95 = "max by (site) (site_vip:dnsha_resolve_duration_seconds:p95{})"
_MOVES = "round(max by (site) (sum by (site, vip) (increase(dnsha_vip_acquisitions_total{}[$__range]))))"
_OVERVIEW = ("Overview of this site", "/d/dnsha-overview?var-site=${__value.raw}&${__url_time_range}")
_WORST = 10


def _now(promql: str) -> Query:
    """One number over all sites."""
    return Query(in_sites(promql), "sites")


def _worst(promql: str) -> Query:
    """The worst sites at any time: of a thousand, and over minutes, so that smaller steps show nothing more."""
    return Query(in_sites(f"topk({_WORST}, {promql})"), "{{site}}", step="2m")


def _sites(promql: str) -> Query:
    return Query(in_sites(promql), instant=True, format="table")


BOARD = Board(
    uid=FLEET,
    title="DNS HA / Fleet",
    description="All sites: which need somebody, the worst first.",
    scope="sites",
    rows=[
        Row(
            "",
            [
                stat(
                    "Sites",
                    "Sites that Prometheus knows.",
                    _now('count(count by (site) (up{job="dnsha"}))'),
                    unit="short",
                    thresholds=style.NEUTRAL,
                ),
                stat(
                    "DNS down",
                    "Sites with a virtual IP that does not answer, or of which no exporter does.",
                    _now(f"sum({_UP} == bool 0)"),
                    unit="short",
                    thresholds=style.steps(style.UNKNOWN, (0, style.GOOD), (1, style.CRITICAL)),
                ),
                stat(
                    "Split brain or no owner",
                    "Sites where not exactly one node owns each virtual IP.",
                    _now(f"sum(max by (site) ({_OWNERS} != bool 1))"),
                    unit="short",
                    thresholds=style.steps(style.UNKNOWN, (0, style.GOOD), (1, style.CRITICAL)),
                ),
                stat(
                    "Not redundant",
                    "Sites with fewer than two nodes that could answer as the owner; not those that have one node on "
                    "purpose.",
                    _now(f"sum(({_READY} < bool 2) * ({_READY} >= bool 0))"),
                    unit="short",
                    thresholds=style.steps(style.UNKNOWN, (0, style.GOOD), (1, style.WARNING)),
                ),
            ],
        ),
        Row(
            "Sites",
            [
                table(
                    "All sites",
                    "One row a site, those with trouble on top: does every virtual IP answer, how many own it, how "
                    "many nodes "
                    "are ready, are they in sync, how fast are answers, how often did the virtual IP move.",
                    _sites(_UP),
                    # Of several virtual IPs the one with trouble.
                    _sites(f"max by (site) ({_OWNERS} != 1) or max by (site) ({_OWNERS})"),
                    _sites(_READY),
                    _sites(SYNC),
                    _sites(_P95),
                    _sites(_MOVES),
                    columns=[
                        Column("site", "Site", links=(_OVERVIEW,)),
                        Column("Value #A", "DNS", unit="bool", mappings=style.VIP_ANSWERS),
                        Column("Value #B", "Owners", unit="short", mappings=style.OWNERS),
                        Column("Value #C", "Nodes ready", unit="short", mappings=style.READY_NODES),
                        Column("Value #D", "Sync", unit="short", mappings=style.SYNC),
                        Column("Value #E", "95 of 100 answers in", unit="s"),
                        Column("Value #F", "Moves", unit="short"),
                    ],
                    sort="DNS",
                    height=10,
                ),
                shared.firing(in_sites),
                table(
                    "Versions",
                    "Nodes by the version of their exporter.",
                    _sites("count by (version) (dnsha_build_info{})"),
                    columns=[Column("version", "Version"), Column("Value", "Nodes", unit="short")],
                    sort="Nodes",
                    descending=True,
                    width=12,
                ),
            ],
        ),
        Row(
            f"The {_WORST} worst",
            [
                time_series(
                    "Slowest",
                    "95 of 100 answers through the virtual IP came within this time; the dashed line counts as slow.",
                    _worst(_P95),
                    legend="table",
                    unit="s",
                    line=SLOW_ANSWER_SECONDS,
                ),
                time_series(
                    "Most failures",
                    "Share of queries through the virtual IP that failed within five minutes.",
                    _worst("max by (site) (site_vip:dnsha_resolve_failures:ratio5m{})"),
                    failures=True,
                    legend="table",
                    unit="percentunit",
                ),
                time_series(
                    "Most moves",
                    "Moves of the virtual IP within five minutes.",
                    _worst("max by (site) (site_vip:dnsha_vip_moves:increase{})"),
                    failures=True,
                    legend="table",
                    unit="short",
                    bars=True,
                ),
                time_series(
                    "Exporters that are silent",
                    "Nodes whose exporter Prometheus does not reach, by site.",
                    Query(
                        in_sites(f'topk({_WORST}, sum by (site) (up{{job="dnsha"}} == bool 0))'),
                        "{{site}}",
                    ),
                    failures=True,
                    legend="table",
                    unit="short",
                    steps=True,
                ),
            ],
        ),
    ],
)
