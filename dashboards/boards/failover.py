"""Failover: every move of the virtual IP with its outage, its evidence, and what happened around it."""

from __future__ import annotations

from dashboards import style
from dashboards.boards import shared
from dashboards.frame import Board
from dashboards.panels import Column, stat, state_timeline, table, time_series
from dashboards.queries import VRRP_STATE, Query, began, changed, grown, in_site, on_nodes, with_vip
from dashboards.rows import Row

_MOVE = "max by (node, vip) (dnsha_vip_last_transition_timestamp_seconds{})"
# An outage is counted when it ends, so just after the move; near the end of the time range "after" is not there yet.
# The move lies up to a step back, and the nodes are not scraped at the same moment: a step and a scrape.
_OUTAGES = 'dnsha_resolve_outage_seconds_total{target="vip"}'
_LOST = with_vip(f"(({_OUTAGES} offset -25s) or {_OUTAGES}) - ({_OUTAGES} offset $__rate_interval)")


def _event(name: str, promql: str) -> Query:
    """Times at which something happened, as rows of a table with the words for it."""
    return Query(in_site(f'label_replace({promql}, "event", "{name}", "", "")'), format="table")


def _at_moves(promql: str) -> str:
    """A value for each node and virtual IP, at the steps in which the virtual IP came or went there."""
    return in_site(f"({promql}) and on (node, vip) ({changed(_MOVE)})")


_MOVES = table(
    "Every move",
    "One row for each time that a node got or lost the virtual IP: when, to the kernel's own clock; whether the node "
    "has "
    "it since; how many of the pair own it as this node sees it; how long clients had no answer, as outages that "
    "ended within the step of the move or up to 25 seconds after tell. Moves "
    "within one step of the time shown share a row and the outages, so zoom in.",
    Query(in_site(f"1000 * ({changed(_MOVE)})"), format="table"),
    Query(_at_moves("max by (node, vip) (dnsha_vip_owned{})"), format="table"),
    Query(_at_moves("max by (node, vip) (dnsha_vip_owners{})"), format="table"),
    Query(
        _at_moves(f"max by (vip) ({_LOST}) * on (vip) group_right () (max by (node, vip) (dnsha_vip_owned{{}}) ^ 0)"),
        format="table",
    ),
    columns=[
        Column("Value #A", "When", unit="dateTimeAsIso"),
        Column("node", "Node"),
        Column("vip", "Virtual IP"),
        Column("Value #B", "Has it then", unit="bool", mappings=style.OWNER),
        Column("Value #C", "Owners then", unit="short", mappings=style.OWNERS),
        Column("Value #D", "Without an answer", unit="s"),
    ],
    sort="When",
    descending=True,
    height=12,
)
_EVENTS = table(
    "What happened",
    "Events from both nodes, to the step of the time shown: what VRRP, keepalived, DNS, containers and people did.",
    _event("has the virtual IP", f"max by (node) ({grown('dnsha_vip_acquisitions_total{}')})"),
    _event("gave the virtual IP up", f"max by (node) ({grown('dnsha_vip_releases_total{}')})"),
    _event("keepalived started", f"max by (node) ({grown('dnsha_keepalived_starts_total{}')})"),
    _event("keepalived's VRRP process died", f"max by (node) ({grown('dnsha_keepalived_child_exits_total{}')})"),
    Query(
        in_site(
            f"label_replace(max by (node, state) ({grown('dnsha_vrrp_transitions_total{}')}),"
            ' "event", "VRRP: now $1", "state", "(.+)")'
        ),
        format="table",
    ),
    Query(
        in_site(
            f'label_join({began("max by (node, problem) (site_node:dnsha_problem:info{})")}, "event", "", "problem")'
        ),
        format="table",
    ),
    Query(
        in_site(
            "label_join(max by (node, container, event) ("
            + grown("dnsha_container_events_total{}")
            + '), "event", ": ", "container", "event")'
        ),
        format="table",
    ),
    columns=[
        Column("Time", "When", unit="dateTimeAsIso", width=200),
        Column("node", "Node", width=120),
        Column("event", "What"),
    ],
    sort="When",
    descending=True,
    height=12,
)

BOARD = Board(
    uid="dnsha-failover",
    title="DNS HA / Failover",
    description="Every move of the virtual IP with its outage, its evidence, and what happened around it.",
    scope="nodes",
    time_range="now-24h",
    rows=[
        Row(
            "",
            [
                stat(
                    "Owners now",
                    "Nodes of the pair that own each virtual IP, counted by the nodes together.",
                    Query(in_site("max by (vip) (dnsha_vip_owners{})"), "{{vip}}"),
                    unit="short",
                    mappings=style.OWNERS,
                    text="value_and_name",
                ),
                stat(
                    "Last move",
                    "When a node last got or lost the virtual IP.",
                    Query(in_site("1000 * max by (vip) (dnsha_vip_last_transition_timestamp_seconds{})"), "{{vip}}"),
                    unit="dateTimeFromNow",
                    thresholds=style.NEUTRAL,
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
                    "Without an answer, in the time shown",
                    "Seconds in which queries through the virtual IP were not answered: the sum of all ended "
                    "outages, as the "
                    "probe that saw most of them did.",
                    Query(
                        in_site(
                            "max by (vip) ("
                            + with_vip('increase(dnsha_resolve_outage_seconds_total{target="vip"}[$__range])')
                            + ")"
                        ),
                        "{{vip}}",
                    ),
                    unit="s",
                    thresholds=style.NEUTRAL,
                    text="value_and_name",
                ),
            ],
        ),
        Row("Moves", [shared.ownership(on_nodes), _MOVES, _EVENTS]),
        Row(
            "Evidence",
            [
                state_timeline(
                    "VRRP state",
                    "The state of each VRRP instance, as keepalived told it. A dead keepalived is never a master.",
                    Query(on_nodes(VRRP_STATE), "{{node}} · {{vrrp_instance}}"),
                    mappings=style.VRRP_STATE,
                ),
                state_timeline(
                    "Keepalived",
                    "Whether a keepalived process lives on the node.",
                    Query(on_nodes("max by (node) (dnsha_keepalived_up{})"), "{{node}}"),
                    mappings=style.UP,
                    unit="bool",
                    width=12,
                    height=5,
                ),
                state_timeline(
                    "Drained",
                    "Whether somebody asked the node to hand the virtual IP over, as an update does.",
                    Query(on_nodes("max by (node) (dnsha_drained{})"), "{{node}}"),
                    mappings=style.DRAINED,
                    unit="bool",
                    width=12,
                    height=5,
                ),
                state_timeline(
                    "DNS, as each node's probe sees it",
                    "The chain of the node: the virtual IP, its Pi-hole, its Unbound, and the other node.",
                    Query(
                        on_nodes('min by (node, target) (dnsha_resolve_up{protocol="udp"})'),
                        "{{node}} → {{target}}",
                    ),
                    mappings=style.ANSWERS,
                    overrides=[shared.THROUGH_VIP],
                    unit="bool",
                    height=9,
                ),
                time_series(
                    "Effective priority",
                    "The higher one owns the virtual IP: what is configured, minus what a failed health check or a "
                    "drain costs.",
                    Query(
                        on_nodes("max by (node, vrrp_instance) (dnsha_vrrp_effective_priority{})"),
                        "{{node}} · {{vrrp_instance}}",
                    ),
                    Query(
                        on_nodes("max by (node, vrrp_instance) (dnsha_vrrp_base_priority{})"),
                        "{{node}} · as configured",
                    ),
                    node="node",
                    unit="short",
                    minimum=None,
                    steps=True,
                ),
                time_series(
                    "Outages through the virtual IP",
                    "Length of the last outage that ended, as each node's probe saw it.",
                    Query(
                        on_nodes('max by (node, server, protocol) (dnsha_resolve_last_outage_seconds{target="vip"})'),
                        "{{node}} → {{server}} {{protocol}}",
                    ),
                    node="node",
                    legend="table",
                    unit="s",
                    steps=True,
                ),
            ],
        ),
        Row(
            "VRRP on the wire",
            [
                time_series(
                    "Advertisements",
                    "VRRP advertisements a second, sent and received. The master sends; the backup receives.",
                    Query(
                        on_nodes("sum by (node) (rate(dnsha_vrrp_advertisements_sent_total{}[$__rate_interval]))"),
                        "{{node}} sent",
                    ),
                    Query(
                        on_nodes("sum by (node) (rate(dnsha_vrrp_advertisements_received_total{}[$__rate_interval]))"),
                        "{{node}} received",
                    ),
                    node="node",
                    unit="pps",
                ),
                time_series(
                    "Refused advertisements",
                    "Advertisements that the filter before keepalived dropped or keepalived refused, by reason: a "
                    "foreign sender, another version, another interval.",
                    Query(
                        on_nodes("sum by (node, reason) (rate(dnsha_vrrp_errors_total{}[$__rate_interval]))"),
                        "{{node}}: {{reason}}",
                    ),
                    Query(
                        on_nodes("sum by (node, reason) (rate(dnsha_vrrp_adverts_dropped_total{}[$__rate_interval]))"),
                        "{{node}} dropped: {{reason}}",
                    ),
                    failures=True,
                    legend="table",
                    unit="pps",
                ),
                time_series(
                    "Contradictions on the wire",
                    "Advertisements and ARP answers that contradict this pair: a device with the virtual IP, forged "
                    "adverts, another router with our number, the peer with another version or interval. Other virtual "
                    "routers on the LAN are no contradiction.",
                    Query(
                        on_nodes(
                            "sum by (node, reason) "
                            '(rate(dnsha_conflict_advertisements_total{reason!="other_vrid"}[$__rate_interval]))'
                        ),
                        "{{node}}: {{reason}}",
                    ),
                    Query(
                        on_nodes("sum by (node, vip) (rate(dnsha_conflict_foreign_replies_total{}[$__rate_interval]))"),
                        "{{node}}: a stranger has {{vip}}",
                    ),
                    failures=True,
                    legend="table",
                    unit="pps",
                ),
                time_series(
                    "Masters that stopped",
                    "Advertisements of priority 0, by which a master says goodbye so that the other takes over at "
                    "once.",
                    Query(on_nodes("sum by (node) (dnsha_vrrp_priority_zero_sent_total{})"), "{{node}} sent"),
                    Query(on_nodes("sum by (node) (dnsha_vrrp_priority_zero_received_total{})"), "{{node}} received"),
                    node="node",
                    unit="short",
                    steps=True,
                ),
            ],
        ),
    ],
)
