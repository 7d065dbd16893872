"""A keepalived that is not the stack's: whether it runs, and what it announces on a FIFO (keepalived.conf(5))."""

from __future__ import annotations

import contextlib
import os
import select
import stat
import time
from dataclasses import dataclass
from pathlib import Path

from exporter.engine.files import read_bounded
from exporter.model.errors import CollectorError, ParseError

CHUNK_BYTES = 1 << 16
_STAT_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Process:
    """A process and when it was started, in clock ticks since boot: together no other one has them."""

    pid: int
    started: int

    @property
    def start_time(self) -> float:
        """When it was started, in Unix seconds."""
        age = time.clock_gettime(time.CLOCK_BOOTTIME) - self.started / os.sysconf("SC_CLK_TCK")
        return time.time() - age


def find_keepalived(pid_file: Path, proc: Path = Path("/proc")) -> Process | None:
    """Return the keepalived whose pid file this is; None when it does not run.

    Raises:
        CollectorError: that cannot be told.
    """
    try:
        pid = int(read_bounded(pid_file, 64))
        content = read_bounded(proc / str(pid) / "stat", _STAT_BYTES)
    except (FileNotFoundError, ProcessLookupError):
        if not (proc / "1").exists():
            msg = (
                "other users' processes are hidden here, so nobody can tell whether keepalived runs: mount "
                f"{proc} without hidepid, and leave ProtectProc= out of the exporter's unit"
            )
            raise CollectorError(msg) from None
        return None
    except OSError as error:
        msg = f"{error.filename} cannot be read: {error.strerror}; make it readable for the exporter's user"
        raise CollectorError(msg) from error
    except (ParseError, ValueError):
        msg = f"{pid_file} does not hold a process id; name keepalived's pid file in KEEPALIVED_PID_FILE"
        raise CollectorError(msg) from None
    return _parse_stat(pid, content)


def _parse_stat(pid: int, content: bytes) -> Process | None:
    """Read ``/proc/PID/stat`` (proc(5)); a pid file that was left behind may name another program by now."""
    name, _, rest = content.partition(b"(")[2].rpartition(b")")
    fields = rest.split()
    if not name.startswith(b"keepalived") or len(fields) < 20 or fields[0] in (b"Z", b"X"):
        return None
    return Process(pid, int(fields[19]))


class NotifyFifo:
    """The FIFO on which keepalived announces state changes, through its removal, its return and keepalived's end.

    Keepalived makes it, and has it open for reading too, so what is announced while nobody else reads waits in it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None
        self.problem: str | None = None  # why nothing can be read now, as a sentence

    def read(self, seconds: float) -> bytes:
        """Return what is announced within a time; at its end, or where nothing can be read, nothing.

        Does not wait where there is no FIFO.
        """
        if self._descriptor is not None and not self._is_the_one(self._descriptor):
            self.close()
        if self._descriptor is None:
            self._descriptor = self._open()
        if self._descriptor is None:
            return b""
        poll = select.poll()
        poll.register(self._descriptor, select.POLLIN)
        if not poll.poll(seconds * 1000):
            return b""
        content = b""
        with contextlib.suppress(BlockingIOError):
            content = os.read(self._descriptor, CHUNK_BYTES)
        if not content:  # every writer is gone; opened anew it waits for the next one
            self.close()
        return content

    def close(self) -> None:
        """Read no more; the next ``read`` opens it again."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    @property
    def opened(self) -> bool:
        """Whether it can be waited for."""
        return self._descriptor is not None

    def _open(self) -> int | None:
        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            self.problem = (
                f"{self._path} does not exist: write vrrp_notify_fifo {self._path} into global_defs of keepalived.conf "
                "and restart keepalived"
            )
            return None
        except OSError as error:
            self.problem = (
                f"{self._path} cannot be read: {error.strerror}; name the exporter's user behind it in keepalived.conf "
                f"(vrrp_notify_fifo {self._path} USER) and restart keepalived"
            )
            return None
        if not stat.S_ISFIFO(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            self.problem = f"{self._path} is no FIFO; remove it and restart keepalived, which makes one"
            return None
        self.problem = None
        return descriptor

    def _is_the_one(self, descriptor: int) -> bool:
        """Whether the FIFO that is open is the one that keepalived opens by this name."""
        try:
            there, here = self._path.stat(), os.fstat(descriptor)
        except OSError:
            return False
        return (there.st_dev, there.st_ino) == (here.st_dev, here.st_ino)
