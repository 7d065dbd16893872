"""A standby that looks at the virtual IP: when it takes it, when it gives it back, and what it says."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from exporter.engine.runtime import RuntimeFiles
from exporter.model.observations import HealthVerdict
from stack.health.dns_question import DnsQuestion
from stack.health.standby import HOLD_SECONDS, LONG_HOLD_SECONDS, SILENT_SECONDS, AddressAnswers, Seen, Standby
from stack.health.track_files import TrackFiles
from stack.keepalived.start import CONFIGURATION

VIP = "192.0.2.53"


def seen(**changes: Any) -> Seen:
    """What makes a standby take it."""
    return Seen(
        **{
            "able": True,
            "owns": False,
            "silent": VIP,
            "doubt": "",
            "peer_good_for": 0.0,
            "vip_good_for": 0.0,
            **changes,
        }
    )


def test_a_silent_vip_is_taken_by_who_can_serve_it() -> None:
    standby = Standby("beta")
    standby.decide(0.0, seen())
    assert (standby.taking, standby.verdict) == (True, HealthVerdict.SOFT)
    assert standby.problem == "beta wants to take the VIP because 192.0.2.53 did not answer for 3 s"
    standby.decide(0.1, seen(owns=True, silent=""))
    assert standby.problem == "beta took the VIP because 192.0.2.53 did not answer for 3 s at the other node"


@pytest.mark.parametrize(
    "changes",
    [
        {"able": False},
        {"owns": True},
        {"silent": ""},
        {"doubt": "neither the gateway nor the other node answers ARP, so its own link may be broken"},
    ],
)
def test_nothing_is_taken_otherwise(changes: dict[str, Any]) -> None:
    standby = Standby("beta")
    for second in range(100):
        standby.decide(float(second), seen(**changes))
        assert not standby.taking


def test_a_silence_that_this_nodes_own_link_may_explain_is_told() -> None:
    standby = Standby("beta")
    standby.decide(0.0, seen(doubt="nobody answers ARP"))
    assert standby.verdict is HealthVerdict.SOFT
    assert standby.problem == "192.0.2.53 did not answer for 3 s, but beta does not take it: nobody answers ARP"


def test_it_is_given_back_when_the_other_node_has_answered_for_ten_seconds() -> None:
    standby = Standby("beta")
    standby.decide(0.0, seen())
    standby.decide(100.0, seen(owns=True, silent="", peer_good_for=9.9))
    assert standby.taking
    standby.decide(100.1, seen(owns=True, silent="", peer_good_for=10.0))
    assert (standby.taking, standby.verdict, standby.problem) == (False, HealthVerdict.OK, "")


def test_it_moves_once_in_ten_minutes_where_only_the_virtual_address_is_silent() -> None:
    """The other node's own address answers all the while, so that it does says nothing about the virtual one."""
    standby = Standby("beta")
    took = []
    for second in range(1800):
        before = standby.taking
        owns = standby.taking
        standby.decide(float(second), seen(owns=owns, silent="" if owns else VIP, peer_good_for=float(1 + second)))
        if standby.taking and not before:
            took.append(second)
    assert len(took) == 3
    assert all(later - earlier > LONG_HOLD_SECONDS for earlier, later in itertools.pairwise(took))


def test_a_node_that_comes_back_is_given_a_second_to_answer_on_the_virtual_ip_too() -> None:
    """After a partition its own address answered first, and the standby took what was about to answer."""
    standby = Standby("beta")
    standby.decide(0.0, seen(peer_good_for=0.1))
    standby.decide(0.8, seen(peer_good_for=0.9))
    assert not standby.taking
    standby.decide(1.0, seen(peer_good_for=1.1))
    assert standby.taking


def test_the_primary_gives_it_back_soon_the_first_time_for_it_has_the_vip_anyway() -> None:
    """A healed pair said for ten minutes that its primary took the address."""
    standby = Standby("alpha", primary=True)
    standby.decide(0.0, seen(peer_good_for=1.0))
    standby.decide(HOLD_SECONDS, seen(owns=True, silent="", peer_good_for=1.0 + HOLD_SECONDS))
    assert (standby.taking, standby.verdict) == (False, HealthVerdict.OK)
    standby.decide(60.0, seen(peer_good_for=1.0))
    standby.decide(60.0 + LONG_HOLD_SECONDS - 1, seen(owns=True, silent="", peer_good_for=LONG_HOLD_SECONDS))
    assert standby.taking
    standby.decide(60.0 + LONG_HOLD_SECONDS, seen(owns=True, silent="", peer_good_for=LONG_HOLD_SECONDS))
    assert not standby.taking


def test_a_vip_that_answers_at_the_other_node_after_all_is_wanted_no_more() -> None:
    standby = Standby("alpha")
    standby.decide(0.0, seen())
    standby.decide(HOLD_SECONDS, seen(silent="", vip_good_for=HOLD_SECONDS))
    assert not standby.taking


@pytest.mark.parametrize("owns", [True, False])
def test_who_cannot_serve_any_more_gives_it_back_at_once(owns: bool) -> None:
    standby = Standby("beta")
    standby.decide(0.0, seen())
    standby.decide(1.0, seen(able=False, owns=owns))
    assert not standby.taking


def test_a_check_that_was_killed_goes_on_taking() -> None:
    standby = Standby("beta")
    standby.resume()
    standby.decide(0.0, seen(owns=True, silent=""))
    assert standby.taking
    standby.decide(11.0, seen(owns=True, silent="", peer_good_for=10.0))
    assert not standby.taking


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_silence_needs_three_seconds_and_four_questions_without_an_answer() -> None:
    clock = Clock()
    answers = AddressAnswers(VIP, clock)
    answers.begin()
    for _ in range(12):
        assert not answers.silent(clock.now)
        clock.now += SILENT_SECONDS / 12
        answers.bad(clock.now - 0.4, clock.now, "does not answer")
    assert answers.silent(clock.now)
    answers.good()
    assert not answers.silent(clock.now)


def test_a_check_that_was_stopped_for_a_minute_has_seen_no_silence() -> None:
    clock = Clock()
    answers = AddressAnswers(VIP, clock)
    answers.begin()
    answers.good()
    clock.now += 60.0
    answers.bad(1000.0, clock.now, "does not answer")
    assert not answers.silent(clock.now)
    assert answers.good_for(clock.now) == 0.0


def effective(base: int, *weights: int) -> int:
    """As keepalived has it: the sum, from 1 to 254."""
    return min(254, max(1, base + sum(weights)))


def test_the_arithmetic_of_the_priorities() -> None:
    """Whoever takes comes before the other node, the primary before the secondary, and nobody who must not."""
    weights = {}
    for block in CONFIGURATION.read_text("utf-8").split("track_file ")[1:]:
        words = block.split()
        if "weight" in words[:8]:
            weights[words[0]] = int(words[words.index("weight") + 1])
    take, soft, world, drain = (weights[n] for n in ("vip_unanswered", "chain_soft", "world_failed", "drain"))
    primary, secondary = 250, 240
    assert effective(secondary, take) > effective(primary)
    assert effective(primary, take) > effective(secondary, take)
    assert effective(primary, take, world) > effective(secondary)
    for lowered in (soft, drain):
        assert effective(primary, take, lowered) < effective(secondary, world)
        assert effective(secondary, take, lowered) < effective(primary, world)
    assert effective(primary, take, drain) < effective(secondary, soft)


def test_the_file_is_written_and_taken_up(tmp_path: Any) -> None:
    files = RuntimeFiles(tmp_path)
    told = TrackFiles(files)
    assert not told.resume_vip()
    told.tell_vip(unanswered=True)
    assert files.vip_unanswered.read_text() == "1\n"
    assert TrackFiles(files).resume_vip()
    told.tell_vip(unanswered=False)
    assert files.vip_unanswered.read_text() == "0\n"


def test_what_this_node_answers_itself_is_no_silence_of_the_other() -> None:
    clock = itertools.count(0.0, 0.5)
    now = 0.0
    answers = AddressAnswers(VIP, lambda: now)
    answers.begin()
    question = DnsQuestion("canary.example", "beta", elsewhere=True)
    query = question.query(1)
    asked = query[12:-11]
    own = query[:2] + bytes.fromhex("8180 0001 0001 0000 0000") + asked
    own += bytes.fromhex("c00c 0010 0001 00000000 0005 04") + b"beta"
    for now in itertools.takewhile(lambda second: second < 60, clock):
        problem = question.evaluate(own, query)
        assert problem is not None
        answers.bad(now, now, problem)
        assert not answers.silent(now)
    for now in (60.0, 61.0, 62.0, 63.0):
        answers.bad(now, now, "does not answer")
    assert answers.silent(63.0)
