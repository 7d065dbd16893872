"""What a process uses (proc(5)); a process that has gone raises FileNotFoundError."""

from __future__ import annotations

import os
from pathlib import Path


def cpu_seconds(process: int) -> float:
    """CPU time of all threads that live, to the nanosecond (``schedstat``), in seconds."""
    tasks = Path(f"/proc/{process}/task")
    total = 0
    for task in tasks.iterdir():
        try:
            total += int((task / "schedstat").read_text().split()[0])
        except (FileNotFoundError, ProcessLookupError):
            continue
    return total / 1e9


def cpu_ticks_seconds(process: int) -> float:
    """CPU time of the whole process, ended threads too, by the kernel's tick, in seconds."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mebibytes(process: int) -> float:
    """Resident memory."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def descriptors(process: int) -> int:
    """Open descriptors."""
    return sum(1 for _ in Path(f"/proc/{process}/fd").iterdir())


def threads(process: int) -> int:
    """Living threads."""
    return sum(1 for _ in Path(f"/proc/{process}/task").iterdir())
