"""Runs a test in private namespaces, wherever pytest itself runs: nothing it makes can leak or outlive it."""

from __future__ import annotations

import functools
import os
import shutil
import sys
from collections.abc import Callable
from typing import Final, ParamSpec

import pytest

from tests.lab.errors import IsolationError
from tests.lab.isolation import enter, inside

Story = ParamSpec("Story")

_TOOLS: Final = {
    "unshare": "util-linux",
    "nsenter": "util-linux",
    "setpriv": "util-linux",
    "hostname": "hostname",
    "mount": "mount",
    "ip": "iproute2",
    "keepalived": "keepalived",
    "unbound": "unbound",
    "dnsmasq": "dnsmasq-base",
}


def in_private_namespaces(test: Callable[Story, None]) -> Callable[Story, None]:
    """Run the test as root of namespaces of its own; skip it with the reason where there are none, and fail in CI."""

    @functools.wraps(test)
    def outside(*args: Story.args, **kwargs: Story.kwargs) -> None:
        if inside():
            test(*args, **kwargs)
            return
        name = os.environ["PYTEST_CURRENT_TEST"].rpartition(" ")[0]
        missing = {package for tool, package in _TOOLS.items() if shutil.which(tool, path=_path()) is None}
        if missing:
            _impossible(f"the wire tests need these packages: {' '.join(sorted(missing))}")
        try:
            status = enter([sys.executable, "-m", "pytest", "-q", "--no-header", "-p", "no:cacheprovider", name])
        except IsolationError as error:
            _impossible(str(error))
        else:
            if status:
                pytest.fail(f"exit status {status} inside; see its output", pytrace=False)

    return outside


def _path() -> str:
    return os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])


def _impossible(reason: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
