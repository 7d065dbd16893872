"""A real Docker Engine for every test here, started by the first one and ended by the last."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.engine.docker_engine import DockerEngine, why_not


@pytest.fixture(scope="session")
def shared_engine() -> Iterator[DockerEngine]:
    """One engine for the whole run."""
    reason = why_not()
    if reason is not None:
        if os.environ.get("CI"):
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    with DockerEngine() as engine:
        yield engine


@pytest.fixture
def engine(shared_engine: DockerEngine) -> Iterator[DockerEngine]:
    """A running engine without any container."""
    yield shared_engine
    shared_engine.remove_containers()
