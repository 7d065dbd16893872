"""Given a healthy pair that people look after, when a week passes, then nothing but the watchdog fires."""

from __future__ import annotations

from pathlib import Path

from tests.rules.healthy import DAY, MINUTE, drain, quiet, update
from tests.rules.standin_pair import Change, History, input_series
from tests.rules.tools import promtool_test_of


def test_a_week_of_daily_drains_and_one_update_fires_nothing(tmp_path: Path) -> None:
    changes: list[Change] = []
    for day in range(7):
        changes += drain("alpha" if day % 2 else "beta", day * DAY + 3 * 3600)
    changes += update("beta", 5 * DAY + 8 * 3600, "1.1") + update("alpha", 5 * DAY + 8 * 3600 + 20 * MINUTE, "1.1")
    series = input_series(History(changes), 7 * DAY, scrape=60, step=60)
    week = {"interval": "1m", "input_series": series, "promql_expr_test": quiet("7d")}
    # Coarse, because it is long; the same work at full resolution is below.
    assert promtool_test_of(tmp_path, "3m", [week]) == ""
