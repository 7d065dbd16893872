"""The fixtures of the tests that run on a real pair."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.alerting.watch import Watched, require_watching, watched
from tests.lab.fixtures import pair, pytest_runtest_makereport, settled_pair, shared_pair
from tests.lab.lab import Lab

__all__ = ["pair", "pytest_runtest_makereport", "settled_pair", "shared_pair", "watch", "watching"]


@pytest.fixture(scope="module")
def watching(shared_pair: Lab) -> Iterator[Watched]:
    require_watching()
    shared_pair.reset()
    with watched(shared_pair) as watch:
        watch.wait_calm()
        yield watch
        shared_pair.reset()


@pytest.fixture
def watch(watching: Watched) -> Watched:
    """A pair that is whole again; alerts of the test before may still fire."""
    watching.lab.reset()
    return watching
