"""The Failover dashboard tells every move and what it cost, also when its steps are coarse or the node was away."""

from __future__ import annotations

from pathlib import Path

import pytest

from dashboards.preview.replay import Replay
from tests.dashboards.made_up import node, query, verdict

VIP = 'vip="192.0.2.53"'
ADDRESS = f'{VIP},family="ipv4"'
PROBE = 'target="vip",server="192.0.2.53:53",family="ipv4",protocol="udp"'
WHEN, WITHOUT_AN_ANSWER = query("failover", "Every move"), query("failover", "Every move", "D")

pytestmark = [pytest.mark.timeout(300), pytest.mark.usefixtures("prometheus_tools")]


@pytest.mark.parametrize("step", [5, 15, 60, 300])
@pytest.mark.parametrize("since", [0.5, 0.9])
def test_a_move_has_its_outage_at_every_step(tmp_path: Path, step: int, since: float) -> None:
    at = 600
    moved = at - step * since  # within the last step
    seen = -(-int(moved + 5) // 5)  # by a scrape
    series = {
        f"dnsha_vip_last_transition_timestamp_seconds{{{node('beta')},{ADDRESS}}}": f"0x{seen - 1} {moved}x200",
        f"dnsha_vip_owned{{{node('beta')},{ADDRESS}}}": f"0x{seen - 1} 1x200",
        f"dnsha_resolve_outage_seconds_total{{{node('beta')},{PROBE}}}": f"0x{seen - 1} 9.2x200",
    }
    row = f'{{node="beta",{VIP}}}'
    answers = {WHEN: {row: 1000 * moved}, WITHOUT_AN_ANSWER: {row: 9.2}}
    moment = -(-seen * 5 // step) * step  # the first step that shows it
    assert verdict(tmp_path, series, moment, answers, step=step) == ""


@pytest.mark.parametrize("step", [15, 60])
def test_the_recordings_longest_outage_is_there_when_steps_are_coarse(recorded: Replay, step: int) -> None:
    fine, coarse = (
        max(value for series in recorded.range(WITHOUT_AN_ANSWER, every) for _, value in series.samples)
        for every in (5, step)
    )
    assert coarse >= fine > 1


def test_a_node_that_comes_back_says_what_it_did_meanwhile(tmp_path: Path) -> None:
    """The owner reboots: it is silent from 100 to 190 seconds, and has the virtual IP again when it is back."""
    away, back = "x19 stale _x17", 190
    series = {
        f"dnsha_vip_last_transition_timestamp_seconds{{{node('alpha')},{ADDRESS}}}": f"10{away} 185x60",
        f"dnsha_vip_last_transition_timestamp_seconds{{{node('beta')},{ADDRESS}}}": "5x20 101x16 187x60",
        f"dnsha_vip_acquisitions_total{{{node('alpha')},{ADDRESS}}}": f"3{away} 4x60",
        f"dnsha_vip_acquisitions_total{{{node('beta')},{ADDRESS}}}": "1x20 2x80",
    }
    events = query("failover", "What happened")
    alpha, beta = f'{{node="alpha",{VIP}}}', f'{{node="beta",{VIP}}}'
    gained = '{event="has the virtual IP",node="alpha"}'
    assert verdict(tmp_path, series, back, {WHEN: {alpha: 185_000, beta: 187_000}, events: {gained: 1}}) == ""
    assert verdict(tmp_path, series, back + 5, {WHEN: {}, events: {}}) == ""
    assert verdict(tmp_path, series, 240, {WHEN: {alpha: 185_000, beta: 187_000}, events: {gained: 1}}, step=60) == ""


def test_a_node_that_is_seen_for_the_first_time_has_not_moved(tmp_path: Path) -> None:
    series = {f"dnsha_vip_last_transition_timestamp_seconds{{{node('alpha')},{ADDRESS}}}": "_x20 10x60"}
    assert verdict(tmp_path, series, 105, {WHEN: {}}) == ""
