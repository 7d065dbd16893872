"""A real notifier and a stand-in phone: whatever is posted, the right messages come, once."""

from __future__ import annotations

import http.client
import json
import re
import socket
import time
from pathlib import Path
from threading import Thread

import pytest

from tests.alerting.messages import CRITICAL, RECOVERED, titles
from tests.alerting.running_notifier import RunningNotifier, running_notifier
from tests.alerting.standin_heartbeat import heart
from tests.alerting.standin_signal import StandinSignal
from tests.rules.real_alertmanager import free_port, wait_for
from tests.unit.notifier.posts import entry, post

# Must be in no log, metric or answer.
TOKEN, NUMBER, USER, PASSWORD = "tk_Zx9Kq2", "+12025550100", "watchman", "s3cr3tpw"
SECRETS = (TOKEN, NUMBER, NUMBER[1:], "+12025550101", USER, PASSWORD, "beat-4f2a")


def test_an_alert_is_told_once_and_so_is_its_end(notifier: RunningNotifier, phone: StandinSignal) -> None:
    assert [notifier.post(post(entry(1))) for _ in range(3)] == [200] * 3
    assert [notifier.post(post(entry(1, ends=60))) for _ in range(3)] == [200] * 3
    assert titles(phone) == [f"{CRITICAL} 1", f"{RECOVERED} 1 (after 1 min 0 s)"]
    assert (phone.sent[0].number, phone.sent[0].recipients) == ("+12025550100", ["+12025550101"])
    assert notifier.metric("dnsha_notifier_deliveries_total", result="delivered", scheme="signal") == 2
    assert notifier.metric("dnsha_notifier_told_alerts") == 0
    assert time.time() - notifier.metric("dnsha_notifier_last_success_timestamp_seconds") < 60


def test_what_was_never_told_does_not_end(notifier: RunningNotifier, phone: StandinSignal) -> None:
    assert notifier.post(post(entry(1), entry(2, ends=30))) == 200
    assert notifier.post(post(entry(1, ends=60), entry(2, ends=30))) == 200
    assert "problem 2" not in "".join(sent.message for sent in phone.sent)
    assert len(phone.sent) == 2


def test_when_nobody_took_it_alertmanager_is_to_try_again(notifier: RunningNotifier, phone: StandinSignal) -> None:
    phone.failing = True
    assert notifier.post(post(entry(1))) == 503
    assert notifier.metric("dnsha_notifier_failing_since_timestamp_seconds", receiver="1") > time.time() - 60
    assert notifier.metric("dnsha_notifier_owed_messages") == 0
    phone.failing = False
    assert notifier.post(post(entry(1))) == 200
    assert titles(phone) == [f"{CRITICAL} 1"]
    assert "receiver 1 (signal): a message was not delivered: it answered with status 400" in notifier.log
    assert notifier.metric("dnsha_notifier_failing_since_timestamp_seconds", receiver="1") == 0


def test_a_dead_receiver_costs_the_others_nothing_and_is_told_when_it_is_back(
    phone: StandinSignal, second_phone: StandinSignal, tmp_path: Path
) -> None:
    second_phone.failing = True
    with running_notifier(tmp_path, {"NOTIFY_URLS": f"{phone.url}, {second_phone.url}"}) as notifier:
        assert notifier.post(post(entry(1), entry(2))) == 200
        assert notifier.post(post(entry(1), entry(2, ends=60))) == 200
        assert titles(phone) == [f"{CRITICAL} 1 (+1 more)", f"{RECOVERED} 2 (after 1 min 0 s)"]
        assert wait_for(lambda: notifier.metric("dnsha_notifier_owed_messages", receiver="2") == 1, 10)
        second_phone.failing = False
        # What it missed altogether is no news any more.
        assert wait_for(lambda: titles(second_phone) == [f"{CRITICAL} 1"], 20)
        # The phone has a message a moment before the notifier knows.
        assert wait_for(lambda: notifier.metric("dnsha_notifier_owed_messages") == 0, 10)
        assert notifier.post(post(entry(1, ends=90))) == 200
    assert titles(phone)[2:] == titles(second_phone)[1:] == [f"{RECOVERED} 1 (after 1 min 30 s)"]


def test_a_receiver_that_hangs_keeps_alertmanager_waiting_less_than_its_patience(
    phone: StandinSignal, tmp_path: Path
) -> None:
    phone.delay = 9.0
    with running_notifier(tmp_path, {"NOTIFY_URLS": phone.url}) as notifier:
        began = time.monotonic()
        assert notifier.post(post(entry(1))) == 503
        assert 7.0 < time.monotonic() - began < 9.8
        # It took the message after all, so that the next attempt has nothing left to say.
        assert notifier.post(post(entry(1))) == 200
    assert titles(phone) == [f"{CRITICAL} 1"]


def test_each_severity_goes_where_it_should(phone: StandinSignal, second_phone: StandinSignal, tmp_path: Path) -> None:
    settings = {"NOTIFY_URLS": phone.url, "NOTIFY_URLS_WARNING": second_phone.url, "NOTIFY_URLS_INFO": "none"}
    with running_notifier(tmp_path, settings) as notifier:
        found = [
            entry(number, labels={"severity": name}) for number, name in enumerate(("warning", "info", "critical"))
        ]
        assert notifier.post(post(*found)) == 200
        assert notifier.post(post(found[1], groupKey="another")) == 200
        assert notifier.metric("dnsha_notifier_messages_total", severity="info", result="no_receiver") == 1
        assert notifier.metric("dnsha_notifier_receivers", severity="info") == 0
    assert (titles(phone), titles(second_phone)) == ([f"{CRITICAL} 2"], ["⚠️ WARNING home: problem 0"])


def test_without_receivers_it_runs_says_so_and_the_heartbeat_works(tmp_path: Path) -> None:
    with heart() as beats, running_notifier(tmp_path, {"HEARTBEAT_URL": beats.url}) as notifier:
        assert notifier.post(post(entry(1))) == 200
        assert "NOBODY IS TOLD" in notifier.log
        assert notifier.metric("dnsha_notifier_receivers") == 0
        assert notifier.post(post(), "/heartbeat") == 200
        assert beats.calls == ["/ping/beat-4f2a"]


def test_the_heartbeat_is_passed_on_not_too_often_and_its_failure_is_told(tmp_path: Path) -> None:
    with heart() as beats, running_notifier(tmp_path, {"HEARTBEAT_URL": beats.url}) as notifier:
        beats.status = 500
        assert [notifier.post(post(), "/heartbeat") for _ in range(2)] == [502, 502]
        beats.status = 200
        assert [notifier.post(post(), "/heartbeat") for _ in range(2)] == [200, 200]
        assert len(beats.calls) == 3
        assert notifier.metric("dnsha_notifier_heartbeats_total", result="failed") == 2
        assert notifier.metric("dnsha_notifier_heartbeats_total", result="too_soon") == 1
        assert time.time() - notifier.metric("dnsha_notifier_last_heartbeat_timestamp_seconds") < 60
        assert "beat-4f2a" not in notifier.log


def test_the_end_of_what_the_other_node_told_is_told(
    phone: StandinSignal, second_phone: StandinSignal, tmp_path: Path
) -> None:
    port = free_port()
    one = {"NOTIFY_URLS": phone.url, "PEER_IP": "127.0.0.3", "NODE_NAME": "alpha"}
    other = {"NOTIFY_URLS": second_phone.url, "PEER_IP": "127.0.0.2", "NODE_NAME": "beta"}
    with running_notifier(tmp_path / "beta", other, "127.0.0.3", port) as beta:
        with running_notifier(tmp_path / "alpha", one, "127.0.0.2", port) as alpha:
            assert alpha.post(post(entry(1))) == 200
            told = alpha.told()
            assert (told["node"], list(told["alerts"]), told["in_hand"]) == ("alpha", [f"{1:016x}"], [])
            assert beta.post(post(entry(1))) == 200
            assert titles(second_phone) == []
            assert beta.post(post(entry(1, ends=60), entry(2, ends=60))) == 200
            assert titles(second_phone) == [f"{RECOVERED} 1 (after 1 min 0 s)"]
        # Nobody to ask: rather told than lost.
        assert beta.post(post(entry(3, ends=60))) == 200
    assert titles(second_phone)[1:] == [f"{RECOVERED} 3 (after 1 min 0 s)"]


def test_a_node_that_cannot_tell_holds_nobody_up(
    phone: StandinSignal, second_phone: StandinSignal, tmp_path: Path
) -> None:
    port = free_port()
    one = {"NOTIFY_URLS": phone.url, "PEER_IP": "127.0.0.3", "NODE_NAME": "alpha"}
    other = {"NOTIFY_URLS": second_phone.url, "PEER_IP": "127.0.0.2", "NODE_NAME": "beta"}
    with (
        running_notifier(tmp_path / "beta", other, "127.0.0.3", port) as beta,
        running_notifier(tmp_path / "alpha", one, "127.0.0.2", port) as alpha,
    ):
        phone.failing = True
        assert alpha.post(post(entry(1))) == 503
        assert alpha.told()["in_hand"] == []
        assert beta.post(post(entry(1))) == 200
        assert len(titles(second_phone)) == 1
        phone.failing = False
        assert alpha.post(post(entry(1))) == 200
        assert titles(phone) == []


def test_nonsense_is_refused_counted_and_logged(notifier: RunningNotifier, phone: StandinSignal) -> None:
    assert notifier.post(b"{") == 400
    assert notifier.post(post(entry(1, status="\n\x1bgone"))) == 400
    assert notifier.post(b"[" * 1_000_000) == 400
    assert notifier.post(b" " * (4 * 1024 * 1024 + 1)) == 413
    assert notifier.post(post(entry(1)), "/elsewhere") == 404
    assert notifier.metric("dnsha_notifier_bad_requests_total", reason="malformed") == 3
    assert notifier.metric("dnsha_notifier_bad_requests_total", reason="too_large") == 1
    assert "status in alerts[0] is not one of firing, resolved" in notifier.log
    assert phone.attempts == 0
    assert notifier.post(post(entry(1))) == 200


def test_a_post_without_a_length_or_cut_short_is_refused(notifier: RunningNotifier) -> None:
    host, _, port = notifier.address.partition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=20)
    connection.putrequest("POST", "/")
    connection.endheaders()
    assert connection.getresponse().status == 411
    connection.close()
    with socket.create_connection((host, int(port)), timeout=20) as slow:
        slow.sendall(b"POST / HTTP/1.1\r\nContent-Length: 100\r\n\r\n{")
        assert slow.recv(100).startswith(b"HTTP/1.0 408")
    with socket.create_connection((host, int(port)), timeout=20) as cut:
        cut.sendall(b"POST / HTTP/1.1\r\nContent-Length: 100\r\n\r\n{")
        cut.shutdown(socket.SHUT_WR)
        assert cut.recv(100).startswith(b"HTTP/1.0 400")


def test_a_thousand_alerts_are_one_message(notifier: RunningNotifier, phone: StandinSignal) -> None:
    found = [entry(number, annotations={"description": "é" * 500}) for number in range(1000)]
    assert notifier.post(post(*found)) == 200
    assert notifier.post(post(*found)) == 200
    assert len(phone.sent) == 1
    assert phone.sent[0].message.endswith("and 980 more")
    assert notifier.metric("dnsha_notifier_told_alerts") == 1000


def test_hostile_values_are_harmless_on_the_phone(notifier: RunningNotifier, phone: StandinSignal) -> None:
    hostile = "x\r\n\x00\x1b[2J\u202e<img src=x>**b** [c](https://evil.example) @everyone\ud83d\ude00"
    annotations = {"summary": f"home: {hostile}", "description": "y" * 1_000_000}
    assert notifier.post(post(entry(1, labels={"node": hostile}, annotations=annotations))) == 200
    message = phone.sent[0].message.replace("\r\n", "\n")
    assert [re.split("[: ]", line)[0] for line in message.splitlines()] == ["🔴", "Where", "Since", "Now", "https"]
    assert not set(message) & set("\x00\x1b\u202e<>*[]@")
    assert "😀" in message
    assert "evil\u2024example" in message
    assert "evil.example" not in message
    assert "https://evil.example" not in message
    assert len(message) < 2000


@pytest.mark.parametrize(
    "text", ["الموقع: لا أحد يملك العنوان", "家 没有节点拥有地址", "дом: нет владельца", "घर: कोई स्वामी नहीं"]
)
def test_any_language_arrives_as_written(notifier: RunningNotifier, phone: StandinSignal, text: str) -> None:
    assert notifier.post(post(entry(1, labels={"site": ""}, annotations={"summary": text}))) == 200
    assert titles(phone) == [f"🔴 CRITICAL {text}"]


def test_a_stop_finishes_the_message_in_hand(phone: StandinSignal, tmp_path: Path) -> None:
    phone.delay = 2.0
    answers: list[int] = []
    with running_notifier(tmp_path, {"NOTIFY_URLS": phone.url}) as notifier:
        sender = Thread(target=lambda: answers.append(notifier.post(post(entry(1)))))
        sender.start()
        assert wait_for(lambda: phone.attempts == 1, 10)
    sender.join(10)
    assert answers == [200]
    assert titles(phone) == [f"{CRITICAL} 1"]


def test_no_secret_is_in_any_log_metric_or_answer(phone: StandinSignal, tmp_path: Path) -> None:
    urls = [
        f"signal://{USER}:{PASSWORD}@127.0.0.1:{phone.port}/{NUMBER}/+12025550101",
        f"ntfy://{USER}:{PASSWORD}@127.0.0.1:{phone.port}/{TOKEN}",  # 404
        f"json://{USER}:{PASSWORD}@127.0.0.1:{free_port()}/{TOKEN}",  # refused
        f"json://{USER}:{PASSWORD}@name.invalid/{TOKEN}",  # no such name
        f"jsons://{USER}:{PASSWORD}@127.0.0.1:{phone.port}/{TOKEN}",  # no TLS there
        f"mailto://{USER}:{PASSWORD}@mail.example:{free_port()}?smtp=127.0.0.1&to={TOKEN}@mail.example",  # refused
    ]
    secret = tmp_path / "urls"
    secret.write_text("\n".join(urls) + "\n")
    phone.failing = True
    environment = {"NOTIFY_URLS_FILE": str(secret), "HEARTBEAT_URL": "http://name.invalid/beat-4f2a"}
    with running_notifier(tmp_path, environment) as notifier:
        assert notifier.post(post(entry(1))) == 503
        assert notifier.post(post(), "/heartbeat") == 502
        phone.failing = False
        assert notifier.post(post(entry(1))) == 200
        everything = notifier.log + notifier.get("/metrics").decode() + json.dumps(notifier.told())
        everything += (tmp_path / "told.json").read_text() + Path(f"/proc/{notifier.process.pid}/cmdline").read_text()
        for number in range(1, 7):
            assert re.search(rf"receiver {number} \(\w+\): a message was not delivered: .+", everything)
    assert [secret for secret in SECRETS if secret in everything + notifier.log] == []
