"""Given an event, when Prometheus scrapes and judges, then the alert fires in time for the message to arrive.

The budget is from the event to the message at the phone, however the scrapes fall around the event.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from alerts import thresholds
from tests.rules.standin_pair import Change, History, input_series
from tests.rules.test_healthy_moves import PHASES
from tests.rules.tools import ALERTS, RULE_FILES, promtool_test_of

EVENT = 60.5
DELIVERY = 1  # second, from Alertmanager through the notifier to the phone's service

KEEPALIVED_DOWN, UNBOUND_DOWN = (f'DnsHaServiceDown,service="{service}"' for service in ("keepalived", "unbound"))
# Seconds from the event to the message.
BUDGETS = {
    "DnsHaSplitBrain": 20,
    "DnsHaNoOwner": 20,
    "DnsHaNodeDown": 200,  # it may be booting
    "DnsHaFailover": 30,
    "DnsHaFlapping": 30,
    KEEPALIVED_DOWN: 20,
    UNBOUND_DOWN: 30,
}


def seconds(duration: str) -> int:
    return int(duration.removesuffix("s"))


def group_wait(alert: str) -> int:
    """The longest that Alertmanager lets an alert wait, whether its group is new or not; a failover's always is."""
    routes = yaml.safe_load((ALERTS / "alertmanager" / "alertmanager.yaml").read_text())["route"]["routes"]
    own = [route for route in routes if any(alert in matcher for matcher in route["matchers"])]
    if own:
        return seconds(own[0]["group_wait"])
    return max(
        seconds(route[wait])
        for route in routes
        for wait in ("group_wait", "group_interval")
        if any("critical" in matcher or "warning" in matcher for matcher in route["matchers"])
    )


def split_brain(*, peers_see_each_other: bool) -> History:
    return History(
        [Change(EVENT, "alpha", {"keepalived": False}), Change(EVENT, "beta", {"owns": True})],
        peers_see_each_other=peers_see_each_other,
    )


def flapping() -> History:
    """The fifth move is the event."""
    changes = []
    for move in range(5):
        time = EVENT - 9 * (4 - move)
        to, source = ("beta", "alpha") if move % 2 == 0 else ("alpha", "beta")
        changes += [Change(time, to, {"owns": True}), Change(time + 0.01, source, {"owns": False})]
    return History(changes)


EVENTS = {
    "both nodes keep the address": ("DnsHaSplitBrain", split_brain(peers_see_each_other=True)),
    "both nodes keep it and do not see each other": ("DnsHaSplitBrain", split_brain(peers_see_each_other=False)),
    "nobody takes the address over": ("DnsHaNoOwner", History([Change(EVENT, "alpha", {"owns": False})])),
    "the owner dies": (
        "DnsHaNodeDown",
        History([Change(EVENT, "alpha", {"alive": False}), Change(EVENT + 0.35, "beta", {"owns": True})]),
    ),
    "the owner dies, and the address moves": (
        "DnsHaFailover",
        History([Change(EVENT, "alpha", {"alive": False}), Change(EVENT + 0.35, "beta", {"owns": True})]),
    ),
    "the standby dies": ("DnsHaNodeDown", History([Change(EVENT, "beta", {"alive": False})])),
    "keepalived is killed, the guard takes the address off": (
        KEEPALIVED_DOWN,
        History(
            [
                Change(EVENT, "alpha", {"keepalived": False, "owns": False}),
                Change(EVENT + 0.25, "beta", {"owns": True}),
            ]
        ),
    ),
    "the address moves for the fifth time": ("DnsHaFlapping", flapping()),
    "Unbound dies behind a live Pi-hole": (
        UNBOUND_DOWN,
        History(
            [
                Change(EVENT, "alpha", {"unbound": False}),
                Change(EVENT + 0.5, "beta", {"owns": True}),
                Change(EVENT + 0.51, "alpha", {"owns": False}),
            ]
        ),
    ),
}


@pytest.mark.parametrize("event", EVENTS)
def test_the_alert_fires_in_time_whenever_the_scrapes_fall(tmp_path: Path, event: str) -> None:
    what, history = EVENTS[event]
    alert, _, matcher = what.partition(",")
    interval = seconds(thresholds.FAST_EVALUATION)
    at = int(EVENT + BUDGETS[what] - group_wait(alert) - DELIVERY)
    firing = f'count(ALERTS{{alertname="{alert}",alertstate="firing",{matcher}}})'
    tests = [
        {
            "interval": "1s",
            "input_series": input_series(history, at, phases=phases),
            "promql_expr_test": [
                {"expr": firing, "eval_time": f"{int(EVENT)}s", "exp_samples": []},
                # The state of the last evaluation until then.
                {
                    "expr": firing,
                    "eval_time": f"{at // interval * interval}s",
                    "exp_samples": [{"labels": "{}", "value": 1}],
                },
            ],
        }
        for phases in PHASES
    ]
    own = next(path.stem for path in RULE_FILES if f"alert: {alert}\n" in path.read_text())
    assert promtool_test_of(tmp_path, f"{interval}s", tests, ("vip", own)) == ""
