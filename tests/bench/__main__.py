"""``make bench``: measure everything, print a table, write ``build/bench.json``.

With ``--only`` the other figures of that file stay as they were.
"""

from __future__ import annotations

import argparse
import platform
import sys
from collections.abc import Callable
from functools import partial
from typing import Final

from tests.bench import dhcp, exporter_cost, failover, quiet, standin_docker
from tests.bench.encoders import encoders
from tests.bench.figures import Figure, merge, report, version_of
from tests.lab.isolation import inside
from tests.lab.lab import Lab
from tests.lab.plan import BUILD

RESULT: Final = BUILD / "bench.json"


def exporter() -> list[Figure]:
    """What the exporter and what is beside keepalived cost."""
    figures: list[Figure] = []
    with Lab(node_environment={exporter_cost.NODE: exporter_cost.DOCKER_ENVIRONMENT}) as lab:
        standin = exporter_cost.on_node(lab, sys.executable, "-m", standin_docker.__name__, exporter_cost.DOCKER_SOCKET)
        with exporter_cost.running(standin):
            lab.wait_healthy()
            steps: list[tuple[str, Callable[[Lab], list[Figure]]]] = [
                ("idle CPU, one minute", exporter_cost.idle),
                ("scrapes", exporter_cost.scrapes),
                ("--once", exporter_cost.once),
                ("address changes", exporter_cost.changes),
                ("an hour's worth of work", exporter_cost.growth),
            ]
            for name, step in steps:
                print(f"bench: {name}", flush=True)
                figures += step(lab)
    return figures


def failovers() -> list[Figure]:
    """How long clients are without an answer after each failure."""
    with Lab() as lab:
        figures = failover.outages(lab, failover.DEMO)
    with Lab(guard=True) as lab:
        return figures + failover.outages(lab, failover.GUARDED)


def on_guarded_pair(measure: Callable[[Lab], list[Figure]]) -> list[Figure]:
    """With the guard, as the product runs."""
    with Lab(guard=True) as lab:
        return measure(lab)


def main() -> int:
    """Measure; the exit code says whether every limit was kept."""
    parts: dict[str, Callable[[], list[Figure]]] = {
        "exporter": exporter,
        "encoders": encoders,
        "failover": failovers,
        "planned": partial(on_guarded_pair, quiet.planned_moves),
        "forged": partial(on_guarded_pair, quiet.forged_adverts),
        "dhcp": dhcp.crashes,
        "idle": lambda: on_guarded_pair(partial(quiet.idle, minutes=options.minutes)),
    }
    options = _options(list(parts))
    if not inside():
        print("run make bench: this needs the lab's namespaces", file=sys.stderr)
        return 2
    with Lab() as lab:
        versions = {
            "keepalived": lab.keepalived.version_text,
            "unbound": version_of("unbound", "-V"),
            "dnsmasq": version_of("dnsmasq", "--version"),
            "Python": platform.python_version(),
        }
    figures: list[Figure] = []
    for name in options.only or parts:
        print(f"bench: {name}", flush=True)
        figures += parts[name]()
    if options.only:
        figures = merge(RESULT, versions, figures)
    return report(RESULT, versions, figures)


def _options(parts: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.bench", description=__doc__)
    what = f"one of {', '.join(parts)}; may be given again"
    parser.add_argument("--only", action="append", choices=parts, metavar="PART", help=what)
    parser.add_argument("--minutes", type=float, default=10, metavar="N", help="of idleness (default: 10)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
