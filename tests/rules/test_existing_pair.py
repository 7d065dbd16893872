"""Given a pair that is not the stack's, then rules about what it has not are silent, and the others are told."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from tests.rules.healthy import quiet
from tests.rules.standin_pair import Change, History, input_series
from tests.rules.tools import promtool_test_of

# As tests/lab_tests/test_existing_pair.py sees it: no health check, no helpers, no version and counters of keepalived,
# no containers and tasks, no recursor; and Prometheus has no job but the exporters'.
ABSENT = re.compile(
    r'.*job="node"|dnsha_(helper|health|container|sync|keepalived_info|vrrp_(base|instance|errors|adverts))'
    r'|.*target="unbound"|.*collector="(health|containers|sync)"'
)


def fires(tmp_path: Path, changes: list[Change], expected: list[dict[str, Any]]) -> str:
    series = [
        one for one in input_series(History(changes), 6 * 3600, scrape=60, step=60) if not ABSENT.match(one["series"])
    ]
    return promtool_test_of(tmp_path, "3m", [{"interval": "1m", "input_series": series, "promql_expr_test": expected}])


def test_a_healthy_one_fires_nothing(tmp_path: Path) -> None:
    assert fires(tmp_path, [], quiet("6h")) == ""


def test_a_dead_keepalived_is_told(tmp_path: Path) -> None:
    lost = 'max by (alertname) (ALERTS{alertstate="firing",alertname="DnsHaServiceDown",node="beta"})'
    told = {"expr": lost, "eval_time": "90m", "exp_samples": [{"labels": '{alertname="DnsHaServiceDown"}', "value": 1}]}
    assert fires(tmp_path, [Change(3600, "beta", {"keepalived": False})], [told]) == ""
