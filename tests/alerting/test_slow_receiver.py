"""A receiver whose service takes long to answer, such as Signal on a Raspberry Pi: it gets one copy of each message."""

from __future__ import annotations

import time
from pathlib import Path
from threading import Thread

import pytest

from alerts.notifier import cli, notifier, receivers
from tests.alerting.messages import CRITICAL, titles
from tests.alerting.running_notifier import RunningNotifier, running_notifier
from tests.alerting.standin_signal import StandinSignal
from tests.rules.real_alertmanager import free_port, wait_for
from tests.unit.notifier.posts import entry, post

# Longer than the notifier lets Alertmanager wait for an answer.
SLOW_SECONDS = notifier.OVERALL_SECONDS + 3


def post_until_taken(running: RunningNotifier, seconds: float, pause: float) -> list[int]:
    """Post as Alertmanager does, again after a pause until it is taken; return all answers."""
    answers: list[int] = []
    end = time.monotonic() + seconds
    while time.monotonic() < end and 200 not in answers:
        answers.append(running.post(post(entry(1))))
        time.sleep(pause)
    return answers


@pytest.mark.timeout(120)
def test_a_receiver_that_takes_long_gets_one_copy_from_both_nodes_together(
    phone: StandinSignal, tmp_path: Path
) -> None:
    phone.delay = SLOW_SECONDS
    port = free_port()
    alpha_settings = {"NOTIFY_URLS": phone.url, "PEER_IP": "127.0.0.3", "NODE_NAME": "alpha"}
    beta_settings = {"NOTIFY_URLS": phone.url, "PEER_IP": "127.0.0.2", "NODE_NAME": "beta"}
    with (
        running_notifier(tmp_path / "beta", beta_settings, "127.0.0.3", port) as beta,
        running_notifier(tmp_path / "alpha", alpha_settings, "127.0.0.2", port) as alpha,
    ):
        answers: dict[str, list[int]] = {}

        def post_on(name: str, running: RunningNotifier, pause: float) -> None:
            answers[name] = post_until_taken(running, 40, pause)

        # Beta's Alertmanager has waited for the first one's word, and has not had it (--cluster.peer-timeout).
        for late, name, running, pause in ((0, "alpha", alpha, 4.0), (5, "beta", beta, 0.5)):
            time.sleep(late)
            Thread(target=post_on, args=(name, running, pause), daemon=True).start()
        assert wait_for(lambda: len(answers) == 2, 60)
        assert answers["alpha"][0] == 503
        assert [given[-1] for given in answers.values()] == [200, 200]
    assert titles(phone) == [f"{CRITICAL} 1"]
    assert phone.attempts == 1


def test_a_receiver_may_take_a_minute_and_more_before_it_is_given_up() -> None:
    opened = receivers.open_receiver("json://127.0.0.1:9/", 1)
    assert opened.read_seconds >= 75
    # A text that is too long is two messages, and none of them makes the notifier start anew.
    assert 2 * opened.read_seconds < notifier.STUCK_SECONDS
    assert cli.ENDING_SECONDS < 10
