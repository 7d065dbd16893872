"""Real Alertmanager -> real notifier -> stand-in phone; the shipped configuration, mostly with shorter waits."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.alerting.running_notifier import RunningNotifier, running_notifier
from tests.alerting.standin_signal import StandinSignal
from tests.rules.real_alertmanager import Alertmanager, Labels, alertmanager_for, free_port, wait_for

# How long the receiver is away; five minutes when the whole of it is asked for.
AWAY_SECONDS = float(os.environ.get("RECEIVER_AWAY_SECONDS", "20"))
SPLIT = {
    "alertname": "DnsHaSplitBrain",
    "severity": "critical",
    "component": "vip",
    "site": "home",
    "vip": "192.0.2.53",
}
SILENT = SPLIT | {"alertname": "DnsHaNoOwner"}
# Inhibited by a critical one about the virtual IP.
LOST = {"alertname": "DnsHaRedundancyLost", "severity": "warning", "component": "nodes", "site": "home", "node": "beta"}
DISK = {"alertname": "DnsHaDiskFull", "severity": "warning", "component": "hardware", "site": "home", "node": "alpha"}
TEXTS = {"description": "Unplug one of them.", "runbook_url": "https://dns.example/docs/runbooks/DnsHaSplitBrain.md"}


@dataclass
class Chain:
    alertmanager: Alertmanager
    notifier: RunningNotifier
    phones: list[StandinSignal]

    @property
    def titles(self) -> list[str]:
        return titles(self.phones[0])

    def fire(self, *alerts: Labels) -> None:
        for alert in alerts:
            self.alertmanager.send([alert], annotations=TEXTS | {"summary": f"home: {alert['alertname']}"})

    def resolve(self, *alerts: Labels) -> None:
        for alert in alerts:
            self.alertmanager.send(
                [alert], resolved=True, annotations=TEXTS | {"summary": f"home: {alert['alertname']}"}
            )


def titles(phone: StandinSignal) -> list[str]:
    """First lines, without how long it took."""
    return [sent.message.splitlines()[0].partition(" (after ")[0] for sent in phone.sent]


@contextmanager
def chain(directory: Path, phones: int = 1, intervals: str = "1s") -> Iterator[Chain]:
    with ExitStack() as stack:
        standins = [StandinSignal() for _ in range(phones)]
        for standin in standins:
            stack.callback(standin.close)
        urls = {"NOTIFY_URLS": " ".join(standin.url for standin in standins)}
        notifier = stack.enter_context(running_notifier(directory / "notifier", urls))
        alertmanager = stack.enter_context(alertmanager_for(notifier.address, directory, intervals=intervals))
        yield Chain(alertmanager, notifier, standins)
        assert [standin.refused for standin in standins] == [[]] * phones


def test_an_alert_and_its_end_are_one_message_each(tmp_path: Path) -> None:
    with chain(tmp_path, intervals="5s") as pair:
        fired = time.time()
        pair.fire(SPLIT)
        assert wait_for(lambda: len(pair.titles) == 1, 20)
        message = pair.phones[0].sent[0].message.replace("\r\n", "\n").splitlines()
        assert message[:2] == ["🔴 CRITICAL home: DnsHaSplitBrain", "Where: site home, vip 192.0.2.53"]
        assert re.fullmatch(r"Since: \d\d:\d\d:\d\d \(\d+ s\)", message[2])
        assert message[3:] == ["Now: Unplug one of them.", TEXTS["runbook_url"]]
        assert pair.phones[0].sent[0].time - fired < 15
        pair.resolve(SPLIT)
        assert wait_for(lambda: len(pair.titles) == 2, 20)
        time.sleep(6)  # another group_interval
        assert pair.titles == ["🔴 CRITICAL home: DnsHaSplitBrain", "✅ recovered: home: DnsHaSplitBrain"]


def test_what_was_inhibited_is_not_reported_as_ended(tmp_path: Path) -> None:
    with chain(tmp_path) as pair:
        pair.fire(SPLIT, LOST, DISK)
        assert wait_for(lambda: len(pair.titles) == 2, 20)
        pair.resolve(LOST, DISK)
        assert wait_for(lambda: len(pair.titles) == 3, 20)
        pair.resolve(SPLIT)
        assert wait_for(lambda: len(pair.titles) == 4, 20)
        time.sleep(3)
        assert sorted(pair.titles) == [
            "⚠️ WARNING home: DnsHaDiskFull",
            "✅ recovered: home: DnsHaDiskFull",
            "✅ recovered: home: DnsHaSplitBrain",
            "🔴 CRITICAL home: DnsHaSplitBrain",
        ]


def test_what_comes_later_is_told_first_and_what_lasts_is_mentioned(tmp_path: Path) -> None:
    with chain(tmp_path) as pair:
        pair.fire(LOST)
        assert wait_for(lambda: len(pair.titles) == 1, 20)
        pair.fire(DISK)
        assert wait_for(lambda: len(pair.titles) == 2, 20)
        assert pair.titles == ["⚠️ WARNING home: DnsHaRedundancyLost", "⚠️ WARNING home: DnsHaDiskFull"]
        assert pair.phones[0].sent[1].message.endswith("\n\nStill: home: DnsHaRedundancyLost")


@pytest.mark.timeout(AWAY_SECONDS + 300)
def test_a_receiver_that_was_away_gets_every_message_once(tmp_path: Path) -> None:
    with chain(tmp_path, intervals="5s") as pair:
        pair.phones[0].failing = True
        pair.fire(SPLIT)
        time.sleep(AWAY_SECONDS)
        assert pair.phones[0].attempts > 1
        assert pair.titles == []
        pair.phones[0].failing = False
        back = time.monotonic()
        assert wait_for(lambda: len(pair.titles) == 1, 90)
        print(f"told {time.monotonic() - back:.1f} s after the receiver came back from {AWAY_SECONDS:.0f} s away")
        time.sleep(6)
        pair.resolve(SPLIT)
        assert wait_for(lambda: len(pair.titles) == 2, 20)
        assert pair.titles == ["🔴 CRITICAL home: DnsHaSplitBrain", "✅ recovered: home: DnsHaSplitBrain"]


def test_one_dead_receiver_of_two_costs_the_other_neither_message_nor_recovery(tmp_path: Path) -> None:
    with chain(tmp_path, phones=2) as pair:
        pair.phones[1].failing = True
        pair.fire(SPLIT)
        assert wait_for(lambda: len(pair.titles) == 1, 20)
        pair.fire(SILENT)
        assert wait_for(lambda: len(pair.titles) == 2, 20)
        pair.resolve(SPLIT)
        assert wait_for(lambda: len(pair.titles) == 3, 20)
        assert titles(pair.phones[1]) == []
        pair.phones[1].failing = False
        assert wait_for(lambda: len(titles(pair.phones[1])) == 1, 60)
        # The message of what lasts; what ended while it was dead is no news.
        assert titles(pair.phones[1]) == ["🔴 CRITICAL home: DnsHaNoOwner"]
        assert pair.titles == [
            "🔴 CRITICAL home: DnsHaSplitBrain",
            "🔴 CRITICAL home: DnsHaNoOwner",
            "✅ recovered: home: DnsHaSplitBrain",
        ]


def test_a_notifier_that_was_away_and_forgot_nothing_tells_the_end(tmp_path: Path) -> None:
    phone, port = StandinSignal(), free_port()
    notifier = tmp_path / "notifier"
    settings = {"NOTIFY_URLS": phone.url}
    with alertmanager_for(f"127.0.0.1:{port}", tmp_path, intervals="1s") as alertmanager:
        with running_notifier(notifier, settings, port=port) as running:
            pair = Chain(alertmanager, running, [phone])
            pair.fire(SPLIT)
            assert wait_for(lambda: len(pair.titles) == 1, 20)
        pair.resolve(SPLIT)
        time.sleep(5)  # Alertmanager tries, to no avail
        with running_notifier(notifier, settings, port=port):
            assert wait_for(lambda: len(pair.titles) == 2, 60)
            time.sleep(3)
    phone.close()
    assert pair.titles == ["🔴 CRITICAL home: DnsHaSplitBrain", "✅ recovered: home: DnsHaSplitBrain"]


def test_two_nodes_tell_once_and_the_end_comes_from_the_one_that_is_left(tmp_path: Path) -> None:
    phone, port = StandinSignal(), free_port()
    cluster = [f"127.0.0.{number}:{free_port()}" for number in (2, 3)]
    with ExitStack() as stack:
        stack.callback(phone.close)
        nodes = []
        for number, (node, other) in enumerate((("alpha", 3), ("beta", 2))):
            (tmp_path / node).mkdir()
            settings = {"NOTIFY_URLS": phone.url, "NODE_NAME": node, "PEER_IP": f"127.0.0.{other}"}
            running = stack.enter_context(
                running_notifier(tmp_path / node / "notifier", settings, f"127.0.0.{number + 2}", port)
            )
            own = stack.enter_context(ExitStack())
            alertmanager = own.enter_context(
                alertmanager_for(
                    running.address,
                    tmp_path / node,
                    f"--cluster.listen-address={cluster[number]}",
                    f"--cluster.peer={cluster[1 - number]}",
                    "--cluster.peer-timeout=5s",
                    "--cluster.settle-timeout=5s",
                )
            )
            nodes.append((Chain(alertmanager, running, [phone]), own))
        for pair, _ in nodes:
            pair.fire(SPLIT)
        assert wait_for(lambda: len(phone.sent) == 1, 40)
        time.sleep(12)  # the other one has waited its turn
        assert titles(phone) == ["🔴 CRITICAL home: DnsHaSplitBrain"]
        tellers = [number for number, (pair, _) in enumerate(nodes) if pair.notifier.told()["alerts"]]
        assert len(tellers) == 1
        teller = tellers[0]
        # The Alertmanager that told dies; its notifier, on a node that runs, still knows.
        nodes[teller][1].close()
        left = nodes[1 - teller][0]
        left.resolve(SPLIT)
        assert wait_for(lambda: len(phone.sent) == 2, 40), left.notifier.log
        assert titles(phone)[1:] == ["✅ recovered: home: DnsHaSplitBrain"]
        assert wait_for(lambda: "told of 0 new, 1 ended" in left.notifier.log, 10)


@pytest.mark.parametrize("exact_first", [True, False])
@pytest.mark.parametrize("ahead", [60.0, -60.0])
def test_a_prometheus_whose_clock_is_a_minute_off_makes_no_message_twice(
    ahead: float, *, exact_first: bool, tmp_path: Path
) -> None:
    clocks = (0.0, ahead) if exact_first else (ahead, 0.0)

    def send(*, resolved: bool) -> None:
        for clock in clocks:
            texts = TEXTS | {"summary": "home: split"}
            pair.alertmanager.send([SPLIT], resolved=resolved, ahead=clock, age=70.0, annotations=texts)
            time.sleep(1.5)  # Alertmanager has told what it knows by then

    with chain(tmp_path) as pair:
        send(resolved=False)
        assert wait_for(lambda: len(pair.titles) == 1, 20)
        send(resolved=False)
        send(resolved=True)
        time.sleep(62)  # by a clock that is ahead it has ended now
        assert wait_for(lambda: len(pair.titles) == 2, 20)
        send(resolved=True)  # as Prometheus does for a quarter of an hour
        time.sleep(3)
        assert pair.titles == ["🔴 CRITICAL home: split", "✅ recovered: home: split"]
