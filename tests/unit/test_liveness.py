"""Which signals keepalived gets from what runs beside it, and when: one that it does not handle yet would end it."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from stack.keepalived.dumps import INTERVAL_SECONDS, Dumps
from stack.keepalived.liveness import Liveness

ASKING = signal.SIGUSR1
HANDLING = """
import signal, sys, time
signal.signal(signal.SIGUSR1, lambda *_: (print("asked", flush=True), sys.exit(0)))
print("ready", flush=True)
while True:
    time.sleep(60)
"""


@pytest.fixture
def asleep() -> Iterator[subprocess.Popen[str]]:
    """A process that sleeps, and tells when it gets the signal."""
    with subprocess.Popen([sys.executable, "-c", HANDLING], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
        process.kill()


def test_one_that_has_just_been_started_is_left_in_peace(asleep: subprocess.Popen[str]) -> None:
    liveness = Liveness(ASKING)
    for tenths in range(34):
        assert not liveness.hangs(asleep.pid, tenths / 10, paused=False)
    assert asleep.poll() is None
    liveness.hangs(asleep.pid, 3.6, paused=False)
    assert asleep.stdout is not None
    assert asleep.stdout.readline() == "asked\n"


@pytest.mark.parametrize(("started_now", "soon"), [(True, False), (False, True)])
def test_a_dump_is_asked_for_at_once_of_one_that_has_run_for_long_alone(
    tmp_path: Path, *, started_now: bool, soon: bool
) -> None:
    dumps = Dumps(1, ASKING, tmp_path / "source", tmp_path / "target", started_now=started_now)
    assert (dumps.wait < 1) is soon
    assert dumps.wait <= INTERVAL_SECONDS
    dumps.ask_soon()  # it has announced a state
    assert dumps.wait < 1
