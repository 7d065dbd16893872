"""What a receiver is owed while it is away: it learns of everything once, however much happens meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.alerting.messages import CRITICAL, RECOVERED, titles
from tests.alerting.running_notifier import RunningNotifier, running_notifier
from tests.alerting.standin_signal import StandinSignal
from tests.rules.real_alertmanager import free_port, wait_for
from tests.unit.notifier.posts import entry, post


@contextmanager
def owing_an_end(phone: StandinSignal, away: StandinSignal, directory: Path) -> Iterator[RunningNotifier]:
    """A notifier that told both of two alerts, and one of the two phones alone that the first has ended."""
    with running_notifier(directory, {"NOTIFY_URLS": f"{phone.url}, {away.url}"}) as notifier:
        assert notifier.post(post(entry(1), entry(2))) == 200
        away.failing = True
        assert notifier.post(post(entry(1, ends=60), entry(2))) == 200
        yield notifier


def test_an_end_that_is_owed_outlives_the_next_post_of_its_group(
    phone: StandinSignal, second_phone: StandinSignal, tmp_path: Path
) -> None:
    with owing_an_end(phone, second_phone, tmp_path) as notifier:
        assert notifier.post(post(entry(2), entry(3))) == 200
        second_phone.failing = False
        assert wait_for(lambda: len(second_phone.sent) == 2, 30)
        assert titles(second_phone)[1] == f"{CRITICAL} 3"
        assert "✅ recovered: home: problem 1" in second_phone.sent[1].message
        assert wait_for(lambda: notifier.metric("dnsha_notifier_owed_messages") == 0, 10)
    assert len(phone.sent) == 3


def test_a_post_that_nobody_takes_leaves_what_was_owed_before(
    phone: StandinSignal, second_phone: StandinSignal, tmp_path: Path
) -> None:
    with owing_an_end(phone, second_phone, tmp_path) as notifier:
        phone.failing = True
        assert notifier.post(post(entry(2), entry(3))) == 503  # Alertmanager, or the other node, sees to it
        second_phone.failing = False
        assert wait_for(lambda: len(second_phone.sent) == 2, 30)
    assert titles(second_phone)[1].startswith(f"{RECOVERED} 1")


def test_what_has_ended_meanwhile_by_the_other_node_is_no_news(
    phone: StandinSignal, second_phone: StandinSignal, tmp_path: Path
) -> None:
    port = free_port()
    both = {"NOTIFY_URLS": f"{phone.url}, {second_phone.url}"}
    alpha_settings = both | {"PEER_IP": "127.0.0.3", "NODE_NAME": "alpha"}
    beta_settings = both | {"PEER_IP": "127.0.0.2", "NODE_NAME": "beta"}
    with (
        running_notifier(tmp_path / "beta", beta_settings, "127.0.0.3", port) as beta,
        running_notifier(tmp_path / "alpha", alpha_settings, "127.0.0.2", port) as alpha,
    ):
        second_phone.failing = True
        assert alpha.post(post(entry(1))) == 200
        second_phone.failing = False
        assert beta.post(post(entry(1, ends=60))) == 200
        assert wait_for(lambda: alpha.metric("dnsha_notifier_owed_messages") == 0, 30)
    assert [title.partition(" (after")[0] for title in titles(phone)] == [f"{CRITICAL} 1", f"{RECOVERED} 1"]
    assert [title.partition(" (after")[0] for title in titles(second_phone)] == [f"{RECOVERED} 1"]


def test_a_corrected_url_gets_what_the_wrong_one_was_owed(
    phone: StandinSignal, second_phone: StandinSignal, tmp_path: Path
) -> None:
    wrong = second_phone.url.replace("+12025550101", "+12025550199")
    second_phone.failing = True
    with running_notifier(tmp_path, {"NOTIFY_URLS": f"{phone.url}, {wrong}"}) as notifier:
        assert notifier.post(post(entry(1))) == 200
    second_phone.failing = False
    with running_notifier(tmp_path, {"NOTIFY_URLS": f"{phone.url}, {second_phone.url}"}):
        assert wait_for(lambda: titles(second_phone) == [f"{CRITICAL} 1"], 20)
    assert second_phone.sent[0].recipients == ["+12025550101"]
