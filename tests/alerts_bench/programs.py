"""Prometheus, Alertmanager and node_exporter of Debian 13, which are nearer to the shipped ones than Debian 12's.

``python -m tests.alerts_bench.programs`` takes them out of their packages into ``build/alerts``.
"""

from __future__ import annotations

import os
import sys
from typing import Final

from tests.lab.debian_packages import complete, take
from tests.lab.errors import LabError
from tests.lab.plan import BUILD

PACKAGES: Final = ("prometheus", "prometheus-alertmanager", "prometheus-node-exporter")
TREE: Final = BUILD / "alerts"


def use() -> None:
    """Let this process and its children find them before the machine's own.

    Raises:
        LabError: they are not there.
    """
    if not complete(TREE):
        message = (
            "Debian 13's Prometheus is missing: run python -m tests.alerts_bench.programs, as make bench-alerts does"
        )
        raise LabError(message)
    os.environ["PATH"] = os.pathsep.join([str(TREE / "usr" / "bin"), os.environ["PATH"]])


if __name__ == "__main__":
    try:
        take(PACKAGES, TREE)
    except LabError as error:
        sys.exit(f"tests.alerts_bench.programs: {error}")
