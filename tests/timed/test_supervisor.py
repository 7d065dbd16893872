"""What runs beside keepalived is started again when it dies or hangs; keepalived's own end is the end of all."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from stack.keepalived import supervisor
from tests.lab.waiting import wait_for

REPOSITORY = Path(__file__).parents[2]
# A process that supervises `sleep` in keepalived's place, with two processes beside it that write down their ids.
PROGRAM = """
import ctypes, os, sys, time, fcntl
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER: orphans come here, as to a container's first process
from pathlib import Path
from exporter.engine.runtime import RuntimeFiles
from stack.keepalived.supervisor import Helper, supervise
folder = Path(sys.argv[1])
lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT)
fcntl.flock(lock, fcntl.LOCK_EX)
os.set_inheritable(lock, True)

def check(beat, first):
    (folder / "check").write_text(f"{os.getpid()} {first}")
    if os.fork() == 0:
        if os.fork() == 0:
            (folder / "orphan").write_text(str(os.getpid()))
            time.sleep(0.3)
        os._exit(0)
    os.wait()
    while True:
        beat()
        time.sleep(0.1)

def recorder_of(keepalived):
    def record(beat, first):
        (folder / "recorder").write_text(f"{os.getpid()} {first}")
        death = os.pidfd_open(keepalived)
        import select
        waiting = select.poll()
        waiting.register(death, select.POLLIN)
        while not waiting.poll(100):
            beat()
        (folder / "last words").write_text("said")
    return record

(folder / "supervisor").write_text(str(os.getpid()))
def helpers(keepalived):
    (folder / "keepalived").write_text(str(keepalived))
    return (Helper("check", check), Helper("recorder", recorder_of(keepalived)))
sys.exit(supervise(sys.argv[2:], lock, helpers, RuntimeFiles(folder)))
"""


@dataclass
class Running:
    folder: Path
    process: subprocess.Popen[str]

    def words(self, name: str) -> list[str]:
        path = self.folder / name
        return path.read_text().split() if path.exists() else []

    def pid(self, name: str) -> int:
        return int(self.until(name, lambda: self.words(name))[0])

    def until(self, what: str, look: Callable[[], Any], seconds: float = 30.0) -> Any:
        return wait_for(what, look, timeout=seconds)

    def told(self, name: str) -> dict[str, Any]:
        path = self.folder / "processes.json"
        found: dict[str, Any] = json.loads(path.read_text())["processes"][name] if path.exists() else {}
        return found


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    started: list[subprocess.Popen[str]] = []

    def make(*command: str) -> Running:
        argv = [sys.executable, "-c", textwrap.dedent(PROGRAM), str(tmp_path), *(command or ("sleep", "60"))]
        process = subprocess.Popen(argv, cwd=REPOSITORY, stderr=subprocess.PIPE, text=True)
        started.append(process)
        running = Running(tmp_path, process)
        running.pid("recorder")
        running.pid("check")
        return running

    yield make
    for process in started:
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=10)


def lives(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


@pytest.mark.parametrize("name", ["check", "recorder"])
def test_a_process_that_is_killed_is_started_again_within_a_second(start: Callable[..., Running], name: str) -> None:
    running = start()
    first = running.pid(name)
    assert running.words(name)[1] == "True"
    os.kill(first, signal.SIGKILL)
    began = time.monotonic()
    running.until(f"another {name}", lambda: running.words(name)[:1] not in ([], [str(first)]))
    assert time.monotonic() - began < 5  # 0.8 s at most, on a machine that has nothing else to do
    assert running.words(name)[1] == "False"
    told = running.until("that it is told", lambda: (t := running.told(name))["starts"] == 2 and t)
    assert (told["running"], told["last_end"]) == (True, "was killed by SIGKILL")


def test_a_process_that_hangs_is_ended_and_started_again(start: Callable[..., Running]) -> None:
    running = start()
    first = running.pid("check")
    os.kill(first, signal.SIGSTOP)
    running.until("another check", lambda: running.words("check")[:1] not in ([], [str(first)]))
    assert not lives(first)
    assert running.told("check")["last_end"] == "gave no sign of life for 2 s"


def test_a_pause_of_the_whole_machine_ends_nobody(start: Callable[..., Running]) -> None:
    running = start()
    check, recorder, supervisor = (running.pid(name) for name in ("check", "recorder", "supervisor"))
    for pid in (supervisor, check, recorder):
        os.kill(pid, signal.SIGSTOP)
    time.sleep(3)
    for pid in (supervisor, check, recorder):
        os.kill(pid, signal.SIGCONT)
    time.sleep(1.5)
    assert (running.pid("check"), running.pid("recorder")) == (check, recorder)


def test_when_keepalived_ends_so_does_everything_and_its_exit_code_is_kept(start: Callable[..., Running]) -> None:
    running = start("sh", "-c", "sleep 1; exit 7")
    check, recorder = running.pid("check"), running.pid("recorder")
    assert running.process.wait(10) == 7
    assert running.words("last words") == ["said"]
    assert not lives(check)
    assert not lives(recorder)


def test_told_to_stop_it_stops_keepalived_in_good_order(start: Callable[..., Running]) -> None:
    running = start("sh", "-c", "trap 'exit 5' TERM; while :; do sleep 0.1; done")
    time.sleep(0.3)
    running.process.send_signal(signal.SIGTERM)
    assert running.process.wait(10) == 5


def test_keepalived_alone_holds_its_lock(start: Callable[..., Running]) -> None:
    running = start()
    keepalived = running.pid("keepalived")
    with (running.folder / "lock").open() as lock:
        with pytest.raises(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        for name in ("check", "recorder", "supervisor"):
            os.kill(running.pid(name), signal.SIGSTOP)
        os.kill(keepalived, signal.SIGKILL)
        running.until("the lock to be free", lambda: not lives(keepalived))
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        for name in ("check", "recorder", "supervisor"):
            os.kill(running.pid(name), signal.SIGCONT)


def test_a_command_that_is_not_there_ends_with_127(start: Callable[..., Running], tmp_path: Path) -> None:
    argv = [sys.executable, "-c", PROGRAM, str(tmp_path), "/nonexistent/keepalived"]
    done = subprocess.run(argv, cwd=REPOSITORY, capture_output=True, timeout=20, check=False)
    assert done.returncode == 127


def test_what_others_leave_behind_is_reaped(start: Callable[..., Running]) -> None:
    """Else a container's zombies would fill its limit of processes in some weeks."""
    running = start()
    orphan = running.pid("orphan")
    running.until("the orphan to be gone", lambda: not Path(f"/proc/{orphan}").exists())
    assert lives(running.pid("check"))


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # pytest's helpers have threads
def test_a_process_that_cannot_be_started_now_is_started_later(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_more_processes() -> int:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    helper = supervisor.Helper("check", lambda beat, first: None)
    before = len(list(Path("/proc/self/fd").iterdir()))
    with monkeypatch.context() as patched:
        patched.setattr(os, "fork", no_more_processes)
        assert helper.start_if_due(100.0)
    assert (helper.running, helper.last_end) == (False, "could not be started: Resource temporarily unavailable")
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    assert not helper.start_if_due(100.1)
    assert helper.start_if_due(101.0)
    assert helper.running
    wait_for("its end", lambda: helper.poll(101.0, paused=False), timeout=10)
    assert helper.last_end == "ended with 0"
