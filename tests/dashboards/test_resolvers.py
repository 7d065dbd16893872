"""What the dashboard Resolvers and its tiles on Overview make of figures that are known, as promtool computes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from dashboards import style
from tests.dashboards.made_up import node, query, verdict

NOW = 3000
UP = {f"up{{{node(name)}}}": "1x700" for name in ("alpha", "beta")}
SITE = '{site="home"}'

pytestmark = pytest.mark.usefixtures("prometheus_tools")


def tile(title: str) -> str:
    return query("overview", title)


def gauges(metric: str, alpha: float, beta: float) -> dict[str, str]:
    values = {"alpha": alpha, "beta": beta}
    return {f"dnsha_pihole_{metric}{{{node(name)}}}": f"{value:g}x700" for name, value in values.items()}


def grows(metric: str, each_scrape: float, labels: str = "", name: str = "alpha") -> dict[str, str]:
    return {f"dnsha_unbound_{metric}{{{node(name)}{labels}}}": f"0+{each_scrape:g}x700"}


def test_the_pair_blocks_only_if_both_nodes_do(tmp_path: Path) -> None:
    for alpha, beta, pair in ((1, 1, 1.0), (1, 0, 0.0)):
        series = UP | gauges("blocking_enabled", alpha, beta)
        assert verdict(tmp_path, series, NOW, {tile("Does it block?"): {SITE: pair}}) == ""


def test_the_share_blocked_is_of_the_queries_to_both_nodes(tmp_path: Path) -> None:
    series = UP | gauges("queries", 900, 100) | gauges("blocked_queries", 200, 50)
    assert verdict(tmp_path, series, NOW, {tile("Blocked, last 24 hours"): {SITE: 0.25}}) == ""


def test_the_older_lists_count(tmp_path: Path) -> None:
    series = UP | gauges("gravity_last_update_timestamp_seconds", 2000, 500)
    assert verdict(tmp_path, series, NOW, {tile("Age of the blocklists"): {SITE: 2500.0}}) == ""


@pytest.mark.parametrize("title", ["Does it block?", "Blocked, last 24 hours", "Age of the blocklists"])
def test_a_pair_whose_piholes_nobody_asks_says_so(tmp_path: Path, title: str) -> None:
    assert verdict(tmp_path, UP, NOW, {tile(title): {SITE: style.NOTHING}}) == ""


def test_what_the_stack_itself_asks_is_no_hit_of_the_cache(tmp_path: Path) -> None:
    """10 queries a scrape, 6 of them for the canary; 1 of the clients' 4 missed: 75 % were answered from the cache."""
    series = (
        UP
        | grows("queries_total", 10)
        | grows("queries_by_type_total", 6, ',query_type="TXT"')
        | grows("queries_by_type_total", 4, ',query_type="A"')
        | grows("cache_misses_total", 1)
        | {f'dnsha_node_info{{{node("alpha")},role="primary"}}': "1x700"}
    )
    answers = {query("resolvers", "Answered from the cache"): {'{node="alpha"}': 0.75}}
    assert verdict(tmp_path, series, NOW, answers) == ""


def test_an_unbound_that_nobody_asks_anything_has_no_share_instead_of_a_wrong_one(tmp_path: Path) -> None:
    series = (
        UP
        | grows("queries_total", 6)
        | grows("queries_by_type_total", 6, ',query_type="TXT"')
        | grows("cache_misses_total", 0)
    )
    assert verdict(tmp_path, series, NOW, {query("resolvers", "Answered from the cache"): {}}) == ""
