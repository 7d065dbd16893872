"""What the DHCP service says of itself to the exporter: one small file in the runtime directory."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Collection
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

from exporter.engine.files import write_atomically


@dataclass(frozen=True, slots=True)
class DhcpStatus:
    """Times in Unix seconds."""

    serving: bool  # dnsmasq runs
    problem: str  # why it does not, though this node has the virtual IP; empty otherwise
    leases: int  # that this node knows of
    copied: float | None  # when the other node last told its own
    copy_problem: str
    foreign: Collection[IPv4Address]  # other DHCP servers that answered


def publish(path: Path, now: float, status: DhcpStatus) -> None:
    """Write it; on a full tmpfs what was said grows old, which the exporter tells."""
    document = {
        "time": now,
        "serving": status.serving,
        "problem": status.problem,
        "leases": status.leases,
        "copied": status.copied,
        "copy_problem": status.copy_problem,
        "foreign": sorted(map(str, status.foreign)),
    }
    with contextlib.suppress(OSError):
        write_atomically(path, json.dumps(document).encode())
