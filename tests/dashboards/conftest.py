"""The recording in a real Prometheus, once for all tests."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest

from dashboards.preview.libraries import READING, missing
from dashboards.preview.replay import Replay, replay


@pytest.fixture(scope="session")
def prometheus_tools() -> None:
    """Without Prometheus' tools a laptop skips and CI fails."""
    missing = [name for name in ("prometheus", "promtool") if shutil.which(name) is None]
    if missing:
        reason = f"{' and '.join(missing)} missing: apt-get install prometheus"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)


@pytest.fixture(scope="session")
def grafana_libraries() -> None:
    """Without Node or Grafana's libraries a laptop skips and CI fails."""
    if reason := missing(READING):
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)


@pytest.fixture(scope="session")
def recorded(prometheus_tools: None) -> Iterator[Replay]:
    """Prometheus with the recording."""
    with replay() as running:
        yield running
