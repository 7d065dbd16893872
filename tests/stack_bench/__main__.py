"""``make bench-stack``: measure, print a table, write ``build/bench-stack.json``.

What was measured is written after each part, so that an interrupted run leaves what it had. With ``--only`` the other
figures of that file stay as they were.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Final

from tests.bench.figures import Figure, merge, report, version_of, write
from tests.lab.errors import LabError
from tests.lab.plan import ALPHA, BUILD
from tests.stack.rig import Rig, why_not

from . import failovers, failures, memory, quiet, reboot, update
from .plan import Plan, say

RESULT: Final = BUILD / "bench-stack.json"
PARTS: Final[dict[str, Callable[[Plan], list[Figure]]]] = {
    "memory": memory.measure,
    "update": update.measure,  # before the failures: it waits for a pair that has not moved of late
    "crash": partial(failures.measure, failure=failures.CRASH),
    "keepalived-stopped": partial(failures.measure, failure=failures.KEEPALIVED_STOPPED),
    "dns-stopped": partial(failures.measure, failure=failures.PIHOLE_STOPPED),
    "dns-frozen": partial(failures.measure, failure=failures.PIHOLE_FROZEN),
    "unbound-stopped": partial(failures.measure, failure=failures.UNBOUND_STOPPED),
    "keepalived-killed": partial(failures.measure, failure=failures.KEEPALIVED_KILLED),
    "address-lost": partial(failures.measure, failure=failures.ADDRESS_LOST),
    "receives-nothing": partial(failures.measure, failure=failures.RECEIVES_NOTHING),
    "reboot": reboot.measure,
    "failovers": failovers.measure,
    "load": quiet.measure,
}


def versions(rig: Rig) -> dict[str, str]:
    """The versions of what was measured, and of what measured."""
    engine = rig.node(ALPHA.name).engine
    return {
        "Docker": engine.docker("version", "--format", "{{.Server.Version}}").strip(),
        "Compose": engine.docker("compose", "version", "--short").strip(),
        "keepalived": engine.docker("exec", "keepalived", "sh", "-c", "keepalived --version 2>&1").split()[1],
        "dnsperf": version_of("dnsperf", "-h"),
    }


def main() -> int:
    """Measure; the exit code says whether every limit was kept: 0 yes, 1 no, 2 not everything was measured."""
    options = _options()
    reason = why_not()
    if reason is not None:
        print(f"bench-stack: {reason}", file=sys.stderr)
        return 2
    figures: list[Figure] = []
    unfinished = 0
    with Rig() as rig:
        tools = versions(rig)
        keep = partial(merge if options.only else write, RESULT, tools)
        plan = Plan(rig, options.rounds, options.minutes, options.seed)
        for name in options.only or PARTS:
            say(name)
            try:
                figures += PARTS[name](plan)
            except LabError as error:
                say(f"{name} could not be measured: {error}")
                unfinished += 1
            except KeyboardInterrupt:
                say("interrupted; what was measured before is kept")
                unfinished += 1
                break
            keep(figures)
    if options.only:
        figures = merge(RESULT, tools, figures)
    code = report(RESULT, tools, figures)
    return 2 if unfinished else code


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.stack_bench", description=__doc__)
    parts = f"one of {', '.join(PARTS)}; may be given again"
    parser.add_argument("--only", action="append", choices=PARTS, metavar="PART", help=parts)
    parser.add_argument("--rounds", type=int, metavar="N", help="of each part, instead of its usual number")
    parser.add_argument("--minutes", type=float, default=10, metavar="N", help="of load (default: 10)")
    parser.add_argument("--seed", type=int, default=int(time.time()), metavar="N", help="of the random failovers")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
