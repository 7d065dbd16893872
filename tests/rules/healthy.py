"""What people do to a healthy pair, and that nothing may fire meanwhile."""

from __future__ import annotations

from typing import Any

from tests.rules.standin_pair import Change

DAY = 86400
MINUTE = 60


def drain(node: str, time: float, length: float = 10 * MINUTE) -> list[Change]:
    """Drain a node and take it back; the virtual IP goes to the other one and, being alpha's, comes back."""
    changes = [Change(time, node, {"drained": True}), Change(time + length, node, {"drained": False})]
    if node == "alpha":
        for moment, owner, other in ((time + 0.1, "beta", "alpha"), (time + length + 0.1, "alpha", "beta")):
            changes += [Change(moment, owner, {"owns": True}), Change(moment + 0.02, other, {"owns": False})]
    return changes


def update(node: str, time: float, version: str) -> list[Change]:
    """Drain a node and replace all its containers one after the other."""

    def stopped(what: str, begin: float, end: float) -> list[Change]:
        return [Change(time + begin, node, {what: False}), Change(time + end, node, {what: True})]

    return [
        *drain(node, time, 8 * MINUTE),
        *stopped("pihole", 60, 150),
        *stopped("unbound", 90, 110),
        *stopped("keepalived", 120, 140),
        *stopped("exporter", 130, 190),
        Change(time + 130, node, {"version": version}),
    ]


def quiet(at: str, *, matchers: str = "") -> list[dict[str, Any]]:
    """Expect that no alert has fired up to a time but the watchdog, and what is told of moves that are over."""
    firing = f'ALERTS{{alertstate="firing",alertname!~"DnsHaWatchdog|DnsHaFailover"{matchers}}}'
    return [{"expr": f"count_over_time({firing}[{at}])", "eval_time": at, "exp_samples": []}]
