"""Given the recording of a real pair through all that can happen, alerts fire when something lasted, and only then.

The recording has a sample a second, so what really was is known better than Prometheus knows it.
"""

from __future__ import annotations

import lzma
import re
from collections import defaultdict
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from tests.rules.promql import used
from tests.rules.standin_pair import shortened
from tests.rules.tools import REPOSITORY, load_rules, promtool_test_of

RECORDING = REPOSITORY / "tests" / "dashboards" / "recording.om.xz"
SCRAPE = 5
PHASES = {"alpha": 0, "beta": 2}  # seconds
# How long after its reason an alert may still fire: a window of three scrapes, and keep_firing_for.
AFTERGLOW = 90

Samples = dict[int, float]  # by the second of the recording


@cache
def recording() -> dict[tuple[str, str], Samples]:
    """Every sample, by metric and labels."""
    found: dict[tuple[str, str], dict[float, float]] = defaultdict(dict)
    with lzma.open(RECORDING, "rt") as lines:
        for line in lines:
            if not line.startswith("#"):
                series, value, time = line.rsplit(" ", 2)
                name, _, labels = series.partition("{")
                found[name, labels.removesuffix("}")][float(time)] = float(value)
    start = min(time for samples in found.values() for time in samples)
    return {key: {int(time - start): value for time, value in samples.items()} for key, samples in found.items()}


def duration() -> int:
    return max(second for samples in recording().values() for second in samples)


@cache
def selected(name: str, *matchers: str) -> list[Samples]:
    """The series of a metric that have all these labels."""
    return [
        samples
        for (metric, labels), samples in recording().items()
        if metric == name and all(matcher in labels for matcher in matchers)
    ]


def values(second: int, name: str, *matchers: str) -> list[float]:
    """The values of a metric in one second."""
    return [samples[second] for samples in selected(name, *matchers) if second in samples]


IPV4 = 'vip="192.0.2.53"'


def two_owners(second: int) -> bool:
    before, now = (sum(values(at, "dnsha_conflict_foreign_replies_total", IPV4)) for at in (second - 1, second))
    return sum(values(second, "dnsha_vip_owned", IPV4)) > 1 or now > before > 0


def known(second: int) -> bool:
    """Whether any exporter told anything: of what happens while both are silent nobody knows."""
    return 1.0 in values(second, "up", 'job="dnsha"')


def no_owner(second: int) -> bool:
    return known(second) and not any(values(second, "dnsha_vip_owned", IPV4))


def keepalived_dead(second: int) -> bool:
    return 0.0 in values(second, "dnsha_keepalived_up")


def vip_silent(second: int) -> bool:
    return known(second) and not any(
        values(second, "dnsha_resolve_up", 'target="vip"', 'protocol="udp"', 'family="ipv4"')
    )


# The alert, what really was, and for how many seconds that may go untold: a scrape, an evaluation, and its `for`.
CASES: list[tuple[str, Callable[[int], bool], int]] = [
    (f'alertname="DnsHaSplitBrain",{IPV4}', two_owners, 8),
    (f'alertname="DnsHaNoOwner",{IPV4}', no_owner, 14),
    ('alertname="DnsHaServiceDown",service="keepalived"', keepalived_dead, 14),
    (f'alertname="DnsHaVipNotAnswering",{IPV4}', vip_silent, 19),
]


def episodes(what: Callable[[int], bool]) -> list[tuple[int, int]]:
    """From when to when something was."""
    found: list[tuple[int, int]] = []
    for second in filter(what, range(1, duration() + 1)):
        if found and found[-1][1] == second - 1:
            found[-1] = (found[-1][0], second)
        else:
            found.append((second, second))
    return found


def test_what_lasted_is_told_and_what_did_not_is_not(tmp_path: Path) -> None:
    used_by_rules = {metric for rule in load_rules() for metric in used(rule["expr"]).matchers}
    series = []
    for (name, labels), samples in recording().items():
        if name not in used_by_rules:
            continue
        node = re.search(r'node="(\w+)"', labels)
        assert node is not None
        slots = ["_"] * (duration() + 1)
        before = False
        for second in range(PHASES[node[1]], duration() + 1, SCRAPE):
            if second in samples:
                slots[second] = f"{samples[second]:.17g}"
            elif before:
                slots[second] = "stale"
            before = second in samples
        series.append({"series": f"{name}{{{labels}}}", "values": shortened(slots)})
    checks: list[dict[str, Any]] = []
    for selector, what, patience in CASES:
        firing = f'count(ALERTS{{{selector},alertstate="firing"}})'
        happened = episodes(what)
        checks += [
            {"expr": firing, "eval_time": f"{begin + patience}s", "exp_samples": [{"labels": "{}", "value": 1}]}
            for begin, end in happened
            if end - begin >= patience
        ]
        checks += [
            {"expr": firing, "eval_time": f"{second}s", "exp_samples": []}
            for second in range(0, duration(), 2)
            if not any(begin <= second <= end + AFTERGLOW for begin, end in happened)
        ]
    assert any(check["exp_samples"] for check in checks), "the recording has nothing that lasted"
    case = {"interval": "1s", "input_series": series, "promql_expr_test": checks}
    assert promtool_test_of(tmp_path, "2s", [case], ("vip", "vrrp")) == ""
