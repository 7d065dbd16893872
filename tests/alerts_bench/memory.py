"""What a notifier takes of a node's memory: after its start, and after it has told a hundred alerts and their ends."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.alerting.running_notifier import running_notifier
from tests.alerting.standin_signal import StandinSignal
from tests.bench.figures import Figure
from tests.bench.process import resident_mebibytes
from tests.lab.errors import LabError
from tests.unit.notifier.posts import entry, post

ALERTS = 100
_LIMIT = 40.0  # MiB


def measure() -> Iterator[list[Figure]]:
    """Tell a stand-in phone by Signal; yield the figures."""
    phone = StandinSignal()
    with (
        tempfile.TemporaryDirectory() as directory,
        running_notifier(Path(directory), {"NOTIFY_URLS": phone.url}) as notifier,
    ):
        memory = [resident_mebibytes(notifier.process.pid)]
        for number in range(ALERTS):
            for body in (post(entry(number)), post(entry(number, ends=60))):
                notifier.post(body)
            notifier.get("/metrics")
        memory.append(resident_mebibytes(notifier.process.pid))
    phone.close()
    if len(phone.sent) != 2 * ALERTS:
        msg = f"the notifier told {len(phone.sent)} times of {2 * ALERTS}"
        raise LabError(msg)
    names = ("notifier's resident memory after its start", f"notifier's resident memory after {2 * ALERTS} messages")
    yield [Figure(name, value, "MiB", _LIMIT, False, 1) for name, value in zip(names, memory, strict=True)]
