"""Runs a test in a network namespace of its own, where it may add and remove addresses as it likes.

The test runs in a new process, with the namespaces that unshare(1) makes: as root, or in a user namespace where the
kernel allows it. It gets the same ``tmp_path``, and may take no other fixture.
"""

from __future__ import annotations

import functools
import importlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
_INSIDE = "DNSHA_TEST_IN_NAMESPACE"
_UNSHARE = ("unshare", "--net") if os.geteuid() == 0 else ("unshare", "--user", "--map-root-user", "--net")

Story = Callable[[Path], None]


@functools.cache
def _why_not() -> str | None:
    if shutil.which("unshare") is None or shutil.which("ip") is None:
        return "needs unshare(1) and ip(8): install util-linux and iproute2"
    tried = subprocess.run([*_UNSHARE, "true"], capture_output=True, text=True, check=False)
    return f"no network namespace for this user: {tried.stderr.strip()}" if tried.returncode else None


def in_network_namespace(story: Story) -> Story:
    """Run the decorated test in a namespace; skip it where there can be none, fail in CI."""

    @functools.wraps(story)
    def run(tmp_path: Path) -> None:
        if os.environ.get(_INSIDE):
            story(tmp_path)
            return
        import pytest  # the new process does without

        reason = _why_not()
        if reason is not None and os.environ.get("CI"):
            pytest.fail(reason, pytrace=False)
        if reason is not None:
            pytest.skip(reason)
        program = [sys.executable, "-W", "error", "-m", __name__, story.__module__, story.__name__, str(tmp_path)]
        environment = {**os.environ, _INSIDE: "yes"}
        done = subprocess.run(
            [*_UNSHARE, *program],
            cwd=REPOSITORY,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        if done.returncode:
            pytest.fail(done.stdout + done.stderr, pytrace=False)

    return run


def ip(*commands: str) -> None:
    """Let ip(8) do one thing after the other, in one process."""
    subprocess.run(["ip", "-batch", "-"], input="\n".join(commands) + "\n", text=True, check=True)


if __name__ == "__main__":
    getattr(importlib.import_module(sys.argv[1]), sys.argv[2])(Path(sys.argv[3]))
