"""Every collector is timed, isolated and reported; one that fails costs only its own samples."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

import pytest

from exporter.engine.collector import Collector
from exporter.engine.runner import Runner
from exporter.model.errors import CollectorError, NotReadyError
from exporter.model.observations import CollectorResult, NodeStatus, Observation
from tests.unit import samples


class StandinCollector:
    """Does what it is told to when it is asked."""

    def __init__(self, name: str, look: Callable[[], Observation] = samples.vips) -> None:
        self.name = name
        self.look = look
        self.started = self.stopped = 0

    def start(self) -> None:
        self.started += 1

    def collect(self) -> Observation:
        return self.look()

    def stop(self) -> None:
        self.stopped += 1


def raises(error: Exception) -> Callable[[], Observation]:
    def look() -> Observation:
        raise error

    return look


def runner(*collectors: Collector) -> Runner:
    return Runner(samples.IDENTITY, collectors, clock=lambda: samples.NOW)


def by_name(status: NodeStatus) -> dict[str, CollectorResult]:
    return {result.collector: result for result in status.results}


def test_a_look_has_the_result_of_every_collector_with_its_duration() -> None:
    def slow() -> Observation:
        time.sleep(0.02)
        return samples.vrrp()

    status = runner(StandinCollector("vip"), StandinCollector("vrrp", slow)).collect()
    assert (status.node, status.time) == (samples.IDENTITY, samples.NOW)
    results = by_name(status)
    assert (results["vip"].observation, results["vip"].error) == (samples.vips(), None)
    assert results["vrrp"].duration >= 0.02 > results["vip"].duration >= 0


def test_one_that_fails_costs_only_itself_and_says_why() -> None:
    results = by_name(
        runner(
            StandinCollector("vrrp", raises(CollectorError("the lock cannot be looked at"))),
            StandinCollector("peer", raises(NotReadyError("the peer has not answered yet"))),
            StandinCollector("vip"),
        ).collect()
    )
    assert (results["vrrp"].observation, results["vrrp"].error) == (None, "the lock cannot be looked at")
    assert results["peer"].error == "the peer has not answered yet"
    assert results["vip"].error is None


def test_a_mistake_of_ours_costs_only_its_collector_and_is_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    one = runner(StandinCollector("sync", raises(ZeroDivisionError("division by zero"))), StandinCollector("vip"))
    for _ in range(3):
        results = by_name(one.collect())
    assert results["sync"].error == (
        "unexpected ZeroDivisionError: division by zero; the log has more, please report it"
    )
    assert results["vip"].error is None
    assert sum(record.exc_info is not None for record in caplog.records) == 1


def test_one_that_does_not_start_or_stop_keeps_no_other_from_it(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(StandinCollector):
        def start(self) -> None:
            message = "can't start new thread"
            raise RuntimeError(message)

        def stop(self) -> None:
            message = "cannot join thread before it is started"
            raise RuntimeError(message)

    broken, other = Broken("sync"), StandinCollector("vip")
    one = runner(broken, other)
    one.start()
    one.stop()
    assert (other.started, other.stopped) == (1, 1)
    assert [record.getMessage() for record in caplog.records] == [
        "collector sync did not start",
        "collector sync did not stop cleanly",
    ]


def test_one_that_hangs_costs_whoever_met_it_and_later_ones_go_on_without_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("exporter.engine.runner.PATIENCE_SECONDS", 0.05)
    release = threading.Event()

    def hang() -> Observation:
        release.wait(10)
        return samples.vrrp()

    one = runner(StandinCollector("vip"), StandinCollector("vrrp", hang), StandinCollector("sync", samples.sync))
    first = threading.Thread(target=one.collect)
    first.start()
    time.sleep(0.05)
    began = time.monotonic()
    results = by_name(one.collect())
    assert time.monotonic() - began < 5
    release.set()
    first.join()
    assert (
        results["vrrp"].error
        == "an earlier request to collector vrrp hangs; restart the exporter, and please report it"
    )
    assert (results["vip"].error, results["sync"].error) == (None, None)
    assert by_name(one.collect())["vrrp"].error is None


def test_many_may_look_at_once_but_each_collector_is_asked_by_one_at_a_time() -> None:
    inside: list[int] = []
    most = 0

    def look() -> Observation:
        nonlocal most
        inside.append(1)
        most = max(most, len(inside))
        time.sleep(0.001)
        inside.pop()
        return samples.vips()

    one = runner(StandinCollector("vip", look))
    threads = [threading.Thread(target=one.collect) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1


@pytest.mark.parametrize(
    "partial", [samples.sync(problems=("a is gone", "b is gone")), samples.vrrp(problems=("a is gone", "b is gone"))]
)
def test_one_with_a_part_of_its_data_has_both_that_and_an_error(partial: Observation) -> None:
    (result,) = runner(StandinCollector("sync", lambda: partial)).collect().results
    assert (result.observation, result.error) == (partial, "a is gone; b is gone")


def test_a_path_of_any_bytes_in_an_error_can_be_written_by_every_view() -> None:
    name = b"/srv/\xff".decode(errors="surrogateescape")
    (result,) = runner(StandinCollector("sync", raises(CollectorError(f"{name} is gone")))).collect().results
    assert result.error == "/srv/? is gone"


def test_a_failure_is_logged_once_when_it_begins_and_once_when_it_ends(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    collector = StandinCollector("vip")
    one = runner(collector)
    for look in (raises(CollectorError("no netlink")), samples.vips):
        collector.look = look
        for _ in range(3):
            one.collect()
    assert [record.getMessage() for record in caplog.records] == [
        "collector vip: no netlink",
        "collector vip works again",
    ]


def test_waiting_ends_when_every_collector_has_its_first_result() -> None:
    ready = time.monotonic() + 0.05

    def look() -> Observation:
        if time.monotonic() < ready:
            raise NotReadyError
        return samples.vips()

    failed = StandinCollector("sync", raises(CollectorError("no")))  # that is a result, too
    runner(StandinCollector("vip", look), failed).wait_until_ready(10)
    assert time.monotonic() >= ready


def test_waiting_ends_with_its_time() -> None:
    began = time.monotonic()
    runner(StandinCollector("vip", raises(NotReadyError("not yet")))).wait_until_ready(0.05)
    assert 0.05 <= time.monotonic() - began < 5
