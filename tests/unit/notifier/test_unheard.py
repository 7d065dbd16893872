"""Ends that Alertmanager does not tell."""

from __future__ import annotations

import pytest

from alerts.notifier.payload import Alert, Group
from alerts.notifier.unheard import GONE_SECONDS, GONE_SECONDS_OF, Unheard
from tests.unit.notifier.posts import NOON, alert

FIRST, SECOND = f"{1:016x}", f"{2:016x}"


class Alertmanager:
    """What it has, and what was told; ``has`` is None while it does not answer."""

    def __init__(self) -> None:
        self.has: frozenset[str] | None = frozenset()
        self.told: dict[str, Alert] = {}
        self.now = 0.0
        self.asked = 0
        self.unheard = Unheard(lambda: self.told, self._ask, lambda: self.now)

    def _ask(self) -> frozenset[str] | None:
        self.asked += 1
        return self.has

    def at(self, now: float) -> list[Group]:
        self.now = now
        return self.unheard.look()


@pytest.fixture
def manager(monkeypatch: pytest.MonkeyPatch) -> Alertmanager:
    found = Alertmanager()
    monkeypatch.setattr("alerts.notifier.unheard.time.time", lambda: NOON + found.now)
    return found


def test_what_alertmanager_has_no_longer_has_ended_when_it_was_first_missed(manager: Alertmanager) -> None:
    manager.told = {FIRST: alert(1), SECOND: alert(2)}
    manager.has = frozenset({FIRST, SECOND})
    assert manager.at(0) == []
    manager.has = frozenset({SECOND})
    assert manager.at(30) == []
    assert manager.at(30 + GONE_SECONDS - 1) == []
    (group,) = manager.at(30 + GONE_SECONDS)
    (ended,) = group.alerts
    assert (ended.fingerprint, ended.firing, ended.ends_at) == (FIRST, False, NOON + 30)
    assert (ended.summary, ended.starts_at) == (alert(1).summary, alert(1).starts_at)


def test_what_comes_back_has_not_ended(manager: Alertmanager) -> None:
    manager.told = {FIRST: alert(1)}
    manager.at(0)
    manager.has = frozenset({FIRST})
    manager.at(60)
    manager.has = frozenset()
    assert manager.at(70) == []
    assert manager.at(69 + GONE_SECONDS) == []
    assert len(manager.at(70 + GONE_SECONDS)) == 1


def test_an_alertmanager_that_does_not_answer_says_nothing(manager: Alertmanager) -> None:
    manager.told = {FIRST: alert(1)}
    manager.at(0)
    manager.has = None
    assert manager.at(GONE_SECONDS) == []
    manager.has = frozenset()
    assert manager.at(GONE_SECONDS + 30) == []  # it may have been started anew


def test_alertmanager_itself_may_take_its_group_interval_to_tell(manager: Alertmanager) -> None:
    manager.told = {FIRST: alert(1, labels={"severity": "info"})}
    manager.at(0)
    assert manager.at(GONE_SECONDS) == []
    assert len(manager.at(GONE_SECONDS_OF["info"])) == 1


def test_nobody_is_asked_while_nothing_is_open(manager: Alertmanager) -> None:
    assert manager.at(0) == []
    assert manager.asked == 0
