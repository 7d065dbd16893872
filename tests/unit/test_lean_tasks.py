"""What the resident tasks, of which each node has three, take of its memory."""

from __future__ import annotations

import subprocess
import sys

HEAVY = {"pyroute2", "dns", "docker", "prometheus_client", "yaml", "grafanalib"}


def test_the_tools_load_no_heavy_library_before_one_is_needed() -> None:
    program = "import sys, stack.tools.cli; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert HEAVY & set(done.stdout.split()) == set()
