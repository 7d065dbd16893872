"""What a notifier knows and owes outlives it; a memory that is broken is no reason to be silent."""

from __future__ import annotations

from pathlib import Path

from tests.alerting.messages import CRITICAL, RECOVERED, titles
from tests.alerting.running_notifier import running_notifier
from tests.alerting.standin_signal import StandinSignal
from tests.rules.real_alertmanager import wait_for
from tests.unit.notifier.posts import entry, post


def test_an_alert_told_before_a_restart_ends_after_it(phone: StandinSignal, tmp_path: Path) -> None:
    for body in (post(entry(1)), post(entry(1)), post(entry(1, ends=60))):
        with running_notifier(tmp_path, {"NOTIFY_URLS": phone.url}) as notifier:
            assert notifier.post(body) == 200
    assert titles(phone) == [f"{CRITICAL} 1", f"{RECOVERED} 1 (after 1 min 0 s)"]


def test_a_broken_memory_is_no_reason_to_be_silent(phone: StandinSignal, tmp_path: Path) -> None:
    (tmp_path / "told.json").write_text('{"receivers": [1]}')
    with running_notifier(tmp_path, {"NOTIFY_URLS": phone.url}) as notifier:
        assert notifier.post(post(entry(1))) == 200
        assert "nothing is known of what was told before and of what is owed" in notifier.log
    assert titles(phone) == [f"{CRITICAL} 1"]
    with running_notifier(
        tmp_path / "other", {"NOTIFY_URLS": phone.url, "NOTIFIER_STATE": "/proc/told.json"}
    ) as notifier:
        assert notifier.post(post(entry(2))) == 200
        assert "/proc/told.json cannot be written" in notifier.log
    assert len(phone.sent) == 2


def test_what_a_receiver_missed_is_told_after_a_restart(
    phone: StandinSignal, second_phone: StandinSignal, tmp_path: Path
) -> None:
    environment = {"NOTIFY_URLS": f"{phone.url}, {second_phone.url}"}
    second_phone.failing = True
    with running_notifier(tmp_path, environment) as notifier:
        assert notifier.post(post(entry(1))) == 200
    assert (tmp_path / "told.json").stat().st_mode & 0o777 == 0o600
    with running_notifier(tmp_path, environment) as notifier:  # and it goes on being owed
        assert wait_for(
            lambda: notifier.metric("dnsha_notifier_deliveries_total", receiver="2", result="failed") > 0, 10
        )
        assert notifier.metric("dnsha_notifier_owed_messages", receiver="2") == 1
    second_phone.failing = False
    with running_notifier(tmp_path, environment) as notifier:
        assert wait_for(lambda: titles(second_phone) == [f"{CRITICAL} 1"], 10)
        assert notifier.post(post(entry(1, ends=60))) == 200
    with running_notifier(tmp_path, environment) as notifier:  # what was delivered is owed no more
        assert notifier.metric("dnsha_notifier_owed_messages") == 0
    assert titles(phone) == titles(second_phone) == [f"{CRITICAL} 1", f"{RECOVERED} 1 (after 1 min 0 s)"]
