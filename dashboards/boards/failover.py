"""Failover: every move of the virtual IP with its outage, its evidence, and what happened around it."""

from __future__ import annotations

from dashboards import style
from dashboards.boards import shared
from dashboards.frame import Board
from dashboards.panels import Column, stat, state_timeline, table, time_series
from dashboards.queries import VRRP_STATE, Query, began, grown, in_site, known, on_nodes, with_vip
from dashboards.rows import Row

# alerts/templates/failover.yaml records every failover as series of its own, so that the time shown and its steps do
# not matter: "when" tells them apart.
_ONE = "from, to, when"
_RECORDED = "site_node_protocol_vip_from_to_when:dnsha_failover_outage"
_SEEN = f"max by (vip, {_ONE}) (max_over_time(site_vip_from_to_when:dnsha_failover:timestamp_seconds{{}}[$__range]))"
# As the probe that lost most; a probe's counter starts anew with its exporter.
_LOST = (
    f"max by (vip, {_ONE}) (clamp_min(max_over_time({_RECORDED}_after:seconds{{}}[$__range])"
    f" - min_over_time({_RECORDED}_before:seconds{{}}[$__range]), 0))"
)
_NOT_MEASURED = -1
_NONE = "max(site_node:dnsha_ready:bool{})"
for _label, _text in (("when", "0"), ("from", "–"), ("to", "no failover")):  # noqa: RUF001  a dash, as in tables
    _NONE = f'label_replace({_NONE}, "{_label}", "{_text}", "", "")'


def _table(promql: str) -> Query:
    return Query(in_site(promql), instant=True, format="table")


def _event(name: str, promql: str) -> Query:
    """Times at which something happened, as rows of a table with the words for it."""
    return Query(in_site(f'label_replace({promql}, "event", "{name}", "", "")'), format="table")


_MOVES = table(
    "Every move",
    "One row for each time that a node took virtual IPs: when, by its kernel's clock; which node had them before, or "
    "itself if it lost them for a moment; what was wrong there; and how long clients had no answer, by the probe that "
    "waited longest. A move that was undone before the next scrape is not seen.",
    _table(known(f"({_LOST} or on (vip, {_ONE}) (0 * {_SEEN} + {_NOT_MEASURED}))", "vip, to, when")),
    _table(
        known(
            f"max by ({_ONE}, why) (max_over_time(site_from_to_when_why:dnsha_failover:info{{}}[$__range]))",
            "to, when",
        )
    ),
    _table(f"{_NONE} unless on () {_SEEN}"),
    columns=[
        Column("when", "When", unit="dateTimeAsIso", mappings=style.states({0: style.State("–", style.UNKNOWN)}),  # noqa: RUF001
               painted=False, width=200),
        Column("from", "From", width=120),
        Column("to", "To", width=120),
        Column("vip (uniqueValues)", "Addresses", width=220),
        Column("why (uniqueValues)", "Why"),
        Column("Value #A (max)", "Without an answer", unit="s", width=150,
               mappings=style.states({_NOT_MEASURED: style.State("–", style.UNKNOWN)}), painted=False),  # noqa: RUF001
    ],
    grouped={"by": ("when", "from", "to"), "uniqueValues": ("vip", "why"), "max": ("Value #A",)},
    numbers=("when",),
    sort="When",
    descending=True,
    height=12,
)  # fmt: skip
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
