"""What a notifier does about what the other node's one knows."""

from __future__ import annotations

import time
from pathlib import Path
from typing import cast

import pytest

from alerts.notifier import notifier as module
from alerts.notifier.changes import SAME_OCCURRENCE_SECONDS, Changes, Told, compare
from alerts.notifier.clocks import FutureStarts
from alerts.notifier.courier import Courier, Task
from alerts.notifier.metrics import Metrics
from alerts.notifier.notifier import Notifier
from alerts.notifier.patience import Patience
from alerts.notifier.payload import Group
from alerts.notifier.peer import Peer, ask
from alerts.notifier.settings import load
from exporter.http.pair_key import PairKey
from tests.unit.notifier.posts import NOON, entry, group

OPEN = Told(NOON, NOON + 20)
FIRST, SECOND = f"{1:016x}", f"{2:016x}"


class OtherNode:
    """Answers with one answer after the other, the last for ever; None: it does not answer."""

    def __init__(self, *answers: Peer | None) -> None:
        self.answers = list(answers)
        self.asked = 0

    def __call__(self) -> Peer | None:
        self.asked += 1
        return self.answers[min(self.asked, len(self.answers)) - 1]


def says(*in_hand: str, node: str = "beta", **told: Told) -> Peer:
    return Peer(node, {f"{int(name[1:]):016x}": entry for name, entry in told.items()}, frozenset(in_hand))


@pytest.fixture(autouse=True)
def no_courtesy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "COURTESY_SECONDS", 0.0)


def alpha(tmp_path: Path, other: OtherNode, urls: str = "json://127.0.0.1:9") -> Notifier:
    environment = {
        "NODE_NAME": "alpha",
        "PEER_IP": "192.0.2.12",
        "NOTIFIER_STATE": str(tmp_path / "told.json"),
        "NOTIFY_URLS": urls,
    }
    return Notifier(load(environment), Metrics(), other)


def test_what_the_other_node_told_is_known_here(tmp_path: Path) -> None:
    other = OtherNode(says(n1=OPEN))
    assert alpha(tmp_path, other)._elsewhere(group(entry(1), entry(2)).alerts) == {FIRST: OPEN}
    assert other.asked == 1


def test_what_the_other_node_is_telling_right_now_is_left_to_alertmanagers_next_try(tmp_path: Path) -> None:
    other = OtherNode(says(FIRST))
    assert alpha(tmp_path, other).take(group(entry(1))) == "not_yet"
    assert alpha(tmp_path, other)._elsewhere(group(entry(2)).alerts) == {}


def test_what_was_seen_before_the_other_node_told_the_end_is_no_news(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    over = Told(NOON, NOON + 60, ended_at=NOON + 60)
    other = OtherNode(says(n1=over))
    for seconds, waits in ((60, True), (0, True), (179, True), (180, False), (3600, False)):
        monkeypatch.setattr("alerts.notifier.notifier.time.time", lambda seconds=seconds: NOON + seconds)
        assert (alpha(tmp_path, other)._elsewhere(group(entry(1)).alerts) is None) is waits, seconds
    monkeypatch.setattr("alerts.notifier.notifier.time.time", lambda: NOON + 70)
    assert alpha(tmp_path, other)._elsewhere(group(entry(1, starts=65)).alerts) == {FIRST: over}  # it began again


def test_an_end_waits_for_what_the_other_node_is_telling_too(tmp_path: Path) -> None:
    ended = group(entry(1, ends=60)).alerts
    assert alpha(tmp_path, OtherNode(says(FIRST, n1=OPEN)))._elsewhere(ended) is None
    assert alpha(tmp_path, OtherNode(says(SECOND, n1=OPEN)))._elsewhere(ended) == {FIRST: OPEN}


def test_what_begins_in_the_future_is_left_to_the_node_whose_clock_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = 0.0
    notifier = alpha(tmp_path, OtherNode(says()))
    monkeypatch.setattr(notifier, "_future", FutureStarts(lambda: NOON + seconds, lambda: seconds))
    asked: list[tuple[str, ...]] = []

    def deliver(group: Group, _: float) -> str:
        asked.append(tuple(alert.fingerprint for alert in group.alerts))
        return "delivered"

    monkeypatch.setattr(notifier, "_take", deliver)
    assert notifier.take(group(entry(1, starts=60), entry(2))) == "not_yet"
    seconds = 60.0
    assert notifier.take(group(entry(1, starts=60), entry(2))) == "not_yet"
    assert notifier.take(group(entry(1, starts=59))) == "delivered"
    seconds = SAME_OCCURRENCE_SECONDS
    assert notifier.take(group(entry(1, starts=60))) == "delivered"
    assert asked == [(SECOND,), (SECOND,), (FIRST,), (FIRST,)]


def test_the_other_node_is_asked_unless_every_receiver_knows(tmp_path: Path) -> None:
    other = OtherNode(says(n1=OPEN))
    notifier = alpha(tmp_path, other, "json://127.0.0.1:9, json://127.0.0.1:10")
    first, second = (courier.receiver.identity for courier in notifier._couriers.values())
    alerts = group(entry(1)).alerts
    notifier._store.record(first, Changes(alerts, (), (), repeat=False))
    assert notifier._elsewhere(alerts) == {FIRST: OPEN}
    notifier._store.record(second, Changes(alerts, (), (), repeat=False))
    assert notifier._elsewhere(alerts) == {}
    assert other.asked == 1


class FailingCourier:
    failing = True


def test_nobody_waits_for_a_receiver_that_failed_before_once_another_one_was_told() -> None:
    told, slow = Task(group(entry(1)), {}), Task(group(entry(1)), {})
    told.settle(well=True)
    began = time.monotonic()
    tasks = [(cast(Courier, FailingCourier()), task) for task in (told, slow)]
    assert module._outcomes(tasks, began + 5) == [True, False]
    assert time.monotonic() - began < 2


def test_an_answer_that_makes_no_sense_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(*_: object) -> bytes:
        return (
            b'{"node":"beta","in_hand":[],"alerts":{"1":{"starts_at":1'
            + b"0" * 400
            + b',"told_at":1,"ended_at":null}}}'
        )

    monkeypatch.setattr("alerts.notifier.peer.peer_get", answer)
    assert ask("192.0.2.12", 9754, PairKey()) is None


@pytest.mark.parametrize("lie", ["in hand", "ended just now"])
def test_what_the_other_node_holds_back_is_told_after_three_minutes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lie: str
) -> None:
    clock = 1000.0
    monkeypatch.setattr("alerts.notifier.notifier.time.time", lambda: NOON + clock)
    now = NOON + clock
    other = OtherNode(says(FIRST) if lie == "in hand" else says(n1=Told(NOON, now, ended_at=now)))
    notifier = alpha(tmp_path, other)
    notifier._patience = Patience(lambda: clock)
    alerts = group(entry(1)).alerts
    for clock in (1000.0, 1010.0, 1100.0, 1179.9):
        other.answers = [says(FIRST)] if lie == "in hand" else [says(n1=Told(NOON, NOON + clock, NOON + clock))]
        assert notifier._elsewhere(alerts) is None, clock
    clock = 1180.0
    assert notifier._elsewhere(alerts) == {}  # as if the other node were silent: it is told here
    other.answers = [says()]
    assert notifier._elsewhere(alerts) == {}
    other.answers = [says(FIRST)]
    assert notifier._elsewhere(alerts) is None  # another time


def test_what_the_other_node_says_it_told_is_told_here_at_its_next_repeat() -> None:
    """Alertmanager repeats a critical alert after an hour; the other node may say what it likes."""
    firing = group(entry(1))
    claimed = Told(NOON, NOON + 10)
    first = compare(firing, {}, {FIRST: claimed}, NOON + 10)
    assert not first.worth_telling
    recorded = {alert.fingerprint: Told(alert.starts_at, NOON + 10) for alert in first.still}
    later = NOON + 3610
    assert compare(firing, recorded, {FIRST: Told(NOON, later)}, later).repeat


def test_of_two_that_begin_at_once_the_first_by_name_tells(tmp_path: Path) -> None:
    first = OtherNode(says(node="beta"), says(node="beta", n1=OPEN))
    assert alpha(tmp_path, first)._elsewhere(group(entry(1)).alerts) == {}
    second = OtherNode(says(node="aardvark"), says(node="aardvark", n1=OPEN))
    assert alpha(tmp_path, second)._elsewhere(group(entry(1)).alerts) == {FIRST: OPEN}
    assert (first.asked, second.asked) == (1, 2)


def test_without_the_other_node_news_is_told_and_an_end_too(tmp_path: Path) -> None:
    found = alpha(tmp_path, OtherNode(None))._elsewhere(group(entry(1), entry(2, ends=60)).alerts)
    assert found is not None
    assert found.keys() == {SECOND}
    assert found[SECOND].is_open
