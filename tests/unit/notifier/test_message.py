"""What people read on a phone."""

# ruff: noqa: RUF001 (signs are part of a message)

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from alerts.notifier.changes import Changes
from alerts.notifier.facts import NOTHING, Delay, Facts, Outage
from alerts.notifier.message import Message, Writer, duration, where
from alerts.notifier.payload import Alert
from tests.unit.notifier.posts import NOON, RUNBOOK, alert

BERLIN = Writer(ZoneInfo("Europe/Berlin"))
WARNING = {"severity": "warning"}


def write(
    new: list[Alert] | None = None,
    ended: list[Alert] | None = None,
    still: list[Alert] | None = None,
    *,
    repeat: bool = False,
    left_out: int = 0,
    writer: Writer = BERLIN,
    facts: Facts = NOTHING,
) -> Message:
    changes = Changes(tuple(new or ()), tuple(ended or ()), tuple(still or ()), repeat, left_out)
    return writer.write(changes, NOON + 12, facts)


def test_one_alert_says_what_where_since_when_and_what_now() -> None:
    assert write([alert(labels={"node": "beta", "container": "pihole"})]) == Message(
        "🔴 CRITICAL home: problem 1",
        "Where: site home, node beta, vip 192.0.2.53, container pihole\n"
        "Since: 13:00:00 (12 s)\n"
        "Now: Both answer. Unplug one.\n"
        "https://dns.example/docs/runbooks/DnsHaSplitBrain.md",
    )


@pytest.mark.parametrize(
    ("severity", "sign"), [("warning", "⚠️ WARNING"), ("info", "ℹ️ INFO"), ("page", "🔔 ALERT"), ("", "🔔 ALERT")]
)
def test_a_word_says_the_severity_without_the_colour(severity: str, sign: str) -> None:
    assert write([alert(labels={"severity": severity})]).title == f"{sign} home: problem 1"


def test_several_alerts_are_one_message() -> None:
    message = write([alert(1), alert(2, labels=WARNING)])
    assert message.title == "🔴 CRITICAL home: problem 1 (+1 more)"
    assert message.body.count("Since: ") == 2
    assert "\n\n⚠️ WARNING home: problem 2\nWhere: " in message.body


def test_a_thousand_alerts_fit_on_a_phone() -> None:
    long = {"summary": "home: " + "s" * 5000, "description": "d" * 5000}
    message = write([alert(number, annotations=long) for number in range(1000)], left_out=7)
    assert message.body.endswith("and 987 more")
    assert message.body.count("🔴 CRITICAL") == 19
    assert len(message.body) < 8000


def test_a_recovery_says_how_long_it_was() -> None:
    message = write(ended=[alert(ends=192)])
    assert message == Message("✅ recovered: home: problem 1 (after 3 min 12 s)", "From 13:00:00 to 13:03:12")


def test_a_recovery_of_yesterdays_alert_says_the_day() -> None:
    assert write(ended=[alert(starts=-86400.0, ends=3)]).body == "From Sat 28 Feb 13:00:00 to 13:00:03"


ENDS_WELL = {"resolved": "home: 192.0.2.53 answers again"}


def test_an_end_is_in_the_words_of_its_rule() -> None:
    message = write(ended=[alert(ends=192, annotations=ENDS_WELL)])
    assert message.title == "✅ home: 192.0.2.53 answers again (after 3 min 12 s)"


def test_the_length_of_an_alert_is_that_of_its_reason_not_of_its_rule() -> None:
    facts = Facts(delays={"DnsHaSplitBrain": Delay(firing=10, ending=40), "DnsHaOther": Delay(100, 100)})
    message = write(ended=[alert(ends=192, annotations=ENDS_WELL)], facts=facts)
    assert message.title == "✅ home: 192.0.2.53 answers again (after 2 min 42 s)"
    assert message.body == "From 12:59:50 to 13:02:32"


def test_the_end_of_an_outage_says_what_clients_felt_and_whether_the_pair_is_whole() -> None:
    outage = alert(ends=110, labels={"component": "vip"}, annotations=ENDS_WELL)
    facts = Facts(Outage(60.34, NOON - 15), {"192.0.2.53": ("beta",)}, ("alpha", "beta"), ("alpha",))
    assert write(ended=[outage], facts=facts) == Message(
        "✅ home: 192.0.2.53 answers again (after 60.3 s)",
        "Clients had no answer for 60.3 s, from 12:59:45 to 13:00:45\n"
        "beta has 192.0.2.53\n"
        "Not redundant: alpha cannot take over",
    )
    whole = Facts(Outage(130.0), {"192.0.2.53": ("alpha",)}, ("alpha", "beta"))
    assert write(ended=[outage], facts=whole) == Message(
        "✅ home: 192.0.2.53 answers again (after 2 min 10 s)",
        "Clients waited 2 min 10 s for an answer, at about 13:00:00\n"
        "alpha has 192.0.2.53\n"
        "Redundant: each node can take over",
    )


def test_several_recoveries_are_one_message() -> None:
    message = write(ended=[alert(number, ends=60) for number in range(1, 21)])
    assert message.title == "✅ recovered: home: problem 1 (after 1 min 0 s) (+19 more)"
    assert message.body.count("✅ home: problem ") == 15
    assert message.body.endswith("and 4 more")


def test_what_is_new_comes_first_and_the_rest_is_mentioned() -> None:
    message = write([alert(1)], ended=[alert(2, ends=60)], still=[alert(number) for number in (3, 4, 5, 6)])
    assert message.title == "🔴 CRITICAL home: problem 1"
    assert message.body.split("\n\n")[1:] == [
        "✅ recovered: home: problem 2 (after 1 min 0 s)",
        "Still: home: problem 3; home: problem 4; home: problem 5 and 1 more",
    ]


def test_a_recovery_says_what_is_still_wrong() -> None:
    message = write(ended=[alert(1, ends=60)], still=[alert(2)])
    assert message.title.startswith("✅ recovered: ")
    assert message.body.endswith("\n\nStill: home: problem 2")


def test_a_repeat_says_still() -> None:
    message = write(still=[alert(1), alert(2)], repeat=True)
    assert message.title == "🔴 CRITICAL still: home: problem 1 (+1 more)"
    assert "Since: 13:00:00 (12 s)" in message.body


def test_the_site_is_named_once() -> None:
    found = alert(annotations={"summary": "DNS is slow"}, labels={"site": "cabin"})
    assert write([found]).title == "🔴 CRITICAL cabin: DNS is slow"


def test_what_has_no_description_or_link_has_no_line_for_it() -> None:
    found = alert(annotations={"description": "", "runbook_url": ""}, labels={"site": "", "vip": ""})
    assert write([found]).body == "Since: 13:00:00 (12 s)"


@pytest.mark.parametrize(
    ("runbooks", "link", "expected"),
    [
        ("", RUNBOOK, RUNBOOK),
        ("http://192.0.2.10:8080/runbooks", RUNBOOK, "http://192.0.2.10:8080/runbooks/DnsHaSplitBrain.md"),
        ("http://192.0.2.10:8080/runbooks/", RUNBOOK, "http://192.0.2.10:8080/runbooks/DnsHaSplitBrain.md"),
        ("http://192.0.2.10", "", None),
        ("http://192.0.2.10", "https://evil.example/?q=%0a", None),
    ],
)
def test_the_link_goes_where_the_owner_has_the_runbooks(runbooks: str, link: str, expected: str | None) -> None:
    message = write([alert(annotations={"runbook_url": link})], writer=Writer(ZoneInfo("UTC"), runbooks))
    assert [line for line in message.body.splitlines() if "//" in line] == ([expected] if expected else [])


def test_a_time_that_no_calendar_has_is_said_to_be_unknown() -> None:
    assert "Since: an unknown time" in write([alert(startsAt="0001-01-01T00:00:00+14:00")]).body


def test_no_value_makes_a_line_of_its_own() -> None:
    hostile = "x\n✅ recovered: all is well\r\n\u202e" * 5
    message = write([alert(labels={"node": hostile, "vip": hostile}, annotations={"summary": hostile})])
    assert "\n" not in message.title
    assert [line.partition(":")[0] for line in message.body.splitlines()] == ["Where", "Since", "Now", "https"]


def test_places_are_limited() -> None:
    found = alert(labels={f"label{number}": "x" for number in range(50)})
    assert where(found).count(",") == 7


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-5, "0 s"), (0.9, "0 s"), (59, "59 s"), (61, "1 min 1 s"), (7260, "2 h 1 min"), (273600, "3 d 4 h")],
)
def test_a_duration_has_two_units(seconds: float, words: str) -> None:
    assert duration(seconds) == words
