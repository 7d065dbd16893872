"""A failover that is over is one message, in the past tense."""

# ruff: noqa: RUF001 (signs are part of a message)

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from alerts.notifier.changes import Changes, Told, compare
from alerts.notifier.facts import NOTHING, Facts, Outage
from alerts.notifier.failover import Failovers, is_worth_telling
from alerts.notifier.message import Message, Writer
from alerts.notifier.moves import Move
from alerts.notifier.payload import Alert
from tests.unit.notifier.posts import NOON, alert, entry, group

LABELS = {"alertname": "DnsHaFailover", "severity": "info", "component": "vrrp"}
FAILOVER = alert(labels=LABELS)
GONE = Move(NOON - 10, "alpha", "beta", "Pi-hole stopped on alpha")
BACK = Move(NOON + 3, "beta", "alpha", "alpha can have it again", planned=True)
DRAIN = Move(NOON, "alpha", "beta", "alpha was drained", planned=True)


def write(facts: Facts, *new: Alert) -> Message:
    return Writer(ZoneInfo("UTC")).write(Changes(new or (FAILOVER,), (), (), repeat=False), NOON + 20, facts)


def test_it_says_from_where_to_where_when_why_and_what_clients_felt() -> None:
    message = write(Facts(Outage(0.23), {"192.0.2.53": ("beta",)}, ("alpha", "beta"), ("alpha",), moves=(GONE,)))
    assert message.title == (
        "ℹ️ INFO home: the virtual IP moved from alpha to beta at 11:59:50, because Pi-hole stopped on alpha"
    )
    assert "Now: Clients waited 0.2 s. beta has 192.0.2.53. Not redundant: alpha cannot take over." in message.body


@pytest.mark.parametrize(
    ("moves", "words"),
    [
        ((DRAIN,), "moved from alpha to beta at 12:00:00, because alpha was drained"),
        ((Move(NOON, "", "beta"),), "moved to beta at 12:00:00"),
        ((GONE, BACK), "moved from alpha to beta at 11:59:50 and back at 12:00:03, because Pi-hole stopped on alpha"),
        (
            (GONE, BACK, Move(NOON + 9, "alpha", "beta")),
            "moved 3 times from 11:59:50 to 12:00:09 (alpha → beta → alpha → beta), because Pi-hole stopped on alpha",
        ),
    ],
)
def test_one_line_says_it(moves: tuple[Move, ...], words: str) -> None:
    assert write(Facts(moves=moves)).title == f"ℹ️ INFO home: the virtual IP {words}"


def test_probes_that_met_nothing_bound_what_clients_felt() -> None:
    assert "Clients waited less than a second." in write(Facts(moves=(GONE,))).body


def test_an_outage_without_a_move_is_told_as_one() -> None:
    message = write(Facts(Outage(8.52, NOON)))
    assert message.title == "ℹ️ INFO home: DNS gave no answer for 8.5 s at 12:00:00"


def test_without_prometheus_it_is_told_in_the_words_of_its_rule() -> None:
    assert write(NOTHING).title == "ℹ️ INFO home: problem 1"


def test_what_made_it_move_says_where_it_went() -> None:
    cause = alert(labels={"alertname": "DnsHaServiceDown", "severity": "warning", "component": "dns"})
    body = write(Facts(moves=(GONE,)), cause).body
    assert "Now: Both answer. Unplug one. The virtual IP moved from alpha to beta at 11:59:50, because" in body


@pytest.mark.parametrize(
    ("wanted", "moves", "told"),
    [
        ("failures", (GONE,), True),
        ("failures", (GONE, BACK), True),
        ("failures", (DRAIN,), False),
        ("failures", (BACK,), False),
        ("failures", (), True),  # Prometheus did not say
        ("all", (DRAIN,), True),
        ("none", (GONE,), False),
    ],
)
def test_the_setting_says_which_moves_are_told(wanted: Failovers, moves: tuple[Move, ...], told: bool) -> None:
    changes = Changes((FAILOVER,), (), (), repeat=False)
    assert is_worth_telling(changes, Facts(moves=moves), wanted) is told
    assert is_worth_telling(changes, Facts(Outage(3.1), moves=moves), wanted)


def test_every_other_alert_is_told_whatever_the_setting() -> None:
    assert is_worth_telling(Changes((alert(),), (), (), repeat=False), NOTHING, "none")
    assert is_worth_telling(Changes((), (alert(ends=3),), (), repeat=False), NOTHING, "none")


def test_its_end_is_no_news_and_a_later_one_is() -> None:
    ended = group(entry(1, labels=LABELS, ends=40))
    (number,) = {alert.fingerprint for alert in ended.alerts}
    told = Told(NOON, NOON)
    changes = compare(ended, {number: told}, {}, NOON + 50)
    assert (changes.worth_telling, [one.fingerprint for one in changes.ended_untold]) == (False, [number])
    assert not compare(ended, {}, {number: told}, NOON + 50).worth_telling
    again = group(entry(1, labels=LABELS, starts=90))
    assert compare(again, {number: Told(NOON, NOON, NOON + 50)}, {}, NOON + 95).new
