"""Pytest fixtures for tests on a real pair; a conftest imports what it needs of them.

``pair`` is a healthy lab, shared by the whole run and brought back to health before each test; ``settled_pair`` is one
whose exporters have noticed. Where a lab cannot run,
such tests are skipped with the reason, and fail in CI.
"""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from . import clock
from .exporters import wait_settled
from .isolation import inside
from .lab import Lab
from .requirements import missing_packages

_running: list[Lab] = []
"""The labs whose logs matter when a test fails."""


def require_lab() -> None:
    """Skip the calling test, or fail it in CI, when no lab can run in this process."""
    packages = missing_packages()
    if packages:
        reason = f"the lab needs these packages: {' '.join(packages)}"
    elif not inside():
        reason = "the lab needs its private namespaces: run `python -m tests.lab run -- pytest tests/lab_tests`"
    else:
        return
    if os.environ.get("CI"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def require_own_clocks() -> None:
    """Skip the calling test on a machine whose processor has no clock of its own for a host (tests/lab/clock.c)."""
    if platform.machine() != clock.MACHINE:
        pytest.skip(f"a host of the lab has a clock of its own only on {clock.MACHINE}")
    if shutil.which("cc") is None:
        reason = "a host's own clock needs a C compiler: install gcc and libc6-dev"
        if os.environ.get("CI"):
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)


@pytest.fixture(scope="session")
def shared_pair() -> Iterator[Lab]:
    """One lab for the whole run, in whatever state the last test left it."""
    require_lab()
    with Lab() as lab:
        _running.append(lab)
        yield lab
        _running.remove(lab)


@pytest.fixture
def pair(shared_pair: Lab) -> Lab:
    """A healthy pair: every service ready, the primary alone holds the VIPs and answers on them."""
    shared_pair.reset()
    return shared_pair


@pytest.fixture
def settled_pair(pair: Lab) -> Lab:
    """A healthy pair whose two exporters both say so."""
    wait_settled(pair)
    return pair


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """Add the end of every service's log to the report of a failed test."""
    report = yield
    if report.failed:
        for lab in _running:
            for host in lab.nodes:
                for service in host.services.values():
                    report.sections.append((f"log of {service!r}", service.log_tail()))
    return report
