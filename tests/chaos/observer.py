"""Records the truth beside a round; a process of its own, so that nothing that is done to the pair delays it.

``python -m tests.chaos.observer`` reads lines ``NAME PID`` from standard input: the process whose network namespace is
that node, or the switch (``lan``); PID 0: it is off. It says ``started``, and writes one JSON list of ``[time, kind,
node, what]`` when its input ends; times of CLOCK_MONOTONIC. The kinds are those of ``timeline.py``.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import sys
import threading
import time
from pathlib import Path
from typing import Any, Final

from tests.lab.plan import INTERFACE

from . import exporter_watch
from .capture import open_capture, receive
from .process_table import ProcessTable, Programs
from .rtnetlink import Kernel

LOOK_SECONDS: Final = 0.05
STATUS_SECONDS: Final = 0.25
METRICS_EVERY: Final = 4  # statuses
TICK_SECONDS: Final = 0.01
STALL_SECONDS: Final = 0.05

Entry = tuple[float, str, str, Any]


class Observer:
    """Everything that is recorded, and the threads that record it."""

    def __init__(self) -> None:
        self.record: list[Entry] = []
        self._pids: dict[str, int] = {}
        self._namespaces: dict[str, str] = {}
        self._kernels: dict[str, Kernel] = {}
        self._capture: Any = None
        self._table = ProcessTable()
        self._programs: dict[str, Programs] = {}
        self._ended = threading.Event()

    def note(self, kind: str, node: str, what: Any) -> None:
        """Record something that is so from now on."""
        self.record.append((time.monotonic(), kind, node, what))

    def run(self, instructions: int) -> None:
        """Observe until the descriptor ``instructions`` ends."""
        threading.excepthook = _end
        threads = [threading.Thread(target=self._tick)]
        threads += [threading.Thread(target=self._ask, args=[node]) for node in ("alpha", "beta")]
        for thread in threads:
            thread.start()
        buffer, looked = b"", 0.0
        while True:
            sources: list[Any] = [kernel.channel for kernel in self._kernels.values()]
            sources += [self._capture] if self._capture else []
            wait = max(0.0, looked + LOOK_SECONDS - time.monotonic())
            readable, _, _ = select.select([instructions, *sources], [], [], wait)
            if instructions in readable:
                chunk = os.read(instructions, 4096)
                if not chunk:
                    break
                *lines, buffer = (buffer + chunk).split(b"\n")
                for line in lines:
                    name, pid = line.decode().split()
                    self._place_is(name, int(pid))
            self._listen()
            if time.monotonic() - looked >= LOOK_SECONDS:
                looked = time.monotonic()
                self._look()
        self._ended.set()
        for thread in threads:
            thread.join()

    def _place_is(self, name: str, pid: int) -> None:
        if name == "lan":
            self._capture = open_capture(pid)
            return
        if name in self._kernels:
            self._kernels.pop(name).channel.close()
        self._pids.pop(name, None)
        self._namespaces = {space: node for space, node in self._namespaces.items() if node != name}
        if pid:
            with contextlib.suppress(OSError):  # gone already; "off" follows
                space = str(Path(f"/proc/{pid}/ns/net").readlink())
                self._kernels[name] = Kernel.of(pid, INTERFACE)
                self._namespaces[space] = name
                self._pids[name] = pid
        self.note("on", name, name in self._pids)
        if name in self._pids:
            for change in self._kernels[name].everything:
                self._note_change(name, change)

    def _note_change(self, node: str, change: tuple[str, str, bool]) -> None:
        kind, which, there = change
        self.note(kind, node, [which, there])

    def _listen(self) -> None:
        for node, kernel in self._kernels.items():
            for change in kernel.changes():
                self._note_change(node, change)
        for advert in receive(self._capture) if self._capture else ():
            self.note("advert", "", advert)

    def _look(self) -> None:
        for node, programs in self._table.look(self._namespaces).items():
            if programs != self._programs.get(node):
                self._programs[node] = programs
                self.note("programs", node, programs)

    def _ask(self, node: str) -> None:
        asked = 0
        while not self._ended.wait(STATUS_SECONDS):
            pid = self._pids.get(node)
            if pid is None:
                continue
            self.note("said", node, exporter_watch.status(pid))
            asked += 1
            if asked % METRICS_EVERY == 0:
                self.note("counters", node, exporter_watch.counters(pid))

    def _tick(self) -> None:
        """Notice when the machine did not run this process in time: nobody else's delays mean anything then."""
        before = time.monotonic()
        while not self._ended.is_set():
            time.sleep(TICK_SECONDS)
            now = time.monotonic()
            if now - before - TICK_SECONDS > STALL_SECONDS:
                self.note("stall", "", now - before)
            before = now


def _end(failure: threading.ExceptHookArgs) -> None:
    """A record with a hole in it is none."""
    sys.excepthook(failure.exc_type, failure.exc_value or failure.exc_type(), failure.exc_traceback)
    os._exit(1)


def main() -> None:
    """Observe as standard input says."""
    observer = Observer()
    print("started", flush=True)
    observer.run(sys.stdin.fileno())
    json.dump(observer.record, sys.stdout)


if __name__ == "__main__":
    main()
