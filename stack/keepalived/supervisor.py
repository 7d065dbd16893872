"""Runs keepalived and the processes beside it: whichever of those dies or hangs is started again within a second.

Keepalived itself is not started again: when it ends, so does this process, with its exit code, and Docker or systemd
starts all of it anew. Killing this process ends the container, and with it all the others.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from exporter.engine.files import write_atomically
from exporter.engine.runtime import RuntimeFiles
from stack.keepalived.liveness import Liveness
from stack.keepalived.recorder import read_pid

POLL_SECONDS = 0.25
# A process beside keepalived gives a sign of life twice a second.
HANGING_SECONDS = 2.0
# The first restart is at once; one that dies again soon waits, so that nothing spins.
SOON_SECONDS = 5.0
AGAIN_SECONDS = 0.8
LAST_WORDS_SECONDS = 1.0
PUBLISH_SECONDS = 5.0
FORWARDED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)

Beat = Callable[[], None]


@dataclass(slots=True)
class Helper:
    """A process beside keepalived: ``run`` is called in a fork, and calls what it is given as a sign of life.

    It is also told whether it is the first one since keepalived was started.
    """

    name: str
    run: Callable[[Beat, bool], None]
    heartbeat: Path | None = None  # touched with each sign of life, for the guard
    starts: int = 0
    last_start: float = 0.0  # Unix seconds
    last_end: str | None = None
    _pid: int = 0
    _descriptor: int = -1  # pidfd
    _beats: int = -1  # the pipe's end that is read
    _beaten: float = 0.0  # monotonic
    _started: float = 0.0  # monotonic
    _ended_by: str = ""  # why it was killed by this process
    _start_at: float = float("-inf")  # monotonic

    @property
    def running(self) -> bool:
        """Whether it lives, as far as is known."""
        return self._pid != 0

    @property
    def pid(self) -> int | None:
        """Its process id while it runs, as this process sees it."""
        return self._pid or None

    @property
    def descriptor(self) -> int:
        """A pidfd, readable when it has ended (pidfd_open(2))."""
        return self._descriptor

    def start_if_due(self, now: float) -> bool:
        """Fork it if it does not live and its time has come; where that fails, it is tried again."""
        if self.running or now < self._start_at:
            return False
        try:
            self._start(now)
        except OSError as error:  # no process, memory or descriptor is left: keepalived goes on without it
            self._start_at = now + AGAIN_SECONDS
            self.last_end = f"could not be started: {error.strerror}"
            print(f"the {self.name} {self.last_end}", file=sys.stderr, flush=True)
        return True

    def _start(self, now: float) -> None:
        reader, writer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            first = self.starts == 0
            pid = os.fork()
            if pid == 0:
                os.close(reader)
                _become(self.name, lambda beat: self.run(beat, first), writer, self.heartbeat)
            try:
                self._descriptor = os.pidfd_open(pid)
            except OSError:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
                raise
        except OSError:
            os.close(reader)
            raise
        finally:
            os.close(writer)
        self._pid, self._beats = pid, reader
        self._started = self._beaten = now
        self._ended_by = ""
        self.starts += 1
        self.last_start = time.time()

    def poll(self, now: float, *, paused: bool) -> bool:
        """Note its signs of life, and end it when there are none; say whether it has ended."""
        with contextlib.suppress(BlockingIOError):
            while os.read(self._beats, 4096):
                self._beaten = now
        if paused:  # this process was not run either: silence means nothing
            self._beaten = now
        if now - self._beaten > HANGING_SECONDS:
            self._ended_by = f"gave no sign of life for {HANGING_SECONDS:g} s"
            self.kill()
        # Never wait: what hangs in the kernel, for a disk for instance, does not even die at once.
        pid, status = os.waitpid(self._pid, os.WNOHANG)
        if pid == 0:
            return False
        os.close(self._descriptor)
        os.close(self._beats)
        self._pid, self._descriptor, self._beats = 0, -1, -1
        self._start_at = now + (AGAIN_SECONDS if now - self._started < SOON_SECONDS else 0.0)
        self.last_end = self._ended_by or _how(status)
        print(f"the {self.name} {self.last_end}; starting it again", file=sys.stderr, flush=True)
        return True

    def wait(self, seconds: float) -> None:
        """Wait for its end, and kill it if it takes too long."""
        if not self.running:
            return
        waiting = select.poll()
        waiting.register(self._descriptor, select.POLLIN)
        if not waiting.poll(seconds * 1000):
            self.kill()

    def kill(self) -> None:
        """End it now."""
        if self.running:
            os.kill(self._pid, signal.SIGKILL)


def supervise(
    command: Sequence[str],
    lock: int,
    helpers: Callable[[int], tuple[Helper, ...]],
    files: RuntimeFiles,
    liveness: Liveness | None = None,
) -> int:
    """Run keepalived to its end; return its exit code as a shell would give it.

    ``lock`` is held by keepalived alone from then on. ``helpers`` makes the processes beside it, given its pid: the
    last of them hears its last words, the others are ended. With ``liveness`` a keepalived that hangs is killed, so
    that the guard takes the virtual IP off the node.
    """
    keepalived, everybody = _fork(command, lock, helpers)
    death = os.pidfd_open(keepalived)
    looked = published = float("-inf")
    while True:
        touch(files.heartbeat)
        now = time.monotonic()
        changed = [helper.start_if_due(now) for helper in everybody]
        if any(changed) or now - published > PUBLISH_SECONDS:
            published = now
            publish(everybody, files)
        looked = now
        waiting = select.poll()
        waiting.register(death, select.POLLIN)
        for helper in everybody:
            if helper.running:
                waiting.register(helper.descriptor, select.POLLIN)
        ready = dict(waiting.poll(POLL_SECONDS * 1000))
        if death in ready:
            return _end(keepalived, everybody)
        now = time.monotonic()
        paused = now - looked > 4 * POLL_SECONDS
        ended = [helper.poll(now, paused=paused) for helper in everybody if helper.running]
        if any(ended):
            publish(everybody, files)
        vrrp = read_pid(files.vrrp_pid)
        if liveness is not None and vrrp is not None and liveness.hangs(vrrp, now, paused=paused):
            print("keepalived hangs; ending it, so that it leaves the virtual IP", file=sys.stderr, flush=True)
            for pid in (keepalived, vrrp):  # the parent first, which would start another one
                _send(pid, signal.SIGKILL)
        _reap_orphans({keepalived, *(helper.pid for helper in everybody)})


def _fork(
    command: Sequence[str], lock: int, helpers: Callable[[int], tuple[Helper, ...]]
) -> tuple[int, tuple[Helper, ...]]:
    """Start keepalived, and forward to it what this process is told from then on."""
    # None may be lost between the fork and the handlers: a stop would wait for Docker's patience to end.
    signal.pthread_sigmask(signal.SIG_BLOCK, FORWARDED)
    keepalived = os.fork()
    if keepalived == 0:
        try:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, FORWARDED)
            os.execvp(command[0], list(command))  # noqa: S606 (what it is for)
        finally:
            os._exit(127)
    os.close(lock)
    everybody = helpers(keepalived)
    for number in FORWARDED:
        signal.signal(number, lambda received, _: _send(keepalived, received))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, FORWARDED)
    return keepalived, everybody


def _end(keepalived: int, everybody: Sequence[Helper]) -> int:
    """End what ran beside a dead keepalived; return its exit code as a shell would give it."""
    for helper in everybody[:-1]:
        helper.kill()
    everybody[-1].wait(LAST_WORDS_SECONDS)
    _, status = os.waitpid(keepalived, 0)
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def publish(helpers: Sequence[Helper], files: RuntimeFiles) -> None:
    """Say for the exporter how these processes are: ``{"time", "processes": {NAME: {…}}}``, times in Unix seconds."""
    document = {
        "time": time.time(),
        "processes": {
            one.name: {
                "running": one.running,
                "pid": one.pid,
                "starts": one.starts,
                "last_start": one.last_start,
                "last_end": one.last_end,
            }
            for one in helpers
        },
    }
    with contextlib.suppress(OSError):  # a full tmpfs: what it says grows old, which the exporter tells
        write_atomically(files.processes, json.dumps(document).encode())


def touch(heartbeat: Path) -> None:
    """Give the guard a sign of life (stack/guard/heartbeat.py): the file's time changes, which needs no space."""
    with contextlib.suppress(OSError):
        os.utime(heartbeat)


def _become(name: str, run: Callable[[Beat], None], beats: int, heartbeat: Path | None) -> None:
    """In the fork: be that process and nothing else."""
    status = 1
    try:
        for number in FORWARDED:
            signal.signal(number, signal.SIG_DFL)

        def beat() -> None:
            with contextlib.suppress(BlockingIOError):
                os.write(beats, b".")
            if heartbeat is not None:
                touch(heartbeat)

        run(beat)
        status = 0
    except BrokenPipeError:  # nobody supervises this process any more
        status = 0
    except Exception as error:  # noqa: BLE001 (whatever it was, the supervisor starts it again)
        print(f"the {name} ended: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
    finally:
        os._exit(status)


def _send(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _reap_orphans(ours: set[int | None]) -> None:
    """Take the exit status of processes that others have left to a container's first process (wait(2))."""
    with contextlib.suppress(ChildProcessError):
        while (ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)) is not None:
            if ended.si_pid in ours:  # whose end is looked at in its turn
                return
            os.waitpid(ended.si_pid, os.WNOHANG)


def _how(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    if code >= 0:
        return f"ended with {code}"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:  # a real-time signal
        return f"was killed by signal {-code}"
