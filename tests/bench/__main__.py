"""``make bench``: measure everything, print a table, write ``build/bench.json``."""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable

from tests.bench import exporter_cost, failover, standin_docker
from tests.bench.figures import Figure, report, version_of
from tests.lab.isolation import inside
from tests.lab.lab import Lab
from tests.lab.plan import BUILD

RESULT = BUILD / "bench.json"


def main() -> int:
    """Measure; the exit code says whether every limit was kept."""
    if not inside():
        print("run make bench: this needs the lab's namespaces", file=sys.stderr)
        return 2
    figures: list[Figure] = []
    with Lab(node_environment={exporter_cost.NODE: exporter_cost.DOCKER_ENVIRONMENT}) as lab:
        versions = {
            "keepalived": lab.keepalived.version_text,
            "unbound": version_of("unbound", "-V"),
            "dnsmasq": version_of("dnsmasq", "--version"),
            "Python": platform.python_version(),
        }
        standin = exporter_cost.on_node(lab, sys.executable, "-m", standin_docker.__name__, exporter_cost.DOCKER_SOCKET)
        with exporter_cost.running(standin):
            lab.wait_healthy()
            steps: list[tuple[str, Callable[[], list[Figure]]]] = [
                ("idle CPU, one minute", lambda: exporter_cost.idle(lab)),
                ("scrapes", lambda: exporter_cost.scrapes(lab)),
                ("--once", lambda: exporter_cost.once(lab)),
                ("address changes", lambda: exporter_cost.changes(lab)),
                ("an hour's worth of work", lambda: exporter_cost.growth(lab)),
            ]
            for name, step in steps:
                print(f"bench: {name}", flush=True)
                figures += step()
    print("bench: failover", flush=True)
    with Lab() as lab:
        figures += failover.outages(lab, failover.DEMO)
    with Lab(guard=True) as lab:
        figures += failover.outages(lab, failover.GUARDED)
    return report(RESULT, versions, figures)


if __name__ == "__main__":
    sys.exit(main())
