"""What the tiles say when a site is silent, a virtual IP has no owner, or a task never succeeded."""

from __future__ import annotations

from pathlib import Path

import pytest

from dashboards.style import READY_NODES, SYNC
from tests.dashboards.made_up import node, query, verdict
from tests.dashboards.shown import mapped

IN_SYNC = query("overview", "Is it in sync?")
SITES = [f'{{site="{site}"}}' for site in ("home", "cabin")]
NODES = ("alpha", "beta")

pytestmark = pytest.mark.usefixtures("prometheus_tools")


def pair(site: str, values: str = "1x60", up: str = "1x60") -> dict[str, str]:
    """Two healthy nodes of which alpha has the virtual IP; ``values`` is when they say so."""
    series: dict[str, str] = {}
    for name in NODES:
        labels, vip = node(name, site), 'vip="192.0.2.53",family="ipv4"'
        probe = 'target="vip",server="192.0.2.53:53",family="ipv4",protocol="udp"'
        series |= {
            f"up{{{labels}}}": up,
            f"dnsha_keepalived_up{{{labels}}}": values,
            f"dnsha_vip_owners{{{labels},{vip}}}": values,
            f"dnsha_resolve_up{{{labels},{probe}}}": values,
        }
    return series


def fleet(ref_id: str) -> str:
    return query("fleet", "All sites", ref_id)


def test_a_site_that_is_silent_counts_as_down_and_has_its_row(tmp_path: Path) -> None:
    home, cabin = SITES
    series = pair("home") | pair("cabin", "1x20 stale _x39", "1x20 0x39")
    answers = {
        query("fleet", "Sites"): {"{}": 2.0},
        query("fleet", "DNS down"): {"{}": 1.0},
        query("fleet", "Not redundant"): {"{}": 1.0},
        query("fleet", "Split brain or no owner"): {"{}": 0.0},
        fleet("A"): {home: 1.0, cabin: 0.0},
        fleet("C"): {home: 2.0, cabin: 0.0},
    }
    assert verdict(tmp_path, series, 250, answers, site="home|cabin", recorded=True) == ""


def test_one_virtual_ip_without_an_owner_is_seen_beside_one_that_has_one(tmp_path: Path) -> None:
    series = pair("home") | {f'dnsha_vip_owners{{{node(name)},vip="192.0.2.54"}}': "0x60" for name in NODES}
    answers = {query("fleet", "Split brain or no owner"): {"{}": 1.0}, fleet("B"): {SITES[0]: 0.0}}
    assert verdict(tmp_path, series, 250, answers, recorded=True) == ""


@pytest.mark.parametrize(
    "silent, alone, redundant", [(False, -1.0, 0.0), (True, 0.0, 1.0)], ids=["answers", "is silent"]
)
def test_a_node_that_is_alone_on_purpose_is_not_a_lost_redundancy(
    tmp_path: Path, *, silent: bool, alone: float, redundant: float
) -> None:
    home, cabin = SITES
    labels = node("solo", "cabin")
    values = "1x20 stale _x39" if silent else "1x60"
    series = pair("home") | {
        f"up{{{labels}}}": "1x20 0x39" if silent else "1x60",
        f'dnsha_node_info{{{labels},role="standalone"}}': values,
        f"dnsha_keepalived_up{{{labels}}}": values,
    }
    answers = {
        query("fleet", "Not redundant"): {"{}": redundant},
        fleet("C"): {home: 2.0, cabin: alone},
    }
    assert verdict(tmp_path, series, 250, answers, site="home|cabin", recorded=True) == ""
    word = mapped(alone, READY_NODES)
    assert word is not None
    assert word[0] == ("NO NODE READY" if silent else "STANDALONE")


AGE = 93600


def _tasks(success: str | None, drifted: str | None, peer: str = "1x60") -> dict[str, str]:
    """Two nodes, each with a backup; Unix time begins with the history."""
    series = {}
    for name in NODES:
        series[f'dnsha_sync_maximum_age_seconds{{{node(name)},task="backup"}}'] = f"{AGE}x60"
        series[f"dnsha_peer_up{{{node(name)}}}"] = peer
        if success is not None:
            series[f'dnsha_sync_last_success_timestamp_seconds{{{node(name)},task="backup"}}'] = success
        if drifted is not None:
            series[f'dnsha_sync_drifted{{{node(name)},content="pihole"}}'] = drifted
    return series


NEVER = {f'dnsha_sync_maximum_age_seconds{{{node("beta")},task="pihole"}}': "10800x60"}
DRILL = {f'dnsha_sync_maximum_age_seconds{{{node("beta")},task="drill"}}': "2764800x60"}


@pytest.mark.parametrize(
    "series, number, word",
    [
        (_tasks("0x60", "0x60"), 0, "IN SYNC"),
        (_tasks("0x60", "0x60") | DRILL, 0, "IN SYNC"),
        (_tasks("0x60", "1x60"), 1, "DIFFERENT"),
        (_tasks("0x60", "0x60") | NEVER, 2, "OVERDUE"),
        (_tasks(None, "0x60"), 2, "OVERDUE"),
        (_tasks(None, "1x60"), 3, "OVERDUE AND DIFFERENT"),
        (_tasks("0x60", None, "0x60"), 4, "OTHER NODE SILENT"),
        (_tasks("0x60", None, "0x60") | NEVER, 6, "OVERDUE"),
        (_tasks("0x60", None), 0, "IN SYNC"),  # nothing is shared
    ],
    ids=["all is well", "no drill yet", "drift", "one task never", "no task ever", "drift, no task ever", "peer dead",
         "peer dead, one task never", "backups alone"],
)  # fmt: skip
def test_in_sync_is_said_only_of_what_is(tmp_path: Path, series: dict[str, str], number: int, word: str) -> None:
    assert verdict(tmp_path, series, 250, {IN_SYNC: {SITES[0]: float(number)}}, recorded=True) == ""
    shown = mapped(float(number), SYNC)
    assert shown is not None
    assert shown[0] == word


def test_a_task_that_never_succeeded_counts_as_overdue(tmp_path: Path) -> None:
    overdue = {'{node="alpha"}': 0.0, '{node="beta"}': 1.0}
    series = _tasks("0x60", "0x60") | NEVER
    assert verdict(tmp_path, series, 250, {query("sync", "Tasks overdue"): overdue}, recorded=True) == ""
