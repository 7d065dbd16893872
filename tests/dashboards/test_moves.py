"""The Failover dashboard tells every failover once, with what it cost and why, however long the time shown is."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import pytest

from dashboards.preview.replay import Replay
from tests.dashboards.made_up import node, query, verdict
from tests.dashboards.reading import read

ADDRESSES = {"192.0.2.53": "192.0.2.53:53", "2001:db8::53": "[2001:db8::53]:53"}
SCRAPES = 5  # seconds
MINUTE, HOUR, DAY = 60, 3600, 86400

ROWS, WHY, NONE = (query("failover", "Every move", ref_id) for ref_id in "ABC")

pytestmark = [pytest.mark.timeout(300), pytest.mark.usefixtures("prometheus_tools")]

# Twenty-five failovers, one each 40 seconds from the 60th on, to beta first. The n-th costs n tenths of a second.
MOVES = [60.25 + 40 * number for number in range(25)]
END = 1105


def series(of: Callable[[float], float], phase: float = 0.0) -> str:
    """Values in promtool's notation, of scrapes that lie `phase` before the moments at which they are seen."""
    return " ".join(f"{of(max(0.0, at - phase)):g}" for at in range(0, END + SCRAPES, SCRAPES))


def moved(at: float) -> int:
    """How many failovers were until a moment."""
    return sum(move <= at for move in MOVES)


def has_addresses(name: str, at: float) -> bool:
    return (moved(at) % 2) == (name == "beta")


def last_move(later: float, at: float) -> float:
    return MOVES[moved(at) - 1] + later if moved(at) else -1000.0


def pair() -> dict[str, str]:
    """A pair whose nodes are scraped two seconds apart, and whose addresses move 20 milliseconds apart."""
    made = {
        f'dnsha_node_info{{{node("alpha")},role="primary"}}': f"1x{END}",
        f'dnsha_peer_info{{{node("alpha")},peer="beta"}}': f"1x{END}",
        f'dnsha_peer_info{{{node("beta")},peer="alpha"}}': f"1x{END}",
        # Alpha's Pi-hole is silent while beta has the addresses, and a little before.
        f'dnsha_resolve_up{{{node("alpha")},target="pihole",server="127.0.0.1:53",protocol="udp"}}': series(
            lambda at: moved(at + 5) % 2 == 0
        ),
    }
    for name, phase in (("alpha", 0.0), ("beta", 2.0)):
        for number, (vip, server) in enumerate(ADDRESSES.items()):
            later = 0.02 * number
            labels = f'{node(name)},vip="{vip}"'
            owned = functools.partial(has_addresses, name)
            made[f"dnsha_vip_owned{{{labels}}}"] = series(owned, phase)
            moved_at = functools.partial(last_move, later)
            made[f"dnsha_vip_last_transition_timestamp_seconds{{{labels}}}"] = series(moved_at, phase)
            probe = f'{node(name)},target="vip",server="{server}",family="ipv4",protocol="udp"'
            # An outage is counted when it ends, half a second after the move.
            made[f"dnsha_resolve_outage_seconds_total{{{probe}}}"] = series(
                lambda at: sum(range(moved(at - 0.5) + 1)) / 10, phase
            )
    return made


def row(number: int, vip: str) -> str:
    source, target = ("alpha", "beta") if number % 2 == 0 else ("beta", "alpha")
    return f'{{from="{source}",to="{target}",vip="{vip}",when="{1000 * MOVES[number]:.0f}"}}'


@pytest.mark.parametrize(
    "span, first", [(5 * MINUTE, 19), (HOUR, 0), (6 * HOUR, 0), (DAY, 0), (7 * DAY, 0)],
    ids=["5 minutes", "an hour", "6 hours", "a day", "7 days"],
)  # fmt: skip
def test_a_failover_is_one_event_with_its_own_outage_whatever_time_is_shown(
    tmp_path: Path, span: int, first: int
) -> None:
    shown = range(first, 25)
    rows = {row(number, vip): (number + 1) / 10 for number in shown for vip in ADDRESSES}
    reasons = {
        row(number, "").replace('vip=""', f'why="{why}"'): 1.0
        for number in shown
        for why in ["Pi-hole is silent" if number % 2 == 0 else "the primary is back"]
    }
    answers = {f"round({ROWS}, 0.001)": rows, f"({WHY}) >= bool 0": reasons, NONE: {}}
    assert verdict(tmp_path, pair(), END, answers, recorded=True, span=span) == ""


TAKEN, HEALED = 100.25, 118.0


def taken_by_both(*, before: bool) -> dict[str, str]:
    """A split brain: both nodes take both addresses at one moment; alpha had them before, or nobody."""
    made = {name: values for name, values in pair().items() if "pihole" not in name}

    def owned(name: str, at: float) -> bool:
        return (before and name == "alpha") or (at >= TAKEN and (name == "alpha" or at < HEALED))

    def changed(name: str, at: float) -> float:
        return -1000.0 if at < TAKEN else HEALED if name == "beta" and at >= HEALED else TAKEN

    for name, phase in (("alpha", 0.0), ("beta", 2.0)):
        for vip, server in ADDRESSES.items():
            labels = f'{node(name)},vip="{vip}"'
            made[f"dnsha_vip_owned{{{labels}}}"] = series(functools.partial(owned, name), phase)
            moment = series(functools.partial(changed, name), phase)
            made[f"dnsha_vip_last_transition_timestamp_seconds{{{labels}}}"] = moment
            probe = f'{node(name)},target="vip",server="{server}",family="ipv4",protocol="udp"'
            made[f"dnsha_resolve_outage_seconds_total{{{probe}}}"] = series(lambda at: 7.5 * (at > TAKEN), phase)
    return made


@pytest.mark.parametrize("before, source", [(False, "nobody"), (True, "itself")], ids=["nobody had it", "alpha had it"])
def test_two_moves_of_one_moment_are_one_row_whatever_time_is_shown(
    tmp_path: Path, source: str, *, before: bool
) -> None:
    """Of two that are alike Prometheus takes any: the row is the primary's, which has it in the end."""
    expected = {f'{{from="{source}",to="alpha",vip="{vip}",when="100250"}}': 7.5 for vip in ADDRESSES}
    reason = {f'{{from="{source}",to="alpha",when="100250",why="the primary is back"}}': 1.0}
    answers: dict[str, dict[str, float]] = {}
    for span in (5 * MINUTE, HOUR, 6 * HOUR, DAY, 7 * DAY):
        rows, why = (promql.replace("$__range", f"{span}s") for promql in (ROWS, WHY))
        answers |= {f"round({rows}, 0.001)": expected, f"({why}) >= bool 0": reason}
    assert verdict(tmp_path, taken_by_both(before=before), 300, answers, recorded=True) == ""


def test_without_a_failover_the_table_says_so(tmp_path: Path) -> None:
    still = {name: values for name, values in pair().items() if "vip_" not in name}
    still[f'dnsha_vip_owned{{{node("alpha")},vip="192.0.2.53"}}'] = f"1x{END}"
    still[f'dnsha_vip_last_transition_timestamp_seconds{{{node("alpha")},vip="192.0.2.53"}}'] = f"-1000x{END}"
    still[f"dnsha_keepalived_up{{{node('alpha')}}}"] = f"1x{END}"
    answers = {ROWS: {}, f"({NONE}) >= bool 0": {'{from="–",to="no failover",when="0"}': 1.0}}  # noqa: RUF001
    assert verdict(tmp_path, still, END, answers, recorded=True) == ""


def test_one_address_that_moves_alone_is_a_failover_of_that_one(tmp_path: Path) -> None:
    made = pair()
    for name in ("alpha", "beta"):
        labels = f'{node(name)},vip="192.0.2.53"'
        made[f"dnsha_vip_owned{{{labels}}}"] = f"{int(name == 'alpha')}x{END}"
        made[f"dnsha_vip_last_transition_timestamp_seconds{{{labels}}}"] = f"-1000x{END}"
    moment = {f"round({ROWS}, 0.001)": {row(0, "2001:db8::53").replace("60250", "60270"): 0.1}}
    assert verdict(tmp_path, made, 85, moment, recorded=True, span=HOUR) == ""


@pytest.mark.usefixtures("grafana_libraries")
def test_the_recording_s_table_has_a_row_for_each_failover(recorded: Replay) -> None:
    (table,) = (reading for reading in read(recorded)["failover"] if reading["title"] == "Every move")
    assert table["columns"] == ["When", "From", "To", "Addresses", "Why", "Without an answer"]
    texts = [[cell["text"] for cell in cells] for cells in table["rows"]]
    times = [text[0] for text in texts]
    assert times == sorted(times, reverse=True)
    # Of what tests.dashboards.record lets happen: eight moves away from alpha or back within its first two minutes.
    assert len(texts) > 15
    assert all(text[3] == "192.0.2.53, 2001:db8::53" for text in texts)
    assert {text[1] for text in texts} <= {"alpha", "beta", "itself", "nobody"}
    assert not any(text[1] == text[2] for text in texts)
    assert any("keepalived is dead" in text[4] for text in texts)
    assert any("the primary is back" in text[4] for text in texts)
    # When both Unbounds died clients waited for seconds.
    assert any(text[5].endswith(" s") and float(text[5].removesuffix(" s")) > 5 for text in texts)


def test_a_node_that_comes_back_says_what_it_did_meanwhile(tmp_path: Path) -> None:
    """The owner reboots: it is silent from 100 to 190 seconds, and has the virtual IP again when it is back."""
    away, back = "x19 stale _x17", 190
    vip = 'vip="192.0.2.53",family="ipv4"'
    acquired = {
        f"dnsha_vip_acquisitions_total{{{node('alpha')},{vip}}}": f"3{away} 4x60",
        f"dnsha_vip_acquisitions_total{{{node('beta')},{vip}}}": "1x20 2x80",
    }
    events = query("failover", "What happened")
    gained = '{event="has the virtual IP",node="alpha"}'
    assert verdict(tmp_path, acquired, back, {events: {gained: 1}}) == ""
    assert verdict(tmp_path, acquired, back + 5, {events: {}}) == ""
    assert verdict(tmp_path, acquired, 240, {events: {gained: 1}}, step=60) == ""


def test_a_node_that_is_seen_for_the_first_time_has_not_moved(tmp_path: Path) -> None:
    seen = {
        f'dnsha_vip_owned{{{node("alpha")},vip="192.0.2.53"}}': "_x20 1x60",
        f'dnsha_vip_last_transition_timestamp_seconds{{{node("alpha")},vip="192.0.2.53"}}': "_x20 10x60",
    }
    assert verdict(tmp_path, seen, 150, {ROWS: {}}, recorded=True) == ""
