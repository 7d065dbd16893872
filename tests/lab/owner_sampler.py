"""Watches, from the kernel's tables, which nodes hold which VIP; a process of its own.

``python -m tests.lab.owner_sampler INTERVAL ADDRESS...`` reads lines ``NODE PID...`` from standard input: the
processes whose network namespaces are those nodes, all of them in its first line, and a node again after every boot.
It says ``started`` when it has looked at them for the first time, looks every INTERVAL seconds, and writes one JSON
object when its input ends: ``samples``, ``end``, and ``changes``, a list of ``[time, address, [node, ...]]``; times of
CLOCK_MONOTONIC.
"""

from __future__ import annotations

import json
import os
import select
import sys
import time

from .truth import holds

Change = tuple[float, str, list[str]]


def watch(interval: float, addresses: list[str], instructions: int) -> tuple[int, list[Change]]:
    """Sample until the descriptor ``instructions`` ends; return how often, and every change of ownership."""
    nodes: dict[str, int] = {}
    changes: list[Change] = []
    last: dict[str, list[str]] = {}
    samples, told, started = 0, False, False
    buffer = b""
    while True:
        readable, _, _ = select.select([instructions], [], [], interval)
        if readable:
            chunk = os.read(instructions, 4096)
            if not chunk:
                return samples, changes
            *lines, buffer = (buffer + chunk).split(b"\n")
            told = told or bool(lines)
            for line in lines:
                words = line.decode().split()
                nodes |= dict(zip(words[::2], map(int, words[1::2]), strict=True))
        samples += 1
        for address in addresses:
            owners = [node for node, pid in nodes.items() if holds(pid, address)]
            if nodes and owners != last.get(address):
                changes.append((time.monotonic(), address, owners))
                last[address] = owners
        if told and not started:
            print("started", flush=True)
            started = True


def main() -> None:
    """Watch as the command line says."""
    samples, changes = watch(float(sys.argv[1]), sys.argv[2:], sys.stdin.fileno())
    json.dump({"samples": samples, "changes": changes, "end": time.monotonic()}, sys.stdout)


if __name__ == "__main__":
    main()
