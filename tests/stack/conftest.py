"""Fixtures: the pair on two engines, made once for the whole run, and healthy before each test."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from . import real_images
from .rig import Rig, why_not


def require(reason: str | None) -> None:
    """Skip the calling test with the reason if there is one; fail it in CI."""
    if reason is None:
        return
    if os.environ.get("CI"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def shared_rig() -> Iterator[Rig]:
    """One rig for the whole run, in whatever state the last test left it."""
    require(why_not())
    with Rig() as rig:
        yield rig


@pytest.fixture
def rig(shared_rig: Rig) -> Rig:
    """A healthy pair: the primary alone holds the VIP and answers on it, the secondary answers for itself."""
    shared_rig.reset()
    return shared_rig


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which images were real and which were stand-ins."""
    lines = real_images.report()
    if lines:
        terminalreporter.section("images of others")
        for line in lines:
            terminalreporter.line(line)
