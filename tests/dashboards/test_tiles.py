"""Tiles say what is so now, of what was in the time shown, and nothing of before."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from alerts import thresholds
from dashboards import style
from dashboards.preview.replay import RULES
from tests.dashboards.documents import boards, panels
from tests.dashboards.made_up import node, query, verdict
from tests.dashboards.shown import mapped, threshold_color

PROBE = 'target="vip",server="192.0.2.53:53",family="ipv4",protocol="udp"'
LAST, ALL = (f"dnsha_resolve_{name}{{{node('alpha')},{PROBE}}}" for name in ("last_outage_seconds",
                                                                              "outage_seconds_total"))  # fmt: skip
VIP = '{vip="192.0.2.53"}'
LONGEST = query("overview", "Longest outage, in the time shown")
OWNER = [query("overview", "Who owns the virtual IP?", ref_id) for ref_id in "ABC"]

pytestmark = pytest.mark.usefixtures("prometheus_tools")


@pytest.mark.parametrize(
    "last, total, longest",
    [
        ("900x1500", "900x1500", 0.0),  # the outage was before
        ("900x800 9x700", "900x800 909x700", 9.0),
        ("_x700 9x40 30x30 2x800", "0x699 9x41 39x31 41x800", 30.0),
        ("900x800 stale _x19 9x700", "900x800 0x20 9x700", 9.0),  # the exporter was started again
        ("_x1500", "0x1500", 0.0),
    ],
    ids=["long before", "a short one since", "the longest of three", "after a restart", "none ever"],
)
@pytest.mark.parametrize("step", [5, 15, 60])
def test_the_longest_outage_is_one_of_the_time_shown(
    tmp_path: Path, last: str, total: str, longest: float, step: int
) -> None:
    assert verdict(tmp_path, {LAST: last, ALL: total}, 6000, {LONGEST: {VIP: longest}}, step=step) == ""


def test_an_address_without_an_owner_has_its_tile_beside_one_with(tmp_path: Path) -> None:
    series = {
        f'dnsha_vip_owned{{{node(name)},vip="{vip}",family="ipv4"}}': values
        for name, vip, values in (
            ("alpha", "192.0.2.53", "0x60"),
            ("beta", "192.0.2.53", "1x60"),
            ("alpha", "192.0.2.54", "0x60"),
            ("beta", "192.0.2.54", "0x60"),
        )
    }
    owned, nobody, nothing = OWNER
    answers = {owned: {'{node="beta",vip="192.0.2.53"}': 1.0}, nobody: {'{vip="192.0.2.54"}': 0.0}, nothing: {}}
    assert verdict(tmp_path, series, 250, answers) == ""


def test_of_a_silent_site_nothing_is_claimed(tmp_path: Path) -> None:
    series = {f'dnsha_vip_owned{{{node("alpha")},vip="192.0.2.53",family="ipv4"}}': "1x20 stale _x39"}
    owned, nobody, nothing = OWNER
    assert verdict(tmp_path, series, 250, {owned: {}, nobody: {}, nothing: {"{}": -1.0}}) == ""


def test_an_unconnected_sensor_heats_no_node(tmp_path: Path) -> None:
    series = {
        f'node_thermal_zone_temp{{{node("alpha")},zone="0",type="cpu"}}': "51x60",
        f'node_hwmon_temp_celsius{{{node("alpha")},chip="a",sensor="temp1"}}': "125x60",
    }
    for title in ("Temperature", "Temperature, over time"):
        answer = {'{node="alpha",site="home"}': 51.0}
        assert verdict(tmp_path, series, 250, {query("node", title): answer}) == ""


@pytest.mark.parametrize(
    "board, title, value, color",
    [
        ("node", "Space free", thresholds.DISK_FREE - 0.001, style.WARNING),
        ("node", "Space free", thresholds.DISK_FREE, style.GOOD),
        ("node", "Memory free", thresholds.MEMORY_FREE - 0.001, style.WARNING),
        ("node", "Memory free", thresholds.MEMORY_FREE, style.GOOD),
        ("node", "Temperature", thresholds.TEMPERATURE_CELSIUS, style.WARNING),
        ("node", "Temperature", thresholds.TEMPERATURE_CELSIUS - 1, style.GOOD),
        ("node", "Temperature", -5.0, style.GOOD),
        ("overview", "Answered, in the time shown", 0.86, style.CRITICAL),
        ("overview", "Answered, in the time shown", 1 - thresholds.ERROR_BUDGET, style.WARNING),
        ("overview", "Answered, in the time shown", 1.0, style.GOOD),
        ("overview", "Who owns the virtual IP?", 0.0, style.CRITICAL),
        ("overview", "Who owns the virtual IP?", 1.0, style.GOOD),
        ("overview", "Who owns the virtual IP?", -1.0, style.UNKNOWN),
        ("overview", "Versions", -1.0, style.UNKNOWN),
    ],
)
def test_a_tile_is_as_grave_as_the_alert(board: str, title: str, value: float, color: str) -> None:
    (panel,) = (panel for panel in panels(boards()[board]) if panel["title"] == title)
    assert threshold_color(value, panel["fieldConfig"]["defaults"]["thresholds"]["steps"]) == color


@pytest.mark.parametrize("share", [0.0, 0.4, 0.6, 0.9, 1.1, 50.0])
def test_the_share_answered_and_the_error_budget_used_have_one_colour(share: float) -> None:
    def color(board: str, title: str, value: float) -> str:
        (panel,) = (panel for panel in panels(boards()[board]) if panel["title"] == title)
        return threshold_color(value, panel["fieldConfig"]["defaults"]["thresholds"]["steps"])

    answered = color("overview", "Answered, in the time shown", 1 - share * thresholds.ERROR_BUDGET)
    assert answered == color("dns", "Error budget used, in the time shown", share)


@pytest.mark.parametrize("board", ["overview", "fleet"])
def test_the_gravest_alerts_come_first(tmp_path: Path, board: str) -> None:
    severities = {
        rule["labels"]["severity"]
        for file in RULES.glob("*.yaml")
        for group in yaml.safe_load(file.read_text())["groups"]
        for rule in group["rules"]
        if "alert" in rule
    }
    assert severities <= {*style.SEVERITIES}
    series = {
        f'ALERTS{{alertname="{severity.title()}",alertstate="firing",severity="{severity}",site="home"}}': "1x60"
        for severity in style.SEVERITIES
    }
    rows = {
        f'{{alertname="{severity.title()}",site="home"}}': number
        for number, severity in ((1.0, "critical"), (2.0, "warning"), (3.0, "info"))
    }
    assert verdict(tmp_path, series, 250, {query(board, "Alerts now"): rows}) == ""
    for number, severity in ((1.0, "critical"), (2.0, "warning"), (3.0, "info")):
        word = mapped(number, style.SEVERITY)
        assert word is not None
        assert word[0] == severity


CONTAINER, EVENT = 'container="pihole"', 'event="die"'
DIED = f"dnsha_container_events_total{{{node('alpha')},{CONTAINER},{EVENT}}}"
BEGAN = f"dnsha_resolve_outages_total{{{node('alpha')},{PROBE}}}"
DIGEST = f'dnsha_sync_content_digest{{{node("alpha")},content="pihole"}}'


@pytest.mark.parametrize("step", [5, 15, 60])
def test_an_event_is_counted_in_one_step(tmp_path: Path, step: int) -> None:
    events = {
        query("node", "What Docker told"): f'{{node="alpha",{CONTAINER},{EVENT},what="pihole: die"}}',
        query("dns", "Outages, by path"): '{target="vip"}',
        query("sync", "When content changed"): '{node="alpha",content="pihole"}',
    }
    none = {
        query("node", "What Docker told"): {'{node="alpha",what="nothing"}': 0.0},
        query("dns", "Outages, by path"): {'{target="vip"}': 0.0},
        query("sync", "When content changed"): {'{node="alpha",content="pihole"}': 0.0},
    }
    once = dict.fromkeys((DIED, BEGAN, DIGEST), "3x119 4x200")  # 4 from 600 seconds on
    once[f"dnsha_container_running{{{node('alpha')},{CONTAINER}}}"] = "1x320"
    for moment in (600 - step, 600, 600 + step):
        answers = none
        if moment == 600:
            answers = {promql: {labels: 1.0} for promql, labels in events.items()}
            answers[query("node", "What Docker told")] |= none[query("node", "What Docker told")]
        assert verdict(tmp_path, once, moment, answers, step=step) == ""
