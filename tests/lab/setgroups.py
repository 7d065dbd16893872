"""Makes setgroups(2) a success that does nothing, then becomes another program; for user namespaces.

Run as a plain script by ``isolation.enter``: ``setgroups.py COMMAND...``. An unprivileged user namespace forbids
setgroups (user_namespaces(7)), and keepalived takes a check script whose groups it could not set for one that
succeeded: no failing DNS would ever move the VIP. A seccomp filter needs no privilege and answers in the kernel's
place; there is one group in such a namespace anyway, so nothing is lost.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import sys

_PR_SET_NO_NEW_PRIVS = 38
_PR_SET_SECCOMP = 22
_SECCOMP_MODE_FILTER = 2
_ALLOW = 0x7FFF0000
_ERRNO_0 = 0x00050000

# linux/audit.h and the kernel's system call tables: architecture, number of setgroups.
_ARCHITECTURES = {"x86_64": (0xC000003E, 116), "aarch64": (0xC00000B7, 159)}

# linux/bpf_common.h
_LOAD_WORD = 0x20
_JUMP_EQUAL = 0x15
_RETURN = 0x06
_OFFSET_NUMBER, _OFFSET_ARCHITECTURE = 0, 4


class _Program(ctypes.Structure):
    """``struct sock_fprog``."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def install() -> None:
    """Filter setgroups for this process and everything it starts.

    Raises:
        OSError: the kernel has no seccomp filters.
        KeyError: this machine's architecture is not known here.
    """
    architecture, number = _ARCHITECTURES[platform.machine()]
    instruction = struct.Struct("=HBBI")
    instructions = b"".join(
        instruction.pack(*fields)
        for fields in (
            (_LOAD_WORD, 0, 0, _OFFSET_ARCHITECTURE),
            (_JUMP_EQUAL, 0, 3, architecture),
            (_LOAD_WORD, 0, 0, _OFFSET_NUMBER),
            (_JUMP_EQUAL, 0, 1, number),
            (_RETURN, 0, 0, _ERRNO_0),
            (_RETURN, 0, 0, _ALLOW),
        )
    )
    program = _Program(len(instructions) // instruction.size, instructions)
    libc = ctypes.CDLL(None, use_errno=True)
    for arguments in (
        (_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
        (_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0),
    ):
        if libc.prctl(*arguments) != 0:
            code = ctypes.get_errno()
            raise OSError(code, f"prctl: {os.strerror(code)}")


if __name__ == "__main__":
    install()
    os.execv(sys.argv[1], sys.argv[1:])  # noqa: S606  the caller's own command
