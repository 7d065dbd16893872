"""Queries, and the PromQL that several panels share.

In PromQL here every selector is written with braces, ``{}`` where it has no matchers of its own: a scope adds its own
matchers to each. Grafana fills the variables in.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from alerts.thresholds import TEMPERATURE_IMPOSSIBLE_CELSIUS

# A node may be away for so long, as for a reboot or a repair, and what it says then is compared with what it said last.
AWAY: Final = "6h"
_SELECTOR: Final = re.compile(r"[\w:]+\{[^}]*\}")

Format = Literal["time_series", "table", "heatmap"]


@dataclass(frozen=True, slots=True)
class Query:
    """One query of a panel; ``instant`` asks for the end of the time range alone, ``step`` for no smaller steps."""

    promql: str
    legend: str = ""
    instant: bool = False
    format: Format = "time_series"
    step: str | None = None


def with_matcher(promql: str, matchers: str) -> str:
    """Give every selector more matchers."""
    return promql.replace("{", "{" + matchers + ",").replace(",}", "}")


def in_site(promql: str) -> str:
    """All nodes of the chosen site."""
    return with_matcher(promql, 'site="$site"')


def on_nodes(promql: str) -> str:
    """The chosen nodes of the chosen site."""
    return with_matcher(promql, 'site="$site",node=~"$node"')


def in_sites(promql: str) -> str:
    """All nodes of all chosen sites."""
    return with_matcher(promql, 'site=~"$site"')


# A server is ADDRESS:PORT, IPv6 in brackets; the virtual IP is its address.
def with_vip(promql: str) -> str:
    """Give series of probes through a virtual IP the label ``vip``."""
    return f'label_replace({promql}, "vip", "$1", "server", "\\\\[?(.+?)\\\\]?:[0-9]+")'


def known(promql: str, by: str) -> str:
    """Of failovers leave out what says that nobody else had it where the node that had was seen a moment later.

    ``{}`` in the query is where they are selected; ``by`` are the labels that tell them apart.
    """
    matchers = ('from!~"itself|nobody"', 'from="itself"', 'from="nobody"')
    return f" or on ({by}) ".join(promql.replace("{}", f"{{{matcher}}}") for matcher in matchers)


# One number for a VRRP instance's state; style.VRRP_STATE has the words.
VRRP_STATE: Final = (
    "sum by (node, vrrp_instance) ("
    'dnsha_vrrp_state{state="backup"}'
    ' or 2 * dnsha_vrrp_state{state="master"}'
    ' or 3 * dnsha_vrrp_state{state="stopped"}'
    ' or 4 * dnsha_vrrp_state{state="init"}'
    ' or 5 * dnsha_vrrp_state{state="fault"})'
)

# How many nodes could answer as the owner. -1 is a node that is alone on purpose: it is never redundant.
READY: Final = (
    '(-1 * max by (site) (dnsha_node_info{role="standalone"}) or sum by (site) (site_node:dnsha_ready:bool{}))'
)

# Seconds by which a task's last success is too old. One that never succeeded is overdue by all that it may be old; a
# drill is not, since the first one waits for somebody who wants it.
OVERDUE: Final = (
    "(site_node_task:dnsha_sync_overdue:seconds{} or on (site, node, task)"
    ' max by (site, node, task) (dnsha_sync_maximum_age_seconds{task!="drill"}))'
)
_LATEST: Final = f"max by (site) ({OVERDUE})"

# 1: something differs between the nodes, 2: a task is overdue, 4: the nodes do not reach each other, so that nobody
# knows whether something differs; -1 where nothing is watched.
_SYNC: Final = (
    f"(max by (site) (dnsha_sync_drifted{{}}) or 4 * max by (site) (dnsha_peer_up{{}} == bool 0) or 0 * {_LATEST})"
    f" + 2 * ({_LATEST} > bool 0)"
)

# node_exporter's name for it depends on the machine; unconnected sensors tell nonsense.
TEMPERATURE: Final = (
    "max by (site, node) ("
    f"(node_thermal_zone_temp{{}} or node_hwmon_temp_celsius{{}}) < {TEMPERATURE_IMPOSSIBLE_CELSIUS})"
)
DISK: Final = 'fstype!~"tmpfs|ramfs|overlay|squashfs|fuse.*|nfs.*|vfat"'
CARD: Final = 'device=~"mmcblk[0-9]+|sd[a-z]+|nvme[0-9]+n[0-9]+|vd[a-z]+"'


def failed(by: str, matchers: str = "") -> str:
    """Queries a second without a good answer.

    Not the sum of the failures by reason: a reason's counter appears with its first failure, which rate() cannot see.
    """
    rates = [
        f"sum by ({by}) (rate(dnsha_resolve_{name}{{{matchers}}}[$__rate_interval]))"
        for name in ("queries_total", "duration_seconds_count")
    ]
    return f"clamp_min({' - '.join(rates)}, 0)"


def unless_nothing(promql: str, by: str, number: float, witness: str = 'up{job="dnsha"} == 1') -> str:
    """What a query says, and a number where it says nothing though Prometheus has data, as the witness tells.

    The number has a word of its own, such as "no sensor"; where there is no data at all, "no data" is said.
    """
    return f"({promql}) or on ({by}) (0 * max by ({by}) ({witness}) + {number:g})"


SYNC: Final = unless_nothing(_SYNC, "site", -1)


def _step_before(promql: str) -> str:
    return promql.replace("}", "} offset $__interval")


def _last_before(promql: str) -> str:
    """What was last said a step before or earlier: just then a node may have been away."""
    return _SELECTOR.sub(rf"last_over_time(\g<0>[{AWAY}] offset $__interval)", promql)


def changed(promql: str) -> str:
    """What a query says where that differs from a step before."""
    return f"({promql}) != ({_last_before(promql)})"


def grown(counter: str) -> str:
    """By how much a counter grew within a step, where it did.

    Unlike increase() it needs no second sample within the step, and over $__rate_interval, which is longer than a step,
    that would count an event in several.
    """
    return f"({counter} - {_last_before(counter)}) > 0"


def count_of(by: str, counter: str) -> str:
    """By how much a counter grew within each step, 0 where it did not: nothing at all is no data."""
    return f"sum by ({by}) ({grown(counter)}) or 0 * sum by ({by}) ({counter})"


def began(promql: str) -> str:
    """What is there and was not a step before."""
    return f"({promql}) unless ({_step_before(promql)})"
