"""Does the guard keep its promise? While keepalived is dead, no virtual IP may be on this node.

Exits with 0 if so, and with 1 otherwise. A moment between death and removal is the guard's to use.
"""

from __future__ import annotations

import ipaddress
import itertools
import os
import sys
import time
from pathlib import Path

from exporter.engine.runtime import RuntimeFiles
from exporter.model.addressing import VirtualAddress, parse_virtual_address
from exporter.sources.keepalived import keepalived_lives

PROC = Path("/proc")
GRACE_SECONDS = 1.0


def on_this_node(virtual: VirtualAddress, proc: Path) -> bool:
    """Whether the kernel has the address as its own (proc(5): net/fib_trie and net/if_inet6)."""
    if virtual.address.version == 6:
        digits = ipaddress.IPv6Address(int(virtual.address)).exploded.replace(":", "")
        return any(line.startswith(digits) for line in (proc / "net/if_inet6").read_text("ascii").splitlines())
    lines = (proc / "net/fib_trie").read_text("ascii").splitlines()
    leaf = f"|-- {virtual}"
    return any(line.strip() == leaf and "/32 host LOCAL" in after for line, after in itertools.pairwise(lines))


def promise_kept(addresses: list[VirtualAddress], lock: Path, proc: Path = PROC) -> bool:
    """Look once."""
    return keepalived_lives(lock) or not any(on_this_node(virtual, proc) for virtual in addresses)


def main() -> int:
    """Look, and once more after the grace if the first look was bad."""
    addresses = [parse_virtual_address(part) for part in os.environ["VIP_ADDRESS"].split(",") if part.strip()]
    lock = RuntimeFiles().lock
    if promise_kept(addresses, lock):
        return 0
    time.sleep(GRACE_SECONDS)
    return 0 if promise_kept(addresses, lock) else 1


if __name__ == "__main__":
    sys.exit(main())
