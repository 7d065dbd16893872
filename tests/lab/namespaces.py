"""Ways into another process's namespaces: for commands (nsenter) and for single sockets (setns in a thread)."""

from __future__ import annotations

import ctypes
import os
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

_CLONE_NEWNET: Final = 0x40000000  # linux/sched.h
_LIBC: Final = ctypes.CDLL(None, use_errno=True)


def nsenter(pid: int, *kinds: str) -> list[str]:
    """The command prefix that runs what follows in the namespaces (``net``, ``mount``, ``uts``) of process ``pid``."""
    return ["nsenter", f"--target={pid}", *(f"--{kind}" for kind in kinds), "--"]


def socket_in(pid: int, family: int, kind: int, protocol: int = 0) -> socket.socket:
    """A socket that lives in the network namespace of process ``pid``, usable from here.

    A socket belongs to the namespace it was made in for ever, so a thread that enters, makes it and ends is enough;
    ``os.setns`` itself came with Python 3.12.

    Raises:
        OSError: the process is gone or its namespace may not be entered.
    """

    def enter_and_make() -> socket.socket:
        with Path(f"/proc/{pid}/ns/net").open("rb") as namespace:
            if _LIBC.setns(namespace.fileno(), _CLONE_NEWNET) != 0:
                number = ctypes.get_errno()
                raise OSError(number, f"setns: {os.strerror(number)}")
        return socket.socket(family, kind, protocol)

    with ThreadPoolExecutor(max_workers=1) as executor:
        return executor.submit(enter_and_make).result()


def family_of(address: str) -> socket.AddressFamily:
    """The socket family of a literal address."""
    return socket.AF_INET6 if ":" in address else socket.AF_INET
