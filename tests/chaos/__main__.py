"""``python -m tests.chaos``: random faults on a real pair, evaluated by an oracle of its own; inside the lab's sandbox.

Ends with 1 when a rule was broken: the shortest sequence found that breaks it is printed, and can be played again with
``--replay``. What was measured is in build/chaos.json.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.lab.errors import LabError
from tests.lab.plan import BUILD

from . import outages, plan
from .faults import FAULTS
from .minimise import minimise
from .outages import Outages
from .plan import Step
from .play import Round, play

RESULT = BUILD / "chaos.json"
RECORD = BUILD / "chaos-record.json"
"""Everything that was recorded of the last round that broke a rule, times as in what is printed."""


def say(text: str) -> None:
    """Tell how it goes, on standard error."""
    print(text, file=sys.stderr, flush=True)


def main() -> int:
    """Play rounds as the command line says; return the exit status."""
    options = _options()
    chosen = {name: fault.draw for name, fault in FAULTS.items() if _matches(name, options.only or [name])}
    chosen = {name: draw for name, draw in chosen.items() if not _matches(name, options.without)}
    deadline = time.monotonic() + options.minutes * 60
    measured, rounds, failed = Outages(), [], []
    try:
        for number in range(1, (1 if options.replay else options.rounds) + 1):
            if time.monotonic() >= deadline:
                break
            seed = f"{options.seed}/{number}"
            steps = plan.read(options.replay.read_text()) if options.replay else plan.draw(seed, chosen)
            say(f"round {number}, seed {seed}: {len(steps)} steps")
            played = play(steps, say, guard=not options.no_guard)
            measured.add(played.steps, played.owners, played.answers)
            rounds.append(played)
            if played.violations:
                failed.append(_tell(seed, played, options, deadline))
                if not options.keep_going:
                    break
    except KeyboardInterrupt:
        say("chaos: interrupted")
        return 130
    except LabError as error:
        say(f"chaos: the lab failed: {error}")
        return 2
    finally:
        _write(options, rounds, measured, failed)
    print(outages.table(measured.rows()))
    done = sum(len(one.owners) for one in rounds)
    print(f"{done} steps in {len(rounds)} rounds; {len(failed)} rounds broke a rule; {RESULT.relative_to(Path.cwd())}")
    return 1 if failed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.chaos", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", default="1", help="what the steps are drawn from; the same seed, the same steps")
    parser.add_argument("--rounds", type=int, default=150, help="at most so many rounds (%(default)s)")
    parser.add_argument(
        "--minutes", type=float, default=90.0, help="begin no round after so many minutes (%(default)s)"
    )
    parser.add_argument("--replay", type=Path, metavar="FILE", help="play the steps in this file, once")
    parser.add_argument("--only", type=_names, default=[], metavar="FAULT,…", help="draw these faults alone")
    parser.add_argument("--without", type=_names, default=[], metavar="FAULT,…", help="draw none of these faults")
    parser.add_argument("--keep-going", action="store_true", help="go on after a broken rule")
    parser.add_argument(
        "--shorten", type=int, default=12, metavar="RUNS", help="runs to shorten a sequence (%(default)s)"
    )
    parser.add_argument("--no-guard", action="store_true", help="without the guards: a broken product, to be found")
    parser.add_argument("--list", action="store_true", help="print every fault, and end")
    options = parser.parse_args()
    if options.list:
        for name, fault in FAULTS.items():
            print(f"{name:<20} {fault.text}")
        sys.exit(0)
    unknown = [name for name in (*options.only, *options.without) if not any(_matches(f, [name]) for f in FAULTS)]
    if unknown:
        parser.error(f"no such fault: {', '.join(unknown)}; --list prints them all")
    return options


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _matches(name: str, wanted: Sequence[str]) -> bool:
    """Whether a fault is one of these; ``cut-`` stands for all that begin so."""
    return any(name == one or (one.endswith("-") and name.startswith(one)) for one in wanted)


def _tell(seed: str, played: Round, options: argparse.Namespace, deadline: float) -> dict[str, Any]:
    """Print what was broken, shorten the sequence, and return both."""
    for violation in played.violations:
        say(f"BROKEN {violation.text(played.started)}")
    _write_atomically(RECORD, json.dumps([[round(e[0] - played.started, 3), *e[1:]] for e in played.record]))
    rules = {violation.rule for violation in played.violations}

    def fails(steps: tuple[Step, ...]) -> bool:
        if time.monotonic() >= deadline:
            return False
        again = play(steps, lambda _: None, guard=not options.no_guard)
        found = rules & {violation.rule for violation in again.violations}
        say(f"  {len(steps)} steps: {', '.join(sorted(found)) or 'no rule of these broken'}")
        return bool(found)

    steps, seen_again = played.steps, False
    if options.shorten:
        say("playing it again")
        seen_again = fails(steps)
        if seen_again:
            steps, _ = minimise(steps, fails, runs=options.shorten - 1)
    print(f"seed {seed} breaks: {', '.join(sorted(rules))}")
    print(f"{'the shortest sequence found' if seen_again else 'not seen a second time; the sequence'}, for --replay:")
    print(plan.write(steps))
    return {
        "seed": seed,
        "rules": sorted(rules),
        "seen_again": seen_again,
        "violations": [violation.text(played.started) for violation in played.violations],
        "steps": json.loads(plan.write(steps)),
    }


def _write(options: argparse.Namespace, rounds: list[Round], measured: Outages, failed: list[dict[str, Any]]) -> None:
    document = {
        "seed": options.seed,
        "without": options.without,
        "rounds": len(rounds),
        "steps": sum(len(one.owners) for one in rounds),
        "seconds": round(sum(one.seconds for one in rounds), 1),
        "faults": Counter(step.fault for one in rounds for step in one.owners),
        "outages": measured.rows(),
        "seconds_by_fault": measured.by_fault,
        "failed": failed,
    }
    _write_atomically(RESULT, json.dumps(document, indent=2) + "\n")


def _write_atomically(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}")
    partial.write_text(text)
    partial.replace(path)


if __name__ == "__main__":
    sys.exit(main())
