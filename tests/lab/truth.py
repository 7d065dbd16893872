"""Who really holds an address: the kernel's own lists of each host's network namespace, read from outside.

No daemon is asked, and no route: a route may make a kernel accept packets to an address that no interface has. Nor
does the loopback interface count, to which no other host can be led.
Used by the owner sampler too, a process of its own.
"""

from __future__ import annotations

import array
import fcntl
import ipaddress
import os
import socket
import struct
import threading
from pathlib import Path
from typing import Final

from .namespaces import socket_in

_SIOCGIFCONF: Final = 0x8912  # netdevice(7)
_INTERFACES: Final = 64
_IFREQ_BYTES: Final = 40  # of 64-bit systems; the address begins after the name and the family
_ADDRESS: Final = slice(20, 24)

_sockets: dict[int, int] = {}
"""By process: the descriptor of a socket in its network namespace, closed when the process is gone so that the
namespace can go too."""
_lock: Final = threading.Lock()


def holds(pid: int, address: str) -> bool:
    """Whether an interface in the network namespace of ``pid`` has ``address``; a process that is gone has nothing."""
    with _lock:
        _forget_the_gone()
        try:
            return _holds_ipv6(pid, address) if ":" in address else _holds_ipv4(pid, address)
        except OSError:
            return False


def _forget_the_gone() -> None:
    for pid in [pid for pid in _sockets if not _lives(pid)]:
        os.close(_sockets.pop(pid))


def _lives(pid: int) -> bool:
    return Path(f"/proc/{pid}/ns/net").exists()


def _holds_ipv4(pid: int, address: str) -> bool:
    if pid not in _sockets:
        _sockets[pid] = socket_in(pid, socket.AF_INET, socket.SOCK_DGRAM).detach()
    buffer = array.array("B", bytes(_INTERFACES * _IFREQ_BYTES))
    location, size = buffer.buffer_info()
    answer = fcntl.ioctl(_sockets[pid], _SIOCGIFCONF, struct.pack("iL", size, location))
    (used,) = struct.unpack_from("i", answer)
    found = buffer.tobytes()[:used]
    wanted = socket.inet_aton(address)
    return any(found[start:][_ADDRESS] == wanted for start in range(0, used, _IFREQ_BYTES))


def _holds_ipv6(pid: int, address: str) -> bool:
    """The kernel lists each address as 32 hexadecimal digits, one address a line."""
    digits = ipaddress.IPv6Address(address).exploded.replace(":", "")
    with Path(f"/proc/{pid}/net/if_inet6").open(encoding="ascii") as table:
        return any(line.startswith(digits) and line.split()[-1] != "lo" for line in table)
