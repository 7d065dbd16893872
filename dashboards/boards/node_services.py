"""What runs on a node: its containers, what is beside keepalived, and its exporter. Rows of the Node dashboard."""

from __future__ import annotations

from alerts.thresholds import CLOCK_DIFFERENCE_SECONDS
from dashboards import style
from dashboards.panels import Column, state_timeline, table, time_series
from dashboards.queries import Query, count_of, grown, on_nodes

CONTAINERS = [
    state_timeline(
        "Containers",
        "Whether each container that should run on the node does.",
        Query(on_nodes("max by (node, container) (dnsha_container_running{})"), "{{node}} · {{container}}"),
        mappings=style.UP,
        unit="bool",
        height=14,
    ),
    table(
        "Containers now",
        "State, health, restarts by Docker, lack of memory and exit code of each container that should run.",
        Query(on_nodes("max by (node, container, state) (dnsha_container_state{})"), instant=True, format="table"),
        Query(on_nodes("max by (node, container, health) (dnsha_container_health{})"), instant=True, format="table"),
        Query(on_nodes("max by (node, container) (dnsha_container_restarts_total{})"), instant=True, format="table"),
        Query(on_nodes("max by (node, container) (dnsha_container_oom_killed{})"), instant=True, format="table"),
        Query(on_nodes("max by (node, container) (dnsha_container_exit_code{})"), instant=True, format="table"),
        Query(
            on_nodes("1000 * max by (node, container) (dnsha_container_start_timestamp_seconds{})"),
            instant=True,
            format="table",
        ),
        columns=[
            Column("node", "Node"),
            Column("container", "Container"),
            Column("state", "State"),
            Column("health", "Health"),
            Column("Value #C", "Restarts", unit="short"),
            Column("Value #D", "Out of memory", unit="bool", mappings=style.ALARM),
            Column("Value #E", "Exit code", unit="none"),
            Column("Value #F", "Started", unit="dateTimeFromNow"),
        ],
        sort="Container",
        height=12,
    ),
    time_series(
        "What Docker told",
        "Events of containers within each step: ends, failed health checks, lack of memory.",
        Query(
            on_nodes(
                "label_join(sum by (node, container, event) ("
                f'{grown("dnsha_container_events_total{}")}), "what", ": ", "container", "event")'
                ' or label_replace(0 * max by (node) (dnsha_container_running{}), "what", "nothing", "", "")'
            ),
            "{{node}} · {{what}}",
        ),
        failures=True,
        legend="table",
        unit="short",
        bars=True,
        stacked=True,
    ),
    time_series(
        "Restarts",
        "Restarts by Docker since each container was made.",
        Query(on_nodes("max by (node, container) (dnsha_container_restarts_total{}) > 0"), "{{node}} · {{container}}"),
        failures=True,
        legend="table",
        unit="short",
        steps=True,
    ),
]

HEALTH_CHECK = [
    state_timeline(
        "Health check",
        "What the health check beside keepalived finds: chain is this node's Pi-hole and Unbound, address is its own "
        "address on its interface, world is names of the internet. A node that fails gives the virtual IP away, for "
        "world only if they resolve on the other one. A gap: it did not report.",
        Query(on_nodes("min by (node, question) (dnsha_health_ok{})"), "{{node}} · {{question}}"),
        mappings=style.HEALTH,
        unit="bool",
        width=12,
        height=8,
    ),
    state_timeline(
        "Beside keepalived",
        "Whether the health check and the recorder run, and report. A gap: keepalived is dead, or nobody says.",
        Query(on_nodes("min by (node, process) (dnsha_helper_up{})"), "{{node}} · {{process}}"),
        mappings=style.UP,
        unit="bool",
        width=12,
        height=8,
    ),
    time_series(
        "Started again",
        "Times within each step that the health check or the recorder died or hung, and was started again.",
        Query(
            on_nodes(count_of("node, process", "dnsha_helper_starts_total{}")),
            "{{node}} · {{process}}",
        ),
        failures=True,
        unit="short",
        bars=True,
        stacked=True,
        width=24,
    ),
]

EXPORTER = [
    state_timeline(
        "Collectors",
        "Whether each of the exporter's collectors had data. One that fails costs its own samples and nothing else.",
        Query(on_nodes("min by (node, collector) (dnsha_scrape_collector_success{})"), "{{node}} · {{collector}}"),
        mappings=style.YES,
        unit="bool",
        height=10,
    ),
    time_series(
        "Time of collectors",
        "Time that each collector took for the last scrape.",
        Query(
            on_nodes("max by (node, collector) (dnsha_scrape_collector_duration_seconds{})"), "{{node}} · {{collector}}"
        ),
        node="node",
        legend="table",
        unit="s",
    ),
    time_series(
        "The other node's exporter",
        "Time that the other node's exporter took to answer this one.",
        Query(on_nodes("max by (node) (dnsha_peer_query_duration_seconds{})"), "{{node}}"),
        node="node",
        unit="s",
    ),
    time_series(
        "Clocks",
        "The other node's clock minus this one's; the dashed line is where it becomes an alert.",
        Query(on_nodes("max by (node) (dnsha_peer_clock_offset_seconds{})"), "{{node}}"),
        node="node",
        unit="s",
        minimum=None,
        line=CLOCK_DIFFERENCE_SECONDS,
    ),
    state_timeline(
        "Reaches the other node",
        "Whether the other node's exporter answered this one.",
        Query(on_nodes("max by (node) (dnsha_peer_up{})"), "{{node}}"),
        mappings=style.UP,
        unit="bool",
        width=12,
        height=8,
    ),
    table(
        "Who is who",
        "Role, address and versions of each node.",
        Query(on_nodes("max by (node, role, address) (dnsha_node_info{})"), instant=True, format="table"),
        Query(on_nodes("max by (node, version, python) (dnsha_build_info{})"), instant=True, format="table"),
        Query(
            on_nodes('max by (node, keepalived) (label_join(dnsha_keepalived_info{}, "keepalived", "", "version"))'),
            instant=True,
            format="table",
        ),
        columns=[
            Column("node", "Node"),
            Column("role", "Role"),
            Column("address", "Address"),
            Column("version", "Exporter"),
            Column("python", "Python"),
            Column("keepalived", "Keepalived"),
        ],
        sort="Node",
        width=12,
    ),
    time_series(
        "Lost address messages",
        "Times that the kernel dropped messages about addresses; the exporter then took a full look, so nothing is "
        "wrong.",
        Query(on_nodes("max by (node) (dnsha_vip_monitor_overruns_total{})"), "{{node}}"),
        node="node",
        unit="short",
        steps=True,
    ),
]
