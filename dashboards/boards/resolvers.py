"""Resolvers: what Pi-hole and Unbound say of themselves, node by node and for the pair."""

from __future__ import annotations

from alerts.thresholds import LISTS_OLD_SECONDS
from dashboards import style
from dashboards.boards import shared
from dashboards.frame import Board
from dashboards.panels import Column, Tile, stat, table, time_series
from dashboards.queries import Query, in_site, on_nodes, unless_nothing
from dashboards.rows import Row

# The stack itself asks each Unbound for the canary, a TXT record, several times a second: without that type what is
# left are clients' queries, of which hardly one is for TXT.
_CANARIES = 'rate(dnsha_unbound_queries_by_type_total{query_type="TXT"}[$__rate_interval])'
_ASKED = f"(rate(dnsha_unbound_queries_total{{}}[$__rate_interval]) - on (site, node) {_CANARIES})"


def _node_stat(title: str, description: str, promql: str, **look: object) -> Tile:
    """A figure for each node, and NOT WATCHED where nobody asks Pi-hole or Unbound for it."""
    query = Query(on_nodes(unless_nothing(promql, "node", style.NOTHING)), "{{node}}")
    return stat(title, description, query, text="value_and_name", **look)  # type: ignore[arg-type]


def _pair_stat(title: str, description: str, promql: str, **look: object) -> Tile:
    """A figure of the pair, for another dashboard."""
    query = Query(in_site(unless_nothing(promql, "site", style.NOTHING)), title)
    links = shared.details("dnsha-resolvers", "Resolvers: what Pi-hole and Unbound count")
    return stat(title, description, query, links=links, width=8, **look)  # type: ignore[arg-type]


_NOT_WATCHED = style.nothing("NOT WATCHED")
_BLOCKING = [*style.states({1: style.State("blocks", style.GOOD), 0: style.State("OFF", style.WARNING)}), *_NOT_WATCHED]
_AGE = style.steps(style.UNKNOWN, (0, style.GOOD), (LISTS_OLD_SECONDS, style.WARNING))
_BLOCKED = "sum by ({by}) (dnsha_pihole_blocked_queries{{}}) / (sum by ({by}) (dnsha_pihole_queries{{}}) > 0)"

OF_THE_PAIR = (
    _pair_stat(
        "Does it block?",
        "Whether every Pi-hole that is asked blocks.",
        "min by (site) (dnsha_pihole_blocking_enabled{})",
        unit="bool",
        mappings=_BLOCKING,
    ),
    _pair_stat(
        "Blocked, last 24 hours",
        "Share of the queries to both Pi-holes that was blocked.",
        _BLOCKED.format(by="site"),
        unit="percentunit",
        decimals=1,
        mappings=_NOT_WATCHED,
        thresholds=style.NEUTRAL,
    ),
    _pair_stat(
        "Age of the blocklists",
        "Time since Pi-hole last loaded its lists; the older of the two.",
        "time() - min by (site) (dnsha_pihole_gravity_last_update_timestamp_seconds{})",
        unit="s",
        mappings=_NOT_WATCHED,
        thresholds=_AGE,
    ),
)

BOARD = Board(
    uid="dnsha-resolvers",
    title="DNS HA / Resolvers",
    description="What Pi-hole and Unbound say of themselves (UNBOUND_STATISTICS, PIHOLE_STATISTICS in .env).",
    scope="nodes",
    time_range="now-24h",
    rows=[
        Row(
            "",
            [
                _node_stat(
                    "Blocking",
                    "Whether Pi-hole blocks.",
                    "max by (node) (dnsha_pihole_blocking_enabled{})",
                    unit="bool",
                    mappings=_BLOCKING,
                ),
                _node_stat(
                    "Blocklists loaded",
                    "Time since Pi-hole last loaded its lists.",
                    "time() - max by (node) (dnsha_pihole_gravity_last_update_timestamp_seconds{})",
                    unit="s",
                    mappings=_NOT_WATCHED,
                    thresholds=_AGE,
                ),
                _node_stat(
                    "Domains in the blocklists",
                    "Domains as Pi-hole loaded them.",
                    "max by (node) (dnsha_pihole_gravity_domains{})",
                    unit="short",
                    mappings=_NOT_WATCHED,
                    thresholds=style.NEUTRAL,
                ),
                _node_stat(
                    "Clients, last 24 hours",
                    "Clients that asked this Pi-hole.",
                    "max by (node) (dnsha_pihole_active_clients{})",
                    unit="short",
                    mappings=_NOT_WATCHED,
                    thresholds=style.NEUTRAL,
                ),
            ],
        ),
        Row(
            "Pi-hole, each figure of the 24 hours before",
            [
                time_series(
                    "Queries to the pair",
                    "What became of the queries to all chosen Pi-holes together.",
                    Query(on_nodes("sum by (site) (dnsha_pihole_blocked_queries{})"), "blocked"),
                    Query(on_nodes("sum by (site) (dnsha_pihole_cached_queries{})"), "from the cache"),
                    Query(on_nodes("sum by (site) (dnsha_pihole_forwarded_queries{})"), "asked Unbound"),
                    unit="short",
                    stacked=True,
                ),
                time_series(
                    "Queries to each node",
                    "Queries that each Pi-hole counted: the node with the virtual IP has nearly all of them.",
                    Query(on_nodes("sum by (node) (dnsha_pihole_queries{})"), "{{node}}"),
                    node="node",
                    unit="short",
                ),
            ],
        ),
        Row(
            "By name, with PIHOLE_TOP=yes",
            [
                table(
                    "Most frequent",
                    "The ten most frequent domains, blocked domains and clients of each Pi-hole in the last 24 hours.",
                    Query(
                        on_nodes("max by (node, top, name) (dnsha_pihole_top_queries{})"), instant=True, format="table"
                    ),
                    columns=[
                        Column("node", "Node", width=120),
                        Column("top", "What", width=120),
                        Column("name", "Name"),
                        Column("Value", "Queries", unit="short"),
                    ],
                    sort="Queries",
                    descending=True,
                ),
            ],
        ),
        Row(
            "Unbound",
            [
                time_series(
                    "Queries by type",
                    "Queries a second to all chosen Unbounds, without TXT, which the stack itself asks for.",
                    Query(
                        on_nodes(
                            "sum by (query_type) "
                            '(rate(dnsha_unbound_queries_by_type_total{query_type!="TXT"}[$__rate_interval]))'
                        ),
                        "{{query_type}}",
                    ),
                    unit="reqps",
                    stacked=True,
                    legend="table",
                ),
                time_series(
                    "Answered from the cache",
                    "Share of the queries, without TXT, that needed no other server.",
                    Query(
                        on_nodes(
                            "clamp_min(1 - sum by (node) (rate(dnsha_unbound_cache_misses_total{}[$__rate_interval]))"
                            f" / (sum by (node) ({_ASKED}) > 0), 0)"
                        ),
                        "{{node}}",
                    ),
                    node="node",
                    unit="percentunit",
                    maximum=1,
                ),
                time_series(
                    "Time of the internet's servers",
                    "95 of 100 queries that needed other servers had an answer in this time.",
                    Query(
                        on_nodes(
                            "histogram_quantile(0.95, sum by (node, le) "
                            "(rate(dnsha_unbound_recursion_duration_seconds_bucket{}[$__rate_interval])))"
                        ),
                        "{{node}}, 95 %",
                    ),
                    node="node",
                    unit="s",
                ),
                time_series(
                    "SERVFAIL",
                    "Answers a second that said SERVFAIL.",
                    Query(
                        on_nodes(
                            'sum by (node) (rate(dnsha_unbound_responses_total{rcode="SERVFAIL"}[$__rate_interval]))'
                        ),
                        "{{node}}",
                    ),
                    node="node",
                    unit="reqps",
                ),
                time_series(
                    "Refused by DNSSEC",
                    "Answers a second that were bogus: forged, or a mistake of the domain's owner.",
                    Query(
                        on_nodes("sum by (node) (rate(dnsha_unbound_bogus_answers_total{}[$__rate_interval]))"),
                        "{{node}}",
                    ),
                    node="node",
                    unit="reqps",
                ),
            ],
        ),
    ],
)
