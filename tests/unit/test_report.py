"""The verdict for people, scripts and monitoring plugins (https://nagios-plugins.org/doc/guidelines.html)."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter import checks
from exporter.model.observations import Check, Status
from exporter.views.report import Verdict, format_nagios, format_text, restrict
from tests.unit import samples
from tests.unit.samples import check

WARNING = check(
    id="resolve.unbound",
    subject="127.0.0.1 udp",
    collector="resolve",
    status=Status.WARNING,
    seen="127.0.0.1 did not answer within 1 s",
    expected="this node's Unbound answers",
    advice="look at the Unbound container and its log",
)
CRITICAL = check(
    id="vip.split_brain",
    subject="192.0.2.53",
    collector="vip",
    status=Status.CRITICAL,
    seen="alpha and beta both own 192.0.2.53",
    expected="exactly one owner",
    advice="restart keepalived on beta",
)
UNKNOWN = check(
    id="sync.data",
    subject="",
    collector="sync",
    status=Status.UNKNOWN,
    seen="the disk hangs",
    expected="data",
    advice="look at the disk",
)


def verdict(*found: Check) -> Verdict:
    return Verdict(samples.IDENTITY, samples.NOW, checks.worst(found), found, "from the running exporter, port 9753")


@pytest.fixture(autouse=True)
def utc() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


def test_a_healthy_pair_is_one_line_and_its_checks() -> None:
    tcp = check(id="resolve.vip", subject="192.0.2.53 tcp", seen="answered by alpha in 1.2 ms")
    assert format_text(verdict(check(), tcp)) == (
        "OK: all 2 checks are well\n"
        "alpha (primary), 2023-11-14 22:13:20 UTC\n"
        "\n"
        "ok        vrrp.state [VI_1]             master\n"
        "ok        resolve.vip [192.0.2.53 tcp]  answered by alpha in 1.2 ms\n"
        "\n"
        "from the running exporter, port 9753\n"
    )


def test_what_is_wrong_comes_first_the_worst_of_all_each_with_what_to_try() -> None:
    theirs = check(node="beta", id="container.running", subject="pihole", status=Status.WARNING, seen="it is exited")
    assert format_text(verdict(check(), UNKNOWN, WARNING, theirs, CRITICAL)).splitlines() == [
        "CRITICAL: alpha and beta both own 192.0.2.53",
        "alpha (primary), 2023-11-14 22:13:20 UTC",
        "",
        "CRITICAL  vip.split_brain [192.0.2.53]",
        "          seen:     alpha and beta both own 192.0.2.53",
        "          expected: exactly one owner",
        "          try:      restart keepalived on beta",
        "",
        "WARNING   resolve.unbound [127.0.0.1 udp]",
        "          seen:     127.0.0.1 did not answer within 1 s",
        "          expected: this node's Unbound answers",
        "          try:      look at the Unbound container and its log",
        "",
        "WARNING   beta: container.running [pihole]",
        "          seen:     it is exited",
        "          expected: master or backup",
        "          try:      ",
        "",
        "UNKNOWN   sync.data",
        "          seen:     the disk hangs",
        "          expected: data",
        "          try:      look at the disk",
        "",
        "ok        vrrp.state [VI_1]  master",
        "",
        "from the running exporter, port 9753",
    ]


def test_the_headline_names_the_first_of_the_worst_and_counts_the_others() -> None:
    text = format_text(verdict(CRITICAL, WARNING, CRITICAL, CRITICAL))
    assert text.splitlines()[0] == "CRITICAL: alpha and beta both own 192.0.2.53 (and 2 more)"


def test_a_verdict_without_any_check_is_unknown_and_says_so() -> None:
    assert format_text(verdict()).splitlines()[0] == "UNKNOWN: nothing was checked"
    assert format_nagios(verdict()).splitlines()[0].startswith("DNSHA UNKNOWN - nothing was checked | ")


def test_a_monitoring_system_gets_one_line_with_its_numbers_and_the_details_below() -> None:
    assert format_nagios(verdict(check(), WARNING, CRITICAL)).splitlines() == [
        "DNSHA CRITICAL - alpha and beta both own 192.0.2.53 | ok=1 warning=1 critical=1 unknown=0",
        (
            "WARNING: resolve.unbound [127.0.0.1 udp]: 127.0.0.1 did not answer within 1 s; "
            "try: look at the Unbound container and its log"
        ),
        "CRITICAL: vip.split_brain [192.0.2.53]: alpha and beta both own 192.0.2.53; try: restart keepalived on beta",
    ]


def test_the_character_that_begins_performance_data_stands_there_once() -> None:
    text = format_nagios(verdict(check(status=Status.WARNING, seen="a | b", subject="x|y", advice="try a|b")))
    assert text.count("|") == 1
    assert text.splitlines()[0] == "DNSHA WARNING - a / b | ok=0 warning=1 critical=0 unknown=0"


def test_a_text_that_would_play_with_a_terminal_is_made_harmless() -> None:
    hostile = check(status=Status.WARNING, seen="\x1b[2Jall is\nwell\x07", advice="\r\x9b2Jnothing", subject="\u202ex")
    for text in (format_text(verdict(hostile)), format_nagios(verdict(hostile))):
        assert all(line.isprintable() for line in text.splitlines())
    assert "          seen:      [2Jall is well " in format_text(verdict(hostile)).splitlines()


def test_only_some_collectors_are_evaluated_when_they_are_named() -> None:
    assert restrict([check(), WARNING, CRITICAL], ["vip", "vrrp"]) == (check(), CRITICAL)
    assert restrict([check(), WARNING], ()) == (check(), WARNING)


texts = st.text(max_size=20)


@given(st.lists(st.builds(Check, texts, texts, texts, texts, st.sampled_from(Status), texts, texts, texts), max_size=4))
def test_whatever_the_checks_say_the_form_is_kept(found: list[Check]) -> None:
    nagios = format_nagios(verdict(*found)).removesuffix("\n").split("\n")
    wrong = [one for one in found if one.status is not Status.OK]
    assert len(nagios) == 1 + len(wrong)
    assert nagios[0].count("|") == 1
    assert all("|" not in line for line in nagios[1:])
    text = format_text(verdict(*found))
    assert len(text.splitlines()) == 3 + 5 * len(wrong) + len(found) - len(wrong) + 2
    assert all(line.isprintable() for line in text.splitlines())
