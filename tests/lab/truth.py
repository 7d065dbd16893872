"""Who really holds an address: read from the kernel's tables of each host's network namespace, from outside.

``/proc/PID/net`` shows the namespace of that process (proc(5)), so nothing has to enter it and no daemon is asked.
Standard library only: the owner sampler, a process of its own, uses this too.
"""

from __future__ import annotations

import ipaddress
from pathlib import Path


def holds(pid: int, address: str) -> bool:
    """Whether the network namespace of ``pid`` has ``address`` as its own; a process that is gone holds nothing."""
    try:
        return _holds_ipv6(pid, address) if ":" in address else _holds_ipv4(pid, address)
    except OSError:
        return False


def _holds_ipv4(pid: int, address: str) -> bool:
    """The kernel lists each own address in the local table: the leaf, then ``/32 host LOCAL``."""
    with Path(f"/proc/{pid}/net/fib_trie").open(encoding="ascii") as table:
        lines = iter(table)
        leaf = f"|-- {address}"
        return any(line.strip() == leaf and "/32 host LOCAL" in next(lines, "") for line in lines)


def _holds_ipv6(pid: int, address: str) -> bool:
    """The kernel lists each own address as 32 hexadecimal digits, one address a line."""
    digits = ipaddress.IPv6Address(address).exploded.replace(":", "")
    with Path(f"/proc/{pid}/net/if_inet6").open(encoding="ascii") as table:
        return any(line.startswith(digits) for line in table)
