"""Who listens on port 53 (proc(5), /proc/net/tcp and its like)."""

from __future__ import annotations

import ipaddress
import os
import re
import struct
from pathlib import Path

from exporter.preflight.facts import Listener

PORT = 53
# Listening for TCP; for UDP: not connected.
_STATES = {"tcp": "0A", "udp": "07"}


def listeners(proc: Path) -> tuple[Listener, ...] | None:
    """List them; None when the kernel's tables cannot be read."""
    found: dict[str, tuple[str, str]] = {}
    readable = False
    for name in ("tcp", "tcp6", "udp", "udp6"):
        try:
            text = (proc / "net" / name).read_text("ascii", "replace")
        except OSError:
            continue
        readable = True
        found.update(parse_table(text, name.rstrip("6")))
    if not readable:
        return None
    processes = _processes(proc, set(found)) if found else {}
    return tuple(
        Listener(address, protocol, processes.get(inode)) for inode, (address, protocol) in sorted(found.items())
    )


def parse_table(text: str, protocol: str) -> dict[str, tuple[str, str]]:
    """Return the sockets on the port, by inode: address and protocol; lines that make no sense are left out."""
    found = {}
    for line in text.splitlines():
        fields = line.split()
        if len(fields) < 10 or fields[3] != _STATES[protocol]:
            continue
        match = re.fullmatch(r"([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4})", fields[1])
        if match is None or int(match[2], 16) != PORT:
            continue
        found[fields[9]] = (_address(match[1]), protocol)
    return found


def _address(digits: str) -> str:
    """Each 32 bits are in the machine's byte order."""
    words = struct.pack(f"={len(digits) // 8}I", *(int(digits[i : i + 8], 16) for i in range(0, len(digits), 8)))
    return str(ipaddress.ip_address(words))


def _processes(proc: Path, inodes: set[str]) -> dict[str, str]:
    """The names of the processes that hold sockets, as far as this process may see them."""
    links = {f"socket:[{inode}]": inode for inode in inodes}
    names: dict[str, str] = {}
    for process in proc.iterdir():
        if not process.name.isdigit():
            continue
        try:
            held = {os.readlink(link) for link in (process / "fd").iterdir()}  # noqa: PTH115 (no path)
            name = (process / "comm").read_text("utf-8", "replace").strip()
        except OSError:  # it has ended, or is none of ours
            continue
        for link in held & links.keys():
            names[links[link]] = name
    return names
