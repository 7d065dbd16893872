"""DNS: how fast, how often not, why, and who answers, on every path."""

from __future__ import annotations

from alerts.thresholds import ERROR_BUDGET, SLOW_ANSWER_SECONDS
from dashboards import style
from dashboards.boards import shared
from dashboards.frame import Board
from dashboards.panels import Tile, heatmap, override, stat, state_timeline, time_series
from dashboards.queries import Query, count_of, failed, in_site, on_nodes, with_vip
from dashboards.rows import Row

_PATHS = {
    "vip": "through the virtual IP",
    "pihole": "the node's own Pi-hole",
    "unbound": "the node's own Unbound",
    "peer": "the other node",
}


def _quantile(share: float, legend: str, matchers: str = "", by: str = "target") -> Query:
    promql = (
        f"histogram_quantile({share}, sum by (le, {by}) "
        f"(rate(dnsha_resolve_duration_seconds_bucket{{{matchers}}}[$__rate_interval])))"
    )
    return Query(on_nodes(promql), legend)


def _quantiles(target: str) -> list[Query]:
    return [_quantile(share, f"{share:.0%}".replace("%", " %"), f'target="{target}"') for share in (0.5, 0.95, 0.99)]


def _heat(target: str) -> Query:
    return Query(
        on_nodes(
            f'sum by (le) (increase(dnsha_resolve_duration_seconds_bucket{{target="{target}"}}[$__rate_interval]))'
        ),
        "{{le}}",
        format="heatmap",
    )


def _path(target: str) -> list[Tile]:
    """How fast one path is: every answer, and the quantiles."""
    words = _PATHS[target]
    return [
        heatmap(
            f"Answers of {words}, by time",
            f"How many queries were answered in which time by {words}; the more, the farther from the background.",
            _heat(target),
            unit="s",
            width=12,
            height=8,
        ),
        time_series(
            f"Quantiles of {words}",
            f"Half, 95 and 99 of 100 answers of {words} came within this time.",
            *_quantiles(target),
            unit="s",
            minimum=None,
            logarithmic=True,
        ),
    ]


BOARD = Board(
    uid="dnsha-dns",
    title="DNS HA / DNS",
    description="How fast DNS answers on every path, how often it does not, why, and who answers.",
    scope="nodes",
    rows=[
        Row(
            "",
            [
                stat(
                    "Answers now",
                    "Whether the last query on each path was answered well; the worst of the nodes, families and "
                    "protocols.",
                    Query(on_nodes("min by (target) (dnsha_resolve_up{})"), "{{target}}"),
                    unit="bool",
                    mappings=style.ANSWERS,
                    overrides=[override("byName", "vip", mappings=style.VIP_ANSWERS)],
                    text="value_and_name",
                    width=12,
                ),
                stat(
                    "Who answers now",
                    "The node that gave the last answer through each virtual IP, told by its canary. Two names for "
                    "one address "
                    "mean that the nodes reach different owners.",
                    Query(
                        on_nodes(
                            "max by (vip, answered_by) ("
                            + with_vip('dnsha_resolve_answered_by_info{target="vip"}')
                            + ")"
                        ),
                        "{{answered_by}} · {{vip}}",
                    ),
                    unit="bool",
                    thresholds=style.NEUTRAL,
                    text="name",
                ),
                stat(
                    "Error budget used, in the time shown",
                    f"Failed queries through the virtual IP, as a share of the {ERROR_BUDGET:.1%} that may fail. 100 "
                    "% is all.",
                    Query(
                        in_site(
                            "avg by (vip) (avg_over_time(site_vip:dnsha_resolve_failures:ratio5m{}[$__range]))"
                            f" / {ERROR_BUDGET}"
                        ),
                        "{{vip}}",
                    ),
                    unit="percentunit",
                    decimals=0,
                    thresholds=style.steps(style.UNKNOWN, (0, style.GOOD), (0.5, style.WARNING), (1, style.CRITICAL)),
                    text="value_and_name",
                ),
            ],
        ),
        Row(
            "How fast",
            [
                heatmap(
                    "Answers through the virtual IP, by time",
                    "Each column shows how many queries were answered in which time: the more, the farther its colour "
                    "is from the background. A second band further up is what an average hides.",
                    _heat("vip"),
                    unit="s",
                ),
                time_series(
                    "Through the virtual IP",
                    "Half, 95 and 99 of 100 answers came within this time. The dashed line is where an answer counts "
                    "as slow.",
                    *_quantiles("vip"),
                    unit="s",
                    minimum=None,
                    line=SLOW_ANSWER_SECONDS,
                    logarithmic=True,
                ),
                time_series(
                    "95 of 100 answers, by path",
                    "Where the time goes: Pi-hole minus Unbound is Pi-hole's share; the other node adds the network.",
                    _quantile(0.95, "{{target}}"),
                    colors=style.PATHS,
                    unit="s",
                    minimum=None,
                    logarithmic=True,
                ),
                time_series(
                    "95 of 100 answers, by node and protocol",
                    "TCP needs one round trip more than UDP.",
                    _quantile(0.95, "{{node}} {{protocol}}", 'target="vip"', by="node, protocol"),
                    node="node",
                    unit="s",
                    minimum=None,
                    logarithmic=True,
                ),
                time_series(
                    "Mean time, by path",
                    "All time spent on good answers, divided by their number.",
                    Query(
                        on_nodes(
                            "sum by (target) (rate(dnsha_resolve_duration_seconds_sum{}[$__rate_interval]))"
                            " / sum by (target) (rate(dnsha_resolve_duration_seconds_count{}[$__rate_interval]))"
                        ),
                        "{{target}}",
                    ),
                    colors=style.PATHS,
                    unit="s",
                    minimum=None,
                ),
            ],
        ),
        Row("How fast, path by path", [tile for target in _PATHS if target != "vip" for tile in _path(target)]),
        Row(
            "How often not, and why",
            [
                time_series(
                    "Queries without a good answer, by path",
                    "Failed queries a second. " + "; ".join(f"{name}: {what}" for name, what in _PATHS.items()) + ".",
                    Query(
                        on_nodes(failed("target")),
                        "{{target}}",
                    ),
                    failures=True,
                    unit="reqps",
                    bars=True,
                    stacked=True,
                ),
                time_series(
                    "Queries without a good answer, by reason",
                    "timeout: nothing came in time; rcode: an answer that is an error, such as SERVFAIL from a "
                    "Pi-hole without Unbound; refused: nothing listens; "
                    "unreachable: no route to it. A reason's first failure since the exporter started is missing "
                    "here, not above.",
                    Query(
                        on_nodes("sum by (reason) (rate(dnsha_resolve_failures_total{}[$__rate_interval]))"),
                        "{{reason}}",
                    ),
                    failures=True,
                    unit="reqps",
                    bars=True,
                    stacked=True,
                ),
                state_timeline(
                    "Answers, path by path",
                    "Whether the last query was answered well, for each node's probe, path, family and protocol.",
                    Query(
                        on_nodes("min by (node, target, family, protocol) (dnsha_resolve_up{})"),
                        "{{node}} → {{target}} {{family}} {{protocol}}",
                    ),
                    mappings=style.ANSWERS,
                    overrides=[shared.THROUGH_VIP],
                    unit="bool",
                    height=12,
                ),
                time_series(
                    "Responses, by code",
                    "Responses a second, by DNS response code, on all paths.",
                    Query(
                        on_nodes("sum by (rcode) (rate(dnsha_resolve_responses_total{}[$__rate_interval]))"),
                        "{{rcode}}",
                    ),
                    failures=True,
                    colors={"NOERROR": style.PATHS["vip"]},
                    unit="reqps",
                    stacked=True,
                ),
                time_series(
                    "Failed share, five minutes",
                    "Share of queries through the virtual IP that failed within the last five minutes; the dashed "
                    "line is "
                    "what may fail over 30 days.",
                    Query(in_site("max by (vip) (site_vip:dnsha_resolve_failures:ratio5m{})"), "{{vip}}"),
                    failures=True,
                    unit="percentunit",
                    line=ERROR_BUDGET,
                ),
            ],
        ),
        Row(
            "Who answers",
            [
                time_series(
                    "Answers through the virtual IP, by node",
                    "Good answers a second, by the node that gave them. A change of colour is a failover.",
                    Query(
                        on_nodes(
                            'sum by (answered_by) (rate(dnsha_resolve_answers_total{target="vip"}[$__rate_interval]))'
                        ),
                        "{{answered_by}}",
                    ),
                    node="answered_by",
                    unit="reqps",
                    stacked=True,
                ),
                time_series(
                    "Queries",
                    "Probes a second, by path. During an outage they come more often, to measure its length.",
                    Query(
                        on_nodes("sum by (target) (rate(dnsha_resolve_queries_total{}[$__rate_interval]))"),
                        "{{target}}",
                    ),
                    colors=style.PATHS,
                    unit="reqps",
                ),
                time_series(
                    "Outages, by path",
                    "Outages that began within each step: failures after a good answer.",
                    Query(
                        on_nodes(count_of("target", "dnsha_resolve_outages_total{}")),
                        "{{target}}",
                    ),
                    failures=True,
                    unit="short",
                    bars=True,
                    stacked=True,
                ),
                time_series(
                    "Outage that lasts",
                    "How long the outage of now has lasted, on each path; 0 where there is none.",
                    Query(
                        on_nodes(
                            "time() - min by (node, target) (dnsha_resolve_outage_start_timestamp_seconds{})"
                            " or 0 * max by (node, target) (dnsha_resolve_up{})"
                        ),
                        "{{node}} → {{target}}",
                    ),
                    node="node",
                    legend="table",
                    unit="s",
                ),
            ],
        ),
    ],
)
