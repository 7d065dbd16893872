"""The recorder beside keepalived: what it hears on the FIFO is in the log at once, and whole dumps only are published.

A stand-in plays keepalived here; tests/fixtures/keepalived/record.py and the lab run the real one.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.engine.files import write_atomically
from exporter.engine.runtime import RuntimeFiles
from exporter.parsers.keepalived_events import History
from exporter.sources.event_log import EventLog
from stack.keepalived import dumps, recorder
from tests.lab.waiting import wait_for

# On SIGUSR1 it writes a dump as keepalived up to 2.4.3 does: into the file that is read, piece by piece.
STANDIN_KEEPALIVED = """
import signal, sys, time
from pathlib import Path
target, words = Path(sys.argv[1]), sys.argv[2]
def dump(*_):
    with target.open("w") as file:
        for piece in (words[:10], words[10:]):
            file.write(piece)
            file.flush()
            time.sleep(0.03)
signal.signal(signal.SIGUSR1, dump)
print("ready", flush=True)
while True:
    time.sleep(10)
"""
DUMP = '[{"data": {"iname": "VI_1"}, "stats": {}}]'


class Watched:
    """A stand-in for keepalived's parent process, watched by the real recorder."""

    def __init__(self, directory: Path, dump: str, *, first: bool = True) -> None:
        self.files = RuntimeFiles(directory)
        os.mkfifo(self.files.notify_fifo)
        source = directory / "keepalived.json"
        program = [sys.executable, "-c", STANDIN_KEEPALIVED, str(source), dump]
        self.keepalived = subprocess.Popen(program, stdout=subprocess.PIPE)
        assert self.keepalived.stdout is not None
        self.keepalived.stdout.readline()
        self.fifo = os.open(self.files.notify_fifo, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        recorded = recorder.Recorded(self.keepalived.pid, "2.3.3", signal.SIGUSR1, source)
        self.beats = 0
        self._recorder = threading.Thread(
            target=recorder.record, args=(self.files, self.fifo, recorded, self._beat), kwargs={"first": first}
        )
        self._recorder.start()

    def _beat(self) -> None:
        self.beats += 1

    def close(self) -> None:
        self.keepalived.kill()
        self.keepalived.wait()
        if self.keepalived.stdout:
            self.keepalived.stdout.close()
        self._recorder.join(5)
        with contextlib.suppress(OSError):
            os.close(self.fifo)

    def messages(self) -> list[str]:
        if not self.files.events.exists():
            return []
        return [json.loads(line)["message"] for line in self.files.events.read_text().splitlines()]

    def until(self, message: str) -> list[str]:
        return wait_for(message, self.messages, until=lambda seen: message in seen, timeout=15)


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    one = Watched(tmp_path, DUMP)
    yield one
    one.close()


def vrrp_child(watched: Watched, pid: int) -> int:
    """Do what a VRRP process of keepalived does when it starts: write its id down and open the FIFO."""
    watched.files.vrrp_pid.write_text(f"{pid}\n")
    return os.open(watched.files.notify_fifo, os.O_WRONLY)


def test_what_keepalived_announces_stands_in_the_log_in_its_order(watched: Watched) -> None:
    child = vrrp_child(watched, 100)
    os.write(child, b'INSTANCE "VI_1" BACKUP 250\nINSTANCE "VI_1" MAST')
    os.write(child, b'ER 250\nINSTANCE "VI_1" MASTER_PRIORITY 190\n')
    said = watched.until('INSTANCE "VI_1" MASTER_PRIORITY 190')
    os.close(child)
    assert said == [
        "KEEPALIVED START 2.3.3",
        'INSTANCE "VI_1" BACKUP 250',
        'INSTANCE "VI_1" MASTER 250',
        'INSTANCE "VI_1" MASTER_PRIORITY 190',
    ]


def test_a_replaced_vrrp_process_is_noticed_although_the_fifo_always_had_a_writer(watched: Watched) -> None:
    first = vrrp_child(watched, 100)
    os.write(first, b'INSTANCE "VI_1" MASTER 250\n')
    watched.until('INSTANCE "VI_1" MASTER 250')
    second = vrrp_child(watched, 101)  # there before the kernel has told anybody that the first is gone
    os.close(first)
    os.write(second, b'INSTANCE "VI_1" BACKUP 250\n')
    said = watched.until('INSTANCE "VI_1" BACKUP 250')
    os.close(second)
    assert said[-2:] == ["KEEPALIVED CHILD_EXIT -", 'INSTANCE "VI_1" BACKUP 250']


def test_a_replaced_vrrp_process_is_heard_after_the_fifo_was_without_a_writer(watched: Watched) -> None:
    first = vrrp_child(watched, 100)
    os.write(first, b'INSTANCE "VI_1" MASTER 250\n')
    watched.until('INSTANCE "VI_1" MASTER 250')
    os.close(first)
    time.sleep(0.05)
    second = vrrp_child(watched, 101)
    os.write(second, b'INSTANCE "VI_1" BACKUP 250\n')
    said = watched.until('INSTANCE "VI_1" BACKUP 250')
    os.close(second)
    assert said[-2:] == ["KEEPALIVED CHILD_EXIT -", 'INSTANCE "VI_1" BACKUP 250']


def test_a_graceful_stop_is_no_death_of_the_vrrp_process(watched: Watched) -> None:
    child = vrrp_child(watched, 100)
    os.write(child, b'INSTANCE "VI_1" MASTER 250\nINSTANCE "VI_1" STOP 250\n')
    os.close(child)
    watched.files.vrrp_pid.unlink()
    watched.until('INSTANCE "VI_1" STOP 250')
    watched.close()
    assert watched.messages()[-2:] == ['INSTANCE "VI_1" STOP 250', "KEEPALIVED STOP -"]


def test_the_last_words_of_a_killed_keepalived_are_kept(watched: Watched) -> None:
    child = vrrp_child(watched, 100)
    watched.until("KEEPALIVED START 2.3.3")
    os.write(child, b'INSTANCE "VI_1" STOP 250\n')
    watched.keepalived.kill()
    os.close(child)
    watched.close()
    assert watched.messages() == ["KEEPALIVED START 2.3.3", 'INSTANCE "VI_1" STOP 250', "KEEPALIVED STOP -"]


def test_a_dump_is_published_whole_and_only_after_it_was_asked_for(watched: Watched) -> None:
    (watched.files.directory / "keepalived.json").write_text('["an old one, whole but of yesterday"]')
    wait_for("a dump", watched.files.dump.exists, timeout=15, every=0.002)
    assert json.loads(watched.files.dump.read_text()) == json.loads(DUMP)


@pytest.mark.parametrize("frame", ["%s", '{"vrrp": %s}'])
def test_a_password_in_a_dump_is_not_published(tmp_path: Path, frame: str) -> None:
    source, target = tmp_path / "keepalived.json", tmp_path / "vrrp.json"
    source.write_text(frame % '[{"data": {"iname": "VI_1", "auth_type": 1, "auth_data": "s3cret"}, "stats": {}}]')
    assert dumps.publish_dump(source, target)
    expected = frame % '[{"data": {"iname": "VI_1", "auth_type": 1}, "stats": {}}]'
    assert json.loads(target.read_text()) == json.loads(expected)


def test_a_dump_that_never_becomes_whole_is_not_published_and_holds_no_event_up(tmp_path: Path) -> None:
    watched = Watched(tmp_path, DUMP[:-3])
    child = vrrp_child(watched, 100)
    source = tmp_path / "keepalived.json"
    wait_for("the source", source.exists, timeout=15, every=0.002)
    written = time.time()
    os.write(child, b'INSTANCE "VI_1" MASTER 250\n')
    watched.until('INSTANCE "VI_1" MASTER 250')
    os.close(child)
    watched.close()
    event = json.loads(watched.files.events.read_text().splitlines()[1])
    assert event["time"] - written < dumps.TIMEOUT_SECONDS / 2
    assert not watched.files.dump.exists()


def test_keepalived_gets_no_signal_that_would_end_it() -> None:
    """Its first act is to catch signals; before that the default action of the dump's signal is death."""
    deaf = [sys.executable, "-c", "import time; print(flush=True); time.sleep(60)"]
    with subprocess.Popen(deaf, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert not dumps.request_dump(process.pid, signal.SIGUSR1, Path("/nonexistent"))
        assert process.poll() is None
        process.kill()
    assert not dumps.request_dump(process.pid, signal.SIGUSR1, Path("/nonexistent"))


def read(files: RuntimeFiles) -> History:
    """Read the log as an exporter that has just started would."""
    history = History()
    history.begin_log()
    for line in files.events.read_bytes().splitlines():
        history.add_line(line)
    return history


def test_a_new_recorder_goes_on_counting_where_the_last_one_ended(tmp_path: Path) -> None:
    files = RuntimeFiles(tmp_path)
    for _ in range(3):
        log = EventLog(files)
        log.resume()
        log.record("KEEPALIVED START 2.3.3")
    assert [json.loads(line)["seq"] for line in files.events.read_text().splitlines()] == [1, 2, 3]
    assert read(files).starts == 3


def test_a_log_that_rotates_hands_every_count_on(tmp_path: Path) -> None:
    files = RuntimeFiles(tmp_path)
    log = EventLog(files, limit=2000)
    log.record("KEEPALIVED START 2.3.3")
    for number in range(500):
        log.record(f'INSTANCE "VI_1" {"MASTER" if number % 2 else "BACKUP"} {200 + number % 50}')
        assert files.events.stat().st_size < 2200
    history = read(files)
    assert {state.value: count for state, count in history.instances["VI_1"].transitions.items()} == {
        "master": 250,
        "backup": 250,
    }
    assert history.instances["VI_1"].state.value == "master"
    assert history.instances["VI_1"].priority == 249
    assert history.starts == 1
    assert history.version == "2.3.3"


def test_there_is_a_log_at_every_moment_of_a_rotation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = RuntimeFiles(tmp_path)
    log = EventLog(files, limit=1)
    log.record("KEEPALIVED START 2.3.3")

    def look_and_write(path: Path, content: bytes) -> None:
        assert files.events.exists()
        write_atomically(path, content)

    monkeypatch.setattr("exporter.sources.event_log.write_atomically", look_and_write)
    log.record('INSTANCE "VI_1" MASTER 250')
    log.record('INSTANCE "VI_1" BACKUP 250')
    assert files.rotated_events.exists()
    assert read(files).instances["VI_1"].state.value == "backup"


@pytest.mark.parametrize(
    "left",
    [
        b'{"seq": 7, "time": 1.0, "message": "INSTA',  # a power cut in the middle of a line
        b'{"seq": 9007199254740993, "time": 1.0, "message": "KEEPALIVED START x"}\n',  # no recorder counts so far
        b'{"seq": 3, "time": NaN, "message": "KEEPALIVED START x"}\n',
        b'{"seq": 3, "time": 1.0, "checkpoint": {"counts": {"KEEPALIVED START": 1}}}\n',
        b'{"seq": 3, "time": 1.0, "checkpoint": {"counts": {"KEEPALIVED START": "x"}, "last": {}}}\n',
        b'[1, 2]\n"x"\nnull\n{}\n\n\xff\xfe\n',
        b"[" * 100_000 + b"\n",
    ],
)
def test_whatever_an_earlier_log_holds_a_new_recorder_writes_lines_that_can_be_read(
    tmp_path: Path, left: bytes
) -> None:
    files = RuntimeFiles(tmp_path)
    files.events.write_bytes(left)
    log = EventLog(files, limit=10_000_000)
    log.resume()
    log.record("KEEPALIVED START 2.3.3")
    log._rotate()
    log.record('INSTANCE "VI_1" MASTER 250')
    history = read(files)
    assert (history.starts, history.version) == (1, "2.3.3")
    assert history.instances["VI_1"].transitions == {history.instances["VI_1"].state: 1}
