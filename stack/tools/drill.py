"""The drill: prove that the other node takes over before it has to, by handing it the VIP for a moment.

``queries_lost`` is an upper bound of what a client loses: for a quarter of a second after the VIP has left,
the guard's local route makes this node ask itself.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from exporter.engine.runtime import RuntimeFiles
from exporter.settings.values import Settings
from stack.tools import drain as draining
from stack.tools.errors import RefusedError, ToolError
from stack.tools.pair_state import read_pair_state
from stack.tools.progress import say, wait_until
from stack.tools.runlock import one_run
from stack.tools.stamps import Extra, stamped
from stack.tools.verify import complaints
from stack.tools.vip_watch import VipWatch

TASK = "drill"
STEP_SECONDS = 15.0
# For how long the other node serves before the VIP comes back.
SERVE_SECONDS = 2.0


def drill(node: Settings, wait: float) -> None:
    """Hand the VIP over, watch the other node answer through it, take it back, and stamp what was seen.

    Raises:
        RefusedError: the pair is not healthy, or this node does not have the VIP; nothing was touched.
        BusyError: a drain or a drill is under way still after ``wait`` seconds.
        ToolError: the other node did not serve; this node takes part again.
    """
    lock = RuntimeFiles(node.runtime_directory).directory / draining.LOCK_NAME
    with one_run(lock, wait), stamped(node.stamp_directory, TASK) as extra:
        _refuse_unless_healthy(node)
        began = time.monotonic()
        with VipWatch(node) as watch:
            _wait_for_answers(watch, node.node_name)
            with _undrained_at_the_end(node):
                handed_over = time.monotonic()
                draining.drain(node, STEP_SECONDS)
                other = _wait_for_answers(watch, not_from=node.node_name)
                say(f"drill: {other} answers through the VIP")
                time.sleep(SERVE_SECONDS)
                draining.undrain(node, STEP_SECONDS)
                _wait_for_answers(watch, node.node_name)
            seen = watch.stop()
        first = next((asked.sent for asked in seen if asked.sent >= handed_over and asked.answered_by == other), began)
        _report(
            extra,
            {
                "took_over": other,
                "queries": len(seen),
                "queries_lost": sum(asked.answered_by is None for asked in seen),
                "seconds": round(first - handed_over, 3),
            },
        )


def _report(extra: Extra, facts: Extra) -> None:
    extra.update(facts)
    say(
        f"drill: {facts['took_over']} took over after {facts['seconds']} s; "
        f"{facts['queries_lost']} of {facts['queries']} queries lost as this node sees it"
    )


def _refuse_unless_healthy(node: Settings) -> None:
    wrong = complaints(node, drained=False, but_for=TASK)
    if wrong:
        raise RefusedError(f"no drill, the pair is not healthy: {'; '.join(wrong)}")
    state = read_pair_state(node)
    if not draining.is_owner(node, state):
        owner = state.peer.name if state.peer else "another node"
        raise RefusedError(f"no drill, {owner} has the VIP; run it there")


def _wait_for_answers(watch: VipWatch, of: str | None = None, not_from: str | None = None) -> str:
    """Wait until one node, this one or any but that one, gave the latest answer through every VIP; return its name."""

    def missing(latest: dict[str, str | None]) -> list[str]:
        if not latest:
            return ["no answer yet"]
        names = set(latest.values())
        if None in names or len(names) > 1 or names == {not_from} or (of is not None and names != {of}):
            return [f"{vip} is answered by {name or 'nobody'}" for vip, name in latest.items()]
        return []

    latest = wait_until(f"answers of {of or 'the other node'}", watch.latest, missing, STEP_SECONDS, every=0.02)
    return next(name for name in latest.values() if name is not None)


@contextmanager
def _undrained_at_the_end(node: Settings) -> Iterator[None]:
    """Take part again whatever happens: errors and signals here, SIGKILL by a process that waits for it."""
    request = RuntimeFiles(node.runtime_directory).drain
    reading, writing = os.pipe()
    guardian = os.fork()
    if guardian == 0:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        os.close(writing)
        finished = os.read(reading, 1)  # empty when the drill died without a word
        if not finished:
            with suppress(ToolError):
                draining.write_request(request, draining.TAKE_PART)
        os._exit(0)
    os.close(reading)
    try:
        yield
    except BaseException:
        with suppress(ToolError):  # what went wrong first is told
            draining.write_request(request, draining.TAKE_PART)
            say("drill: stopped; this node takes part again")
        raise
    finally:
        os.write(writing, b".")
        os.close(writing)
        os.waitpid(guardian, 0)
