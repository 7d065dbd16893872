"""Given quiet hours, when it is not critical, then it is told in the morning, all of it as one message."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from alerts.notifier.courier import Courier, Task
from alerts.notifier.facts import Facts
from alerts.notifier.message import Writer
from alerts.notifier.metrics import Metrics
from alerts.notifier.moves import Move
from alerts.notifier.notifier import Notifier
from alerts.notifier.payload import Group
from alerts.notifier.quiet import QuietHours, parse
from alerts.notifier.receivers import open_receiver
from alerts.notifier.settings import load
from alerts.notifier.store import Store
from tests.alerting.standin_signal import StandinSignal
from tests.rules.real_alertmanager import wait_for
from tests.unit.notifier.posts import NOON, entry, group

BERLIN = ZoneInfo("Europe/Berlin")
NEVER = parse("", BERLIN)
HOLD_SECONDS = 1.0
WARNING = {"severity": "warning", "alertname": "DnsHaDiskFull"}
FAILOVER = {"severity": "info", "alertname": "DnsHaFailover", "component": "vrrp"}


def at(hour: int, minute: int = 0) -> float:
    return datetime(2026, 1, 15, hour, minute, tzinfo=BERLIN).timestamp()


@pytest.mark.parametrize(
    ("text", "now", "hours"),
    [
        ("22:00-07:00", at(21, 59), 0),
        ("22:00-07:00", at(22), 9),
        ("22:00-07:00", at(6), 1),
        ("22:00-07:00", at(7), 0),
        ("01:30-02:00", at(1, 45), 0.25),
        ("01:30-02:00", at(12), 0),
        ("", at(3), 0),
    ],
)
def test_it_is_quiet_by_the_clock_on_the_wall(text: str, now: float, hours: float) -> None:
    assert parse(text, BERLIN).left(now) == hours * 3600


@pytest.mark.parametrize("text", ["22-7", "25:00-07:00", "22:00", "night", "22:00-07:60"])
def test_what_is_no_time_of_day_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="such as 22:00-07:00"):
        parse(text, BERLIN)


@pytest.fixture
def phone() -> Iterator[StandinSignal]:
    standin = StandinSignal()
    yield standin
    standin.close()


@contextmanager
def courier(phone: StandinSignal, directory: Path, quiet: QuietHours = NEVER) -> Iterator[Courier]:
    facts = Facts(moves=(Move(NOON, "alpha", "beta", "Pi-hole stopped on alpha"),))
    running = Courier(
        open_receiver(phone.url, 1),
        Store(directory / "told.json"),
        Writer(UTC),
        Metrics(),
        dict,
        lambda *_: facts,
        quiet,
    )
    running.start()
    yield running
    running.stop()
    running.join(5)


def hold(running: Courier, *groups: Group, seconds: float = HOLD_SECONDS) -> None:
    for each in groups:
        task = Task(each, {})
        running.hold(task, seconds)
        assert task.outcome.result(0)  # Alertmanager need not try again


def test_what_is_held_is_one_message_of_what_lasts_and_what_is_over(phone: StandinSignal, tmp_path: Path) -> None:
    with courier(phone, tmp_path) as running:
        hold(
            running,
            group(entry(1, labels=WARNING)),
            group(entry(2, labels=WARNING), entry(3, labels=FAILOVER)),
            group(entry(1, labels=WARNING, ends=600), entry(3, labels=FAILOVER, ends=60)),
            group(entry(3, labels=FAILOVER, starts=7200)),
            group(entry(4, labels=WARNING, ends=60)),  # of which nobody was told
        )
        assert phone.sent == []
        assert wait_for(lambda: len(phone.sent) == 1, 10)
    lines = phone.sent[0].message.replace("\r\n", "\n").splitlines()
    told = [line.partition("home: ")[2] for line in lines if "home: " in line]
    moved = "the virtual IP moved from alpha to beta at Sun 01 Mar 12:00:00, because Pi-hole stopped on alpha"
    assert told == ["problem 2 (+2 more)", moved, moved, "problem 1 (after 10 min 0 s)"]
    assert phone.attempts == 1


def test_a_restart_at_night_neither_loses_nor_tells_it(phone: StandinSignal, tmp_path: Path) -> None:
    with courier(phone, tmp_path) as running:
        hold(running, group(entry(1, labels=WARNING)), seconds=3600)
    quiet_now = QuietHours(0, 86399, ZoneInfo("UTC"))
    with courier(phone, tmp_path, quiet_now):
        assert not wait_for(lambda: bool(phone.sent), 1)
    with courier(phone, tmp_path):
        assert wait_for(lambda: len(phone.sent) == 1, 10)


def test_what_began_and_ended_at_night_is_told_after_a_restart_too(phone: StandinSignal, tmp_path: Path) -> None:
    with courier(phone, tmp_path) as running:
        night = group(entry(1, labels=WARNING)), group(entry(1, labels=WARNING, ends=600))
        hold(running, *night, seconds=3600)
    with courier(phone, tmp_path):
        assert wait_for(lambda: len(phone.sent) == 1, 10)
    assert phone.sent[0].message.startswith("✅ recovered: home: problem 1 (after 10 min 0 s)")


def test_what_its_group_no_longer_has_is_owed_no_more(phone: StandinSignal, tmp_path: Path) -> None:
    with courier(phone, tmp_path) as running:
        running.keep(Task(group(entry(1), entry(2, ends=60)), {}))
        post = Task(group(entry(3)), {})
        running.owe(post)
        assert post.outcome.result(10)
    assert "problem 1" not in "".join(sent.message for sent in phone.sent)
    assert Store(tmp_path / "told.json").owed(running.receiver.identity) == ()


def test_critical_passes_at_any_hour_and_so_does_its_end(phone: StandinSignal, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    hours = f"{now:%H:%M}-{(now.hour + 6) % 24:02d}:{now:%M}"
    settings = load({"NOTIFY_URLS": phone.url, "QUIET_HOURS": hours, "NOTIFIER_STATE": str(tmp_path / "told.json")})
    notifier = Notifier(settings, Metrics())
    notifier.start()
    assert notifier.take(group(entry(1, labels=WARNING))) == "delivered"
    assert phone.sent == []
    assert notifier.take(group(entry(2))) == "delivered"
    assert notifier.take(group(entry(2, ends=60))) == "delivered"
    notifier.stop(5)
    assert [sent.message.splitlines()[0] for sent in phone.sent] == [
        "🔴 CRITICAL home: problem 2",
        "✅ recovered: home: problem 2 (after 1 min 0 s)",
    ]
