"""``--test``: whoever set NOTIFY_URLS learns at once whether messages arrive."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping

from tests.alerting.messages import titles
from tests.alerting.running_notifier import REPOSITORY
from tests.alerting.standin_heartbeat import heart
from tests.alerting.standin_signal import StandinSignal
from tests.rules.real_alertmanager import free_port

SECRET = "tk_Zx9Kq2"


def trial(environment: Mapping[str, str]) -> tuple[int, list[str], str]:
    """Run the command; return its exit code, the lines that it printed, and what it complained about."""
    command = [sys.executable, "-m", "alerts.notifier", "--test"]
    settings = {"NODE_NAME": "alpha", **environment}
    done = subprocess.run(
        command, env=settings, cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False
    )
    return done.returncode, done.stdout.splitlines(), done.stderr


def test_every_receiver_gets_a_message_that_says_what_it_is(phone: StandinSignal, second_phone: StandinSignal) -> None:
    with heart() as beats:
        settings = {
            "NOTIFY_URLS": phone.url,
            "NOTIFY_URLS_WARNING": f"{phone.url} {second_phone.url}",
            "HEARTBEAT_URL": beats.url,
            "RUNBOOKS_URL": "http://192.0.2.11:9753/runbooks/",
        }
        assert trial(settings) == (
            0,
            [
                "receiver 1 (signal), told of everything: delivered",
                "receiver 2 (signal), told of warning: delivered",
                "HEARTBEAT_URL: answered",
            ],
            "",
        )
        assert len(beats.calls) == 1
    assert titles(phone) == titles(second_phone) == ["🔔 TEST from alpha"]
    assert "Nothing is wrong: messages from alpha reach you." in phone.sent[0].message
    assert "http://192.0.2.11:9753/runbooks/" in phone.sent[0].message


def test_what_failed_is_said_without_its_secret_and_the_others_are_tried(phone: StandinSignal) -> None:
    with heart() as beats:
        beats.status = 500
        dead = f"json://127.0.0.1:{free_port()}/{SECRET}"
        code, lines, complaint = trial({"NOTIFY_URLS": f"{dead}, {phone.url}", "HEARTBEAT_URL": beats.url})
    assert (code, lines) == (
        1,
        [
            "receiver 1 (json), told of everything: not delivered: the connection was refused",
            "receiver 2 (signal), told of everything: delivered",
            "HEARTBEAT_URL: not reached, or it refused",
        ],
    )
    assert SECRET not in complaint
    assert titles(phone) == ["🔔 TEST from alpha"]


def test_without_receivers_it_says_that_nobody_is_told() -> None:
    assert trial({})[:2] == (1, ["no receivers: NOTIFY_URLS is empty, and nobody is told when something breaks"])


def test_a_mistake_in_a_url_is_said_and_nothing_is_sent(phone: StandinSignal) -> None:
    code, lines, complaint = trial({"NOTIFY_URLS": f"{phone.url} gibberish://{SECRET}"})
    assert (code, lines) == (2, [])
    assert "NOTIFY_URLS: URL 2 of 2: its service (the word before ://) is none that Apprise knows" in complaint
    assert SECRET not in complaint
    assert phone.sent == []
