"""Overview: is DNS up, who owns the virtual IP, is it redundant, is it in sync?"""

from __future__ import annotations

from alerts.thresholds import ERROR_BUDGET
from dashboards import style
from dashboards.boards import resolvers, shared
from dashboards.frame import Board
from dashboards.panels import Column, stat, state_timeline, table, time_series
from dashboards.queries import READY, SYNC, Query, failed, in_site, with_vip
from dashboards.rows import Row

_ANSWERS = stat(
    "Is DNS up?",
    "Whether the last query through each virtual IP was answered well, as at least one node saw it.",
    Query(in_site("max by (vip) (site_vip:dnsha_resolve_up:max{})"), "{{vip}}"),
    mappings=style.VIP_ANSWERS,
    unit="bool",
    text="value_and_name",
    links=shared.details("dnsha-dns", "DNS: how fast, how often not, why"),
)
_OWNER = stat(
    "Who owns the virtual IP?",
    "The node whose kernel has the address. Two tiles for one address are a split brain.",
    Query(in_site("max by (node, vip) (dnsha_vip_owned{} == 1)"), "{{node}} · {{vip}}"),
    Query(in_site("max by (vip) (dnsha_vip_owned{}) == 0"), "NOBODY · {{vip}}"),
    unit="bool",
    thresholds=style.steps(style.UNKNOWN, (0, style.CRITICAL), (1, style.GOOD)),
    text="name",
    links=shared.details("dnsha-failover", "Failover: every move"),
)
_REDUNDANT = stat(
    "Is it redundant?",
    "How many nodes could answer as the owner now: keepalived lives, VRRP is neither in fault nor stopped, the DNS "
    "check "
    "is passed and the node is not drained.",
    Query(in_site(READY), "nodes ready"),
    unit="short",
    mappings=style.READY_NODES,
    links=shared.details("dnsha-node", "Node: the health of each"),
)
_IN_SYNC = stat(
    "Is it in sync?",
    "Whether the nodes' shared content is equal and every sync and backup succeeded within its time. What has never "
    "succeeded is overdue, on a new node too until its first run.",
    Query(in_site(SYNC), "sync"),
    unit="short",
    mappings=style.SYNC,
    links=shared.details("dnsha-sync", "Sync & backup: every task"),
)

# The gauge keeps its value until the exporter restarts: what it says counts at the moments at which an outage ended.
_PROBE = '{target="vip"}'
_ENDED = (
    f"dnsha_resolve_last_outage_seconds{_PROBE}"
    f" and changes(dnsha_resolve_outage_seconds_total{_PROBE}[$__rate_interval]) > 0"
)
# Without one it is 0. That comes first: a subquery's series have no order, and the tiles would change places.
_LONGEST = (
    f'label_replace(0 * increase(dnsha_resolve_outage_seconds_total{_PROBE}[$__range]), "ended", "none", "", "")'
    f" or max_over_time(({_ENDED})[$__range:$__interval])"
)

_PROBLEMS = "max by (node, problem) (site_node:dnsha_problem:info{})"

BOARD = Board(
    uid="dnsha-overview",
    title="DNS HA / Overview",
    description="Is DNS up, who owns the virtual IP, is it redundant, is it in sync?",
    scope="site",
    rows=[
        Row("", [_ANSWERS, _OWNER, _REDUNDANT, _IN_SYNC]),
        Row("", resolvers.OF_THE_PAIR),
        Row(
            "What is wrong",
            [
                shared.firing(in_site),
                table(
                    "Seen now",
                    "What the nodes see that should not be so, or that somebody asked for, such as a drain.",
                    Query(
                        in_site(
                            f"{_PROBLEMS} or label_replace("
                            f"max(site_node:dnsha_ready:bool{{}}) unless on () {_PROBLEMS},"
                            ' "problem", "nothing", "", "")'
                        ),
                        instant=True,
                        format="table",
                    ),
                    columns=[Column("node", "Node", width=120), Column("problem", "What")],
                    sort="Node",
                    width=12,
                ),
            ],
        ),
        Row(
            "The pair",
            [
                shared.ownership(in_site),
                state_timeline(
                    "Each node's verdict about the pair",
                    "What exporter --once says there: ok, warning, critical or unknown. A gap: the exporter was "
                    "silent.",
                    Query(in_site("max by (node) (dnsha_status{})"), "{{node}}"),
                    mappings=style.VERDICT,
                    height=5,
                ),
            ],
        ),
        Row(
            "DNS through the virtual IP",
            [
                time_series(
                    "Time to an answer",
                    "95 of 100 queries through the virtual IP were answered in this time, over the last five minutes.",
                    Query(in_site("max by (vip) (site_vip:dnsha_resolve_duration_seconds:p95{})"), "{{vip}}, 95 %"),
                    unit="s",
                ),
                time_series(
                    "Queries without a good answer",
                    "Failed queries a second through the virtual IP, by the node whose probe asked.",
                    Query(in_site(failed("node", 'target="vip"')), "seen by {{node}}"),
                    node="node",
                    unit="reqps",
                    bars=True,
                    stacked=True,
                ),
                stat(
                    "Answered, in the time shown",
                    "Share of the time in which queries through the virtual IP were answered well.",
                    Query(
                        in_site(
                            "1 - avg by (vip) (avg_over_time(site_vip:dnsha_resolve_failures:ratio5m{}[$__range]))"
                        ),
                        "{{vip}}",
                    ),
                    unit="percentunit",
                    decimals=3,
                    # As "Error budget used" on the DNS dashboard.
                    thresholds=style.steps(
                        style.UNKNOWN,
                        (0, style.CRITICAL),
                        (1 - ERROR_BUDGET, style.WARNING),
                        (1 - ERROR_BUDGET / 2, style.GOOD),
                    ),
                    text="value_and_name",
                ),
                stat(
                    "Moves, in the time shown",
                    "Times that a node took the virtual IP over.",
                    Query(
                        in_site("sum by (vip) (increase(dnsha_vip_acquisitions_total{}[$__range]))"),
                        "{{vip}}",
                    ),
                    unit="short",
                    decimals=0,
                    thresholds=style.NEUTRAL,
                    text="value_and_name",
                ),
                stat(
                    "Longest outage, in the time shown",
                    "The longest time without an answer through the virtual IP, as a probe saw it; outages that ended.",
                    Query(
                        in_site(f"max by (vip) ({with_vip(_LONGEST)})"),
                        "{{vip}}",
                    ),
                    unit="s",
                    thresholds=style.NEUTRAL,
                    text="value_and_name",
                ),
                stat(
                    "Versions",
                    "The exporter's version on each node.",
                    Query(in_site("max by (node, version) (dnsha_build_info{})"), "{{node}} {{version}}"),
                    unit="bool",
                    thresholds=style.NEUTRAL,
                    text="name",
                ),
            ],
        ),
    ],
)
