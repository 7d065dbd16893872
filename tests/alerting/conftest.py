"""Phones, and a notifier that tells one of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.alerting.running_notifier import RunningNotifier, running_notifier
from tests.alerting.standin_signal import StandinSignal


@pytest.fixture
def phone() -> Iterator[StandinSignal]:
    standin = StandinSignal()
    yield standin
    standin.close()
    assert standin.refused == []  # of what the real one would refuse


@pytest.fixture
def second_phone() -> Iterator[StandinSignal]:
    standin = StandinSignal()
    yield standin
    standin.close()
    assert standin.refused == []


@pytest.fixture
def notifier(phone: StandinSignal, tmp_path: Path) -> Iterator[RunningNotifier]:
    with running_notifier(tmp_path, {"NOTIFY_URLS": phone.url}) as running:
        yield running
