"""Who tells what, and when: on change and every minute, and of the pair one node alone."""

from __future__ import annotations

import json
from typing import Any

import pytest

from exporter.model.observations import PeerVip
from stack.homeassistant.discovery import EXPIRY_SECONDS, PAIR, Topics
from stack.homeassistant.publisher import LISTEN_SECONDS, SILENT_SECONDS, Publisher, remove
from stack.homeassistant.status import Look
from tests.unit import samples
from tests.unit.homeassistant_looks import look
from tests.unit.samples import NOW, VIP_6, absent_vip, probe, vip

TOPICS = Topics("home", "homeassistant")
URLS = {PAIR: "http://192.0.2.53:9753/", "primary": "http://192.0.2.11:9753/", "secondary": "http://192.0.2.12:9753/"}


class Story:
    """One node's publisher, and what it told since it was last asked."""

    def __init__(self, role: str) -> None:
        self.role = role
        self.now = 1000.0
        self._told: list[tuple[str, bytes]] = []
        self.publisher = Publisher(TOPICS, role, URLS, lambda *told: self._told.append(told), self.now)

    def tell(self, seen: Look | None = None, *, after: float = 2.0) -> list[str]:
        self.now += after
        self.publisher.tell(seen or look(role=self.role), self.now)
        return self.told()

    def told(self) -> list[str]:
        topics = [topic for topic, _ in self._told]
        self.last = dict(self._told)
        self._told.clear()
        return topics

    def availability(self) -> str:
        return self.last[TOPICS.availability(self.role)].decode()

    def state(self, device: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.last[TOPICS.state(device)])
        return found


def settled(role: str = "primary") -> Story:
    """Six seconds later everything was told twice."""
    story = Story(role)
    story.tell()
    story.tell(after=4)
    return story


def test_at_first_everything_is_told_the_state_before_that_it_counts() -> None:
    story = Story("primary")
    assert story.tell() == [
        "homeassistant/device/dnsha_home_primary/config",
        "dnsha/home/primary/state",
        "dnsha/home/primary/availability",
        "homeassistant/device/dnsha_home_pair/config",
        "dnsha/home/pair/state",
    ]
    assert story.availability() == "online"
    assert (story.state("primary")["virtual_ip"], story.state(PAIR)["owner"]) == ("ON", "alpha")


def test_what_does_not_change_is_told_once_a_minute() -> None:
    story = settled()
    told = [story.tell() for _ in range(60)]
    again = ["dnsha/home/primary/state", "dnsha/home/primary/availability", "dnsha/home/pair/state"]
    assert [one for one in told if one] == [again, again]


def test_a_change_is_told_at_once_and_it_alone() -> None:
    story = settled()
    moved = look(
        samples.vips(absent_vip(), absent_vip(VIP_6)),
        samples.peer(samples.beta(vips={VIP: PeerVip(True, 9.0) for VIP in (samples.VIP, VIP_6)})),
    )
    assert set(story.tell(moved)) == {"dnsha/home/primary/state", "dnsha/home/pair/state"}
    assert story.state(PAIR)["owner"] == "beta"
    out = look(samples.vips(), samples.peer(), samples.resolve(probe("pihole", last_outage=1.0, last_outage_start=NOW)))
    story.tell(out)
    assert story.state("primary")["last_outage_seconds"] == 1.0


def test_a_text_that_tells_another_age_is_no_change() -> None:
    story = settled()

    def lost(seconds: float) -> Look:
        failing = probe(last_ok=False, last_error="no answer", outage_start=NOW - seconds)
        return look(samples.vips(vip()), samples.resolve(failing))

    assert story.tell(lost(5))
    assert story.tell(lost(7)) == []


def test_a_node_whose_exporter_is_silent_becomes_unavailable_and_comes_back() -> None:
    story = settled()
    for _ in range(4):
        story.now += 2
        story.publisher.tell_nothing(story.now)
    assert story.told() == []
    story.now += SILENT_SECONDS
    story.publisher.tell_nothing(story.now)
    story.publisher.tell_nothing(story.now)
    assert story.told() == ["dnsha/home/primary/availability"]
    assert story.availability() == "offline"
    assert "homeassistant/device/dnsha_home_pair/config" in story.tell()
    assert story.availability() == "online"


def tells_of_the_pair(story: Story, *, after: float = 61.0) -> bool:
    return "dnsha/home/pair/state" in story.tell(after=after)


def test_a_secondary_speaks_for_the_pair_only_where_nobody_else_does() -> None:
    story = Story("secondary")
    assert not tells_of_the_pair(story, after=LISTEN_SECONDS / 2), "it has not listened yet"
    assert tells_of_the_pair(story), "a primary that never said anything does not tell"
    story.publisher.heard(b"online", story.now)
    assert not tells_of_the_pair(story)
    story.publisher.heard(b"offline", story.now)
    assert tells_of_the_pair(story, after=2.0), "the will was told"


def test_a_primary_that_says_nothing_for_long_counts_as_gone() -> None:
    """A broker that loses its power loses the wills that it was to tell, and remembers that the primary was there."""
    story = Story("secondary")
    story.publisher.heard(b"online", story.now)
    assert not tells_of_the_pair(story, after=EXPIRY_SECONDS - 10.0)
    assert tells_of_the_pair(story, after=11.0)


@pytest.mark.parametrize(("role", "topic"), [("secondary", "dnsha/home/primary/availability"), ("primary", None)])
def test_a_secondary_alone_listens(role: str, topic: str | None) -> None:
    assert Publisher.listens_to(TOPICS, role) == topic


def test_at_the_end_nothing_but_that_is_told() -> None:
    story = settled()
    story.publisher.end()
    assert story.told() == ["dnsha/home/primary/availability"]
    assert story.availability() == "offline"


def test_what_is_removed_is_everything_that_was_told() -> None:
    told = {topic for role in ("primary", "secondary") for topic in Story(role).tell(after=60)}
    removed: list[tuple[str, bytes]] = []
    remove(TOPICS, "primary", lambda *one: removed.append(one))
    assert {topic for topic, payload in removed if not payload} >= told
