"""What a worker learned last is told until it is too old."""

from __future__ import annotations

import pytest

from exporter.engine.latest import Latest
from exporter.model.errors import CollectorError, NotReadyError


def test_what_has_not_been_asked_is_not_ready() -> None:
    with pytest.raises(NotReadyError, match="Unbound has not been asked for its statistics yet"):
        Latest[int]("Unbound", 10.0).get()


def test_the_latest_value_is_told_and_then_the_latest_problem() -> None:
    latest = Latest[int]("Unbound", 10.0)
    latest.put(0, None)
    assert latest.get() == 0
    latest.put(None, "it does not answer")
    with pytest.raises(CollectorError, match="it does not answer"):
        latest.get()


def test_what_is_too_old_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.monotonic", lambda: 100.0)
    latest = Latest[int]("Unbound", 10.0)
    latest.put(7, None)
    monkeypatch.setattr("time.monotonic", lambda: 110.0)
    assert latest.get() == 7
    monkeypatch.setattr("time.monotonic", lambda: 110.5)
    with pytest.raises(CollectorError, match="Unbound's statistics are 10 s old; restart the exporter"):
        latest.get()
