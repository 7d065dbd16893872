"""A thread that does one thing periodically, survives its own mistakes and ends when told."""

from __future__ import annotations

import threading
import time

import pytest

from exporter.engine.worker import Worker


def test_it_works_at_once_and_again_after_its_interval() -> None:
    calls = threading.Semaphore(0)

    def work() -> float:
        calls.release()
        return 0.001

    worker = Worker("test", work)
    worker.start()
    for _ in range(5):
        assert calls.acquire(timeout=5)
    worker.stop()


def test_being_woken_it_does_not_wait_for_its_interval() -> None:
    calls = threading.Semaphore(0)

    def work() -> float:
        calls.release()
        return 3600.0

    worker = Worker("test", work)
    worker.start()
    for _ in range(3):
        assert calls.acquire(timeout=5)
        worker.wake()
    worker.stop()


def test_a_mistake_is_logged_and_does_not_end_it(caplog: pytest.LogCaptureFixture) -> None:
    calls = threading.Semaphore(0)

    def work() -> float:
        calls.release()
        message = "a mistake"
        raise ValueError(message)

    worker = Worker("test", work)
    worker.start()
    for _ in range(3):
        assert calls.acquire(timeout=5)
        worker.wake()
    worker.stop()
    assert caplog.records[0].getMessage() == "test failed unexpectedly; it goes on"
    assert caplog.records[0].exc_info is not None


def test_it_ends_at_once_while_it_waits() -> None:
    worked = threading.Event()

    def work() -> float:
        worked.set()
        return 3600.0

    worker = Worker("test", work)
    worker.start()
    assert worked.wait(5)
    before = threading.active_count()
    worker.stop()
    assert (worker.stopping, threading.active_count()) == (True, before - 1)


def test_work_that_hangs_is_not_waited_for_longer_than_told() -> None:
    release = threading.Event()

    def work() -> float:
        release.wait(10)
        return 0.0

    worker = Worker("test", work)
    worker.start()
    began = time.monotonic()
    worker.stop(0.05)
    assert time.monotonic() - began < 5
    release.set()
    worker.stop()


def test_one_that_was_never_started_can_be_stopped() -> None:
    Worker("test", lambda: 0.0).stop()


def test_a_thread_that_hangs_is_replaced_by_one_and_no_more() -> None:
    release, hangs, calls = threading.Event(), threading.Semaphore(0), []

    def work() -> float:
        calls.append(threading.current_thread())
        hangs.release()
        release.wait(10)
        stopped.append(worker.stopping)
        return 0.001

    stopped: list[bool] = []
    worker = Worker("test", work)
    worker.start()
    assert hangs.acquire(timeout=5)
    assert worker.replace()
    assert hangs.acquire(timeout=5)
    assert calls[0] is not calls[1]
    assert not worker.replace()  # the first one hangs still
    release.set()
    calls[0].join(5)
    assert hangs.acquire(timeout=5)  # the second one goes on
    assert not calls[0].is_alive()
    assert set(calls[1:]) == {calls[1]}
    assert stopped.count(True) == 1  # the first one's, however often the second has worked meanwhile
    assert False in stopped
    assert not worker.stopping
    assert worker.replace()
    worker.stop()


def test_one_that_was_stopped_is_not_replaced() -> None:
    worker = Worker("test", lambda: 3600.0)
    worker.start()
    worker.stop()
    assert not worker.replace()
