"""Load: questions at a fixed rate by dnsperf, processes that never rest, and writing to the disk."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tests.lab.errors import LabError
from tests.lab.host import Host
from tests.lab.plan import CANARY_ZONE

# A household's questions: most are in Pi-hole's cache or its own, one in ten goes through Unbound too.
_KNOWN, _ASKED_OF_UNBOUND = 9, 1
_NAMES: Final = 1000
_OUTSTANDING: Final = 20_000  # or else dnsperf waits for answers instead of keeping its rate
_TIMEOUT_SECONDS: Final = 2
_END_SECONDS: Final = 15.0
_FOREMOST: Final = -20  # nice(2)
_BUSY: Final = '"$1" -c "while True: pass" &'
_WRITE: Final = 'while :; do dd if=/dev/zero of="$2" bs=1M count=64 conv=fsync status=none; done'


@dataclass(frozen=True, slots=True)
class Served:
    """What dnsperf counted; ``rate`` in questions a second."""

    sent: int
    good: int
    rate: float
    words: str
    """The lines that tell of losses, as dnsperf printed them."""

    @property
    def lost(self) -> int:
        """Questions without an answer that says NOERROR."""
        return self.sent - self.good


def parse(text: str) -> Served:
    """Read dnsperf's statistics.

    Raises:
        LabError: these are none.
    """
    sent = re.search(r"Queries sent:\s+(\d+)", text)
    seconds = re.search(r"Run time \(s\):\s+([0-9.]+)", text)
    if sent is None or seconds is None:
        message = f"dnsperf told no statistics: {text.strip()[-2000:]}"
        raise LabError(message)
    good = re.search(r"Response codes:.*?NOERROR (\d+)", text)
    lines = [" ".join(line.split()) for line in text.splitlines() if re.search(r"Queries lost|Response codes", line)]
    # Those that were due when it was told to stop are nobody's loss.
    interrupted = re.search(r"Queries interrupted:\s+(\d+)", text)
    total = int(sent[1]) - (int(interrupted[1]) if interrupted else 0)
    return Served(total, int(good[1]) if good else 0, int(sent[1]) / float(seconds[1]), "; ".join(lines))


class Questions:
    """Questions at a fixed rate from a host to a server, until the context ends."""

    def __init__(self, host: Host, server: str, rate: int) -> None:
        self._command = host.command(
            ["dnsperf", "-s", server, "-Q", str(rate), "-q", str(_OUTSTANDING), "-t", str(_TIMEOUT_SECONDS)]
        )
        self._served: Served | None = None

    def __enter__(self) -> Self:
        self._names = tempfile.NamedTemporaryFile("w", prefix="dnsha-names-")
        for number in range(_NAMES):
            unbound = number % (_KNOWN + _ASKED_OF_UNBOUND) < _ASKED_OF_UNBOUND
            self._names.write(f"load-{number}.{CANARY_ZONE} TXT\n" if unbound else "pi.hole A\n")
        self._names.flush()
        # A file, not a pipe: it prints a line for each loss, and a full pipe would stop it.
        self._said = tempfile.TemporaryFile("w+")
        self._process = subprocess.Popen(
            [*self._command, "-l", "86400", "-d", self._names.name],
            stdin=subprocess.DEVNULL, stdout=self._said, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        put_first(self._process.pid)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.send_signal(signal.SIGINT)  # it then tells its statistics
        try:
            self._process.wait(_END_SECONDS)
        finally:
            self._process.kill()
            self._names.close()
        with self._said as said:
            said.seek(0)
            if error is None:
                self._served = parse(said.read())

    @property
    def served(self) -> Served:
        """What was served, once the context has ended."""
        assert self._served is not None
        return self._served


@contextlib.contextmanager
def busy(processes: int, folder: Path) -> Iterator[None]:
    """Keep so many processes busy, and write to the disk below ``folder``, while the context lasts.

    They are one session, to which the kernel gives one share of the time (sched(7), autogroup), as systemd gives one to
    everything that people run beside its services.
    """
    scratch = folder / "written-by-the-bench"
    script = " ".join([_BUSY] * processes) + "\n" + _WRITE
    process = subprocess.Popen(
        ["sh", "-c", script, "busy", sys.executable, str(scratch)], start_new_session=True, stdin=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        scratch.unlink(missing_ok=True)


def put_first(pid: int) -> None:
    """Let a process of this machine that stands for another machine not wait for the nodes', nor for the load."""
    os.setpriority(os.PRIO_PROCESS, pid, _FOREMOST)
    autogroup = Path(f"/proc/{pid}/autogroup")
    if autogroup.exists():
        autogroup.write_text(str(_FOREMOST))
