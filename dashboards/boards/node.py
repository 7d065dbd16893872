"""Node: the health of each Raspberry Pi, its SD card, its containers, its health check and its exporter."""

from __future__ import annotations

from alerts.thresholds import (
    DISK_FREE,
    MEMORY_FREE,
    TEMPERATURE_CELSIUS,
    UNDER_VOLTAGE_MEMORY,
)
from dashboards import style
from dashboards.boards import node_services
from dashboards.frame import Board
from dashboards.panels import stat, state_timeline, time_series
from dashboards.queries import CARD, DISK, TEMPERATURE, Query, on_nodes, unless_nothing
from dashboards.rows import Row

_NO_SENSOR = -274  # °C; colder than anything can be
_COLDEST = -60  # °C; below 0 is no lack of a value
_FREE_MEMORY = "min by (node) (node_memory_MemAvailable_bytes{} / node_memory_MemTotal_bytes{})"
_FREE_DISK = f"min by (node, mountpoint) (node_filesystem_avail_bytes{{{DISK}}} / node_filesystem_size_bytes{{{DISK}}})"


def _low(warning: float) -> list[dict[str, object]]:
    """Thresholds for a share that should not be low: the alert's, whose severity is a warning."""
    return style.steps(style.UNKNOWN, (0, style.WARNING), (warning, style.GOOD))


_HEALTH = [
    stat(
        "Exporter",
        "Whether Prometheus reaches the exporter of DNS HA on the node.",
        Query(on_nodes('max by (node) (up{job="dnsha"})'), "{{node}}"),
        unit="bool",
        mappings=style.UP,
        text="value_and_name",
    ),
    stat(
        "Temperature",
        f"The hottest sensor. A Raspberry Pi slows down from {TEMPERATURE_CELSIUS} °C on.",
        Query(on_nodes(unless_nothing(TEMPERATURE, "site, node", _NO_SENSOR, "node_time_seconds{}")), "{{node}}"),
        unit="celsius",
        decimals=0,
        mappings=style.states({_NO_SENSOR: style.State("no sensor", style.UNKNOWN)}),
        thresholds=style.steps(style.UNKNOWN, (_COLDEST, style.GOOD), (TEMPERATURE_CELSIUS, style.WARNING)),
        text="value_and_name",
    ),
    stat(
        "Power too weak",
        f"Whether the voltage was too low within the last {UNDER_VOLTAGE_MEMORY}: crashes and a broken SD card follow.",
        # node_exporter takes the alarm for millivolts: it is 0.001.
        Query(
            on_nodes(
                unless_nothing(
                    "max by (node) "
                    f"(max_over_time(node_hwmon_in_lcrit_alarm_volts{{}}[{UNDER_VOLTAGE_MEMORY}])) > bool 0",
                    "node",
                    style.NOTHING,
                    "node_time_seconds{}",
                )
            ),
            "{{node}}",
        ),
        unit="bool",
        mappings=[*style.ALARM, *style.nothing("no sensor")],
        text="value_and_name",
    ),
    stat(
        "Space free",
        "Share of the fullest file system that is free.",
        Query(on_nodes(f"min by (node) ({_FREE_DISK})"), "{{node}}"),
        unit="percentunit",
        decimals=0,
        thresholds=_low(DISK_FREE),
        text="value_and_name",
    ),
    stat(
        "Memory free",
        "Share of the memory that programs could still get.",
        Query(on_nodes(_FREE_MEMORY), "{{node}}"),
        unit="percentunit",
        decimals=0,
        thresholds=_low(MEMORY_FREE),
        text="value_and_name",
    ),
    stat(
        "Clock synchronised",
        "Whether the kernel's clock follows a time server. DNSSEC and TLS need that.",
        Query(on_nodes("max by (node) (node_timex_sync_status{})"), "{{node}}"),
        unit="bool",
        mappings=style.YES,
        text="value_and_name",
    ),
    stat(
        "Up for",
        "Time since the node was booted.",
        Query(on_nodes("max by (node) (node_time_seconds{} - node_boot_time_seconds{})"), "{{node}}"),
        unit="s",
        thresholds=style.NEUTRAL,
        text="value_and_name",
    ),
    stat(
        "Containers that do not run",
        "Containers that should run on the node and do not.",
        Query(
            on_nodes(
                unless_nothing(
                    "count by (node) (dnsha_container_running{}) - sum by (node) (dnsha_container_running{})",
                    "node",
                    style.NOTHING,
                )
            ),
            "{{node}}",
        ),
        unit="short",
        mappings=style.nothing("NOT WATCHED"),
        thresholds=style.steps(style.UNKNOWN, (0, style.GOOD), (1, style.WARNING)),
        text="value_and_name",
    ),
]

_MACHINE = [
    time_series(
        "CPU",
        "Share of all cores that is busy.",
        Query(on_nodes('1 - avg by (node) (rate(node_cpu_seconds_total{mode="idle"}[$__rate_interval]))'), "{{node}}"),
        node="node",
        unit="percentunit",
        maximum=1,
    ),
    time_series(
        "Load",
        "Processes that run or wait, averaged over a minute.",
        Query(on_nodes("max by (node) (node_load1{})"), "{{node}}"),
        node="node",
        unit="short",
    ),
    time_series(
        "Temperature, over time",
        "The hottest sensor; the dashed line is where a Raspberry Pi slows down.",
        Query(on_nodes(TEMPERATURE), "{{node}}"),
        node="node",
        unit="celsius",
        minimum=None,
        line=TEMPERATURE_CELSIUS,
    ),
    time_series(
        "Memory free, over time",
        "Share of the memory that programs could still get.",
        Query(on_nodes(_FREE_MEMORY), "{{node}}"),
        node="node",
        unit="percentunit",
        maximum=1,
    ),
    time_series(
        "Network",
        "Bits a second, received and sent.",
        Query(
            on_nodes('8 * sum by (node) (rate(node_network_receive_bytes_total{device!="lo"}[$__rate_interval]))'),
            "{{node}} received",
        ),
        Query(
            on_nodes('8 * sum by (node) (rate(node_network_transmit_bytes_total{device!="lo"}[$__rate_interval]))'),
            "{{node}} sent",
        ),
        node="node",
        unit="bps",
    ),
    time_series(
        "Network errors",
        "Packets a second that a network card could not receive or send: a bad cable or port.",
        Query(
            on_nodes(
                'sum by (node) (rate(node_network_receive_errs_total{device!="lo"}[$__rate_interval])'
                ' + rate(node_network_transmit_errs_total{device!="lo"}[$__rate_interval]))'
            ),
            "{{node}}",
        ),
        node="node",
        unit="pps",
    ),
]

_CARD = [
    time_series(
        "Written",
        "Bytes a second written to the SD card or disk: what wears a card out.",
        Query(
            on_nodes(f"sum by (node, device) (rate(node_disk_written_bytes_total{{{CARD}}}[$__rate_interval]))"),
            "{{node}} {{device}}",
        ),
        node="node",
        unit="Bps",
    ),
    time_series(
        "Busy",
        "Share of the time in which the SD card or disk worked.",
        Query(
            on_nodes(f"max by (node, device) (rate(node_disk_io_time_seconds_total{{{CARD}}}[$__rate_interval]))"),
            "{{node}} {{device}}",
        ),
        node="node",
        unit="percentunit",
        maximum=1,
    ),
    time_series(
        "Space free, over time",
        "Share of each file system that is free.",
        Query(on_nodes(_FREE_DISK), "{{node}} {{mountpoint}}"),
        node="node",
        unit="percentunit",
        maximum=1,
    ),
    state_timeline(
        "Read-only",
        "Whether the kernel has made a file system read-only, as it does when a card fails.",
        Query(
            on_nodes(f"max by (node, mountpoint) (node_filesystem_readonly{{{DISK}}})"),
            "{{node}} {{mountpoint}}",
        ),
        mappings=style.ALARM,
        unit="bool",
        width=12,
        height=8,
    ),
]

BOARD = Board(
    uid="dnsha-node",
    title="DNS HA / Node",
    description="The health of each Raspberry Pi, its SD card, its containers and its exporter.",
    scope="nodes",
    rows=[
        Row("", _HEALTH),
        Row("Containers", node_services.CONTAINERS),
        Row("Health check", node_services.HEALTH_CHECK),
        Row("Machine", _MACHINE),
        Row("SD card", _CARD),
        Row("Exporter", node_services.EXPORTER),
    ],
)
