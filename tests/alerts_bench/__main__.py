"""``make bench-alerts``: measure the alerts, print a table, write ``build/bench-alerts.json``.

Parts are ``latency`` (events, rounds of them), ``stories`` (all messages of one outage), ``clocks`` (a node whose clock
is wrong), ``receiver`` (a receiver that is down for a while), ``memory`` (of a notifier), ``healthy`` (false alarms
under load, series of a node) and ``fleet``. Every figure is written as soon as it is known; those of parts that are
left out stay as they were.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator

from tests import programs
from tests.alerts_bench import clocks, fleet, healthy, latency, memory, receiver, stories
from tests.bench.figures import Figure, merge, table, version_of
from tests.lab.errors import LabError
from tests.lab.isolation import inside
from tests.lab.plan import BUILD

RESULT = BUILD / "bench-alerts.json"


def main() -> int:
    """Measure; the exit code says whether every limit of the parts that ran was kept."""
    parser = argparse.ArgumentParser(prog="python -m tests.alerts_bench", description=__doc__)
    parser.add_argument(
        "--only", default="latency,stories,clocks,receiver,memory,healthy,fleet", help="parts, comma-separated"
    )
    parser.add_argument("--rounds", type=int, default=3, help="how often each event happens")
    parser.add_argument("--events", default="", help="part of the names of the events that happen, comma-separated")
    parser.add_argument(
        "--lengths",
        type=lambda text: tuple(map(float, text.split(","))),
        default=stories.LENGTHS,
        help="of the outages of stories, in seconds, comma-separated",
    )
    parser.add_argument("--receiver-minutes", type=float, default=5.0, help="how long the receiver is down")
    parser.add_argument("--healthy-minutes", type=float, default=30.0)
    parser.add_argument("--fleet-minutes", type=float, default=8.0, help="how long the fleet is scraped first")
    parser.add_argument("--sites", type=int, default=1000, help="of two nodes each")
    asked = parser.parse_args()
    parts: dict[str, Callable[[], Iterator[list[Figure]]]] = {
        "latency": lambda: latency.measure(asked.rounds, latency.chosen(asked.events)),
        "stories": lambda: stories.measure(asked.lengths),
        "clocks": lambda: clocks.measure(latency.chosen(asked.events or ",".join(clocks.EVENTS))),
        "receiver": lambda: receiver.measure(asked.receiver_minutes),
        "memory": memory.measure,
        "healthy": lambda: healthy.measure(asked.healthy_minutes),
        "fleet": lambda: fleet.measure(asked.sites, asked.fleet_minutes),
    }
    wanted = asked.only.split(",")
    if unknown := set(wanted) - parts.keys():
        parser.error(f"no part {', '.join(sorted(unknown))}; there are {', '.join(parts)}")
    if not inside():
        print("run make bench-alerts: this needs the lab's namespaces", file=sys.stderr)
        return 2
    try:
        programs.use()
    except LabError as error:
        print(error, file=sys.stderr)
        return 2
    versions = {
        name: version_of(f"prometheus{suffix}", "--version")
        for name, suffix in (("Prometheus", ""), ("Alertmanager", "-alertmanager"), ("node_exporter", "-node-exporter"))
    }
    measured: dict[str, Figure] = {}
    began = time.monotonic()
    failed = []
    for name in wanted:
        print(f"bench-alerts: {name} begins after {time.monotonic() - began:.0f} s", flush=True)
        try:
            for figures in parts[name]():
                measured |= {figure.name: figure for figure in figures}
                merge(RESULT, versions, figures)
        except KeyboardInterrupt:
            failed.append(f"{name} (interrupted)")
            break
        except LabError as error:
            failed.append(f"{name} ({error})")
    print(f"\n{table(versions, list(measured.values()))}")
    missed = [figure.name for figure in measured.values() if not figure.good]
    print(
        f"\n{len(measured) - len(missed)} of {len(measured)} limits kept; figures in {RESULT.relative_to(BUILD.parent)}"
    )
    if failed:
        print(f"not finished: {', '.join(failed)}", file=sys.stderr)
    return 1 if missed or failed else 0


if __name__ == "__main__":
    sys.exit(main())
