"""The event log as a file that grows, rotates, is cut off, replaced or spoilt while the exporter reads it."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.engine.runtime import RuntimeFiles
from exporter.model.errors import ParseError
from exporter.model.observations import VrrpState
from exporter.parsers.vrrp_state import format_vrrp_state, parse_vrrp_state
from exporter.sources.event_log import EventLog
from exporter.sources.keepalived import CHUNK_BYTES, DumpFile, EventLogFile, drain_requested

MASTER = VrrpState.MASTER


def masters(file: EventLogFile) -> int:
    """How often VI_1 became master, as far as the file has told by now."""
    file.read()
    return file.history.counts.transitions.get("VI_1", {}).get(MASTER, 0)


@pytest.fixture
def files(tmp_path: Path) -> RuntimeFiles:
    return RuntimeFiles(tmp_path)


def line(sequence: int, message: str = 'INSTANCE "VI_1" MASTER 250') -> bytes:
    return json.dumps({"seq": sequence, "time": 1000.0 + sequence, "message": message}).encode() + b"\n"


def test_each_look_adds_what_was_written_since(files: RuntimeFiles) -> None:
    log, file = EventLog(files), EventLogFile(files.events)
    for number in range(1, 6):
        log.record('INSTANCE "VI_1" MASTER 250')
        assert masters(file) == number
        assert masters(file) == number


def test_a_log_that_rotates_between_two_looks_loses_no_count(files: RuntimeFiles) -> None:
    log, file = EventLog(files, limit=1500), EventLogFile(files.events)
    looks = []
    for number in range(1, 301):
        log.record('INSTANCE "VI_1" MASTER 250')
        if number % 7 == 0:
            looks.append((number, masters(file)))
    assert all(written == counted for written, counted in looks)
    assert files.rotated_events.exists()
    assert file.bad_lines == 0


def test_an_exporter_that_starts_after_rotations_knows_every_count(files: RuntimeFiles) -> None:
    log = EventLog(files, limit=1500)
    for _ in range(300):
        log.record('INSTANCE "VI_1" MASTER 250')
    assert masters(EventLogFile(files.events)) == 300


def test_half_a_line_waits_for_its_other_half(files: RuntimeFiles) -> None:
    file = EventLogFile(files.events)
    whole = line(1)
    for end in range(0, len(whole), 9):
        files.events.write_bytes(whole[:end])
        assert masters(file) == 0
    files.events.write_bytes(whole)
    assert masters(file) == 1
    assert file.bad_lines == 0


def test_a_log_that_is_cut_off_in_place_is_read_on(files: RuntimeFiles) -> None:
    log, file = EventLog(files), EventLogFile(files.events)
    for _ in range(3):
        log.record('INSTANCE "VI_1" MASTER 250')
    assert masters(file) == 3
    os.truncate(files.events, 0)
    assert masters(file) == 3
    log.record('INSTANCE "VI_1" MASTER 250')
    assert masters(file) == 4


def test_a_log_that_is_cut_off_and_grows_past_its_old_length_is_read_from_its_start(files: RuntimeFiles) -> None:
    file = EventLogFile(files.events)
    files.events.write_bytes(line(1) + line(2))
    assert masters(file) == 2
    files.events.write_bytes(b"".join(line(number) for number in range(3, 9)))
    assert masters(file) == 8
    assert file.bad_lines == 0


def test_a_log_that_vanishes_is_the_systems_error_and_its_counts_stay(files: RuntimeFiles) -> None:
    log, file = EventLog(files), EventLogFile(files.events)
    log.record('INSTANCE "VI_1" MASTER 250')
    assert masters(file) == 1
    files.events.unlink()
    with pytest.raises(FileNotFoundError):
        file.read()
    log.record('INSTANCE "VI_1" MASTER 250')
    assert masters(file) == 2


def test_the_log_of_a_recorder_without_memory_is_counted_on_top(files: RuntimeFiles) -> None:
    file = EventLogFile(files.events)
    for expected in (1, 2, 3):
        files.events.unlink(missing_ok=True)
        EventLog(files).record('INSTANCE "VI_1" MASTER 250')
        assert masters(file) == expected


def test_an_older_log_moved_into_its_place_never_turns_a_counter_back(files: RuntimeFiles) -> None:
    log, file = EventLog(files, limit=300), EventLogFile(files.events)
    seen = 0
    for _ in range(20):
        log.record('INSTANCE "VI_1" MASTER 250')
        seen = masters(file)
    files.rotated_events.replace(files.events)
    assert masters(file) >= seen


def test_hostile_lines_are_left_out_and_the_others_count(files: RuntimeFiles) -> None:
    file = EventLogFile(files.events)
    hostile = [b"\x00\xff\n", b"[" * 50_000 + b"\n", b"\n\n", b'{"seq": NaN}\n', b"null\n"]
    files.events.write_bytes(line(1) + b"".join(hostile) + line(2))
    assert masters(file) == 2
    assert file.bad_lines == 4  # an empty line is none


def test_a_line_without_end_costs_no_memory_and_what_follows_it_counts(files: RuntimeFiles) -> None:
    file = EventLogFile(files.events)
    with files.events.open("wb") as log:
        log.write(line(1) + b"x" * (3 * CHUNK_BYTES) + b"\n" + line(2))
    for _ in range(5):
        file.read()
        assert len(file._rest) <= CHUNK_BYTES
    assert masters(file) == 2
    assert file.bad_lines == 1


def test_a_large_log_is_read_in_bounded_pieces(files: RuntimeFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    with files.events.open("wb") as log:
        log.writelines(line(number) for number in range(1, 3001))
    monkeypatch.setattr("exporter.sources.keepalived.CHUNK_BYTES", files.events.stat().st_size * 2 // 5)
    file = EventLogFile(files.events)
    counts = [masters(file) for _ in range(4)]
    assert 0 < counts[0] < counts[1] < counts[2] == counts[3] == 3000


def test_a_fifo_in_the_place_of_the_log_does_not_make_anybody_wait(files: RuntimeFiles) -> None:
    os.mkfifo(files.events)
    with pytest.raises(OSError, match="seek"):
        EventLogFile(files.events).read()


def test_a_folder_in_the_place_of_the_log_is_the_systems_error(files: RuntimeFiles) -> None:
    files.events.mkdir()
    with pytest.raises(IsADirectoryError):
        EventLogFile(files.events).read()


def test_nobody_who_never_asked_to_drain_is_drained(files: RuntimeFiles) -> None:
    assert not drain_requested(files.drain)


@pytest.mark.parametrize(("content", "drained"), [(b"0\n", False), (b"1\n", True), (b"1", True), (b" 100 \n", True)])
def test_a_request_to_drain_is_a_number_other_than_zero(files: RuntimeFiles, content: bytes, drained: bool) -> None:
    files.drain.write_bytes(content)
    assert drain_requested(files.drain) is drained


def test_a_dump_is_parsed_again_only_when_it_is_a_new_one(files: RuntimeFiles) -> None:
    fixture = Path(__file__).parents[1] / "fixtures" / "keepalived" / "2.3.3" / "vrrp.json"
    files.dump.write_bytes(fixture.read_bytes())
    dump = DumpFile(files.dump)
    taken, first = dump.read()
    assert taken == files.dump.stat().st_mtime
    assert dump.read()[1] is first
    os.utime(files.dump, (2000.0, 2000.0))
    taken, second = dump.read()
    assert (taken, second) == (2000.0, first)
    assert second is not first


SPOILT: dict[str, Callable[[bytes], bytes]] = {
    "emptied": lambda content: b"",
    "cut in half": lambda content: content[: len(content) // 2],
    "cut in its last line": lambda content: content[:-10],
    "overwritten at its start": lambda content: b"\0" * 40 + content[40:],
    "overwritten in the middle": lambda content: content[:100] + b"\0" * 20 + content[120:],
    "garbage": lambda content: b"\0" * 5000,
    "of another kind": lambda content: b'{"seq": 1, "time": 5, "message": "x"}\n',
}
MASTERS = 'INSTANCE "VI_1" MASTER 250'


def saved_by(file: EventLogFile) -> EventLogFile:
    """The exporter ends, and another one goes on with what it has saved."""
    again = EventLogFile(file._path)
    again.history.resume(parse_vrrp_state(format_vrrp_state(file.history.save())))
    return again


@pytest.mark.parametrize("how", SPOILT)
def test_a_log_that_something_else_changes_is_replaced_and_no_event_is_lost(files: RuntimeFiles, how: str) -> None:
    log, file = EventLog(files), EventLogFile(files.events)
    for _ in range(3):
        log.record(MASTERS)
    assert masters(file) == 3
    spoilt = SPOILT[how](files.events.read_bytes())
    files.events.write_bytes(spoilt)
    log.flush()  # as the recorder does all the time
    assert masters(file) == 3
    assert files.damaged_events.read_bytes() == spoilt
    assert file.history.last_replaced is not None
    log.record(MASTERS)
    assert masters(file) == masters(saved_by(file)) == masters(EventLogFile(files.events)) == 4


@pytest.mark.parametrize("how", SPOILT)
def test_the_event_after_the_damage_is_not_lost_with_it(files: RuntimeFiles, how: str) -> None:
    log, file = EventLog(files), EventLogFile(files.events)
    for _ in range(3):
        log.record(MASTERS)
    assert masters(file) == 3
    files.events.write_bytes(SPOILT[how](files.events.read_bytes()))
    log.record(MASTERS)
    assert masters(file) == masters(EventLogFile(files.events)) == 4
    assert file.history.instances["VI_1"].state is MASTER


@pytest.mark.parametrize("how", SPOILT)
def test_counters_never_go_back_when_both_processes_restart_on_a_damaged_log(files: RuntimeFiles, how: str) -> None:
    log, file = EventLog(files), EventLogFile(files.events)
    for _ in range(3):
        log.record(MASTERS)
    assert masters(file) == 3
    files.events.write_bytes(SPOILT[how](files.events.read_bytes()))
    file = saved_by(file)
    assert masters(file) >= 3  # before the recorder has looked
    again = EventLog(files)
    again.resume()
    again.record(MASTERS)
    assert masters(file) >= 4
    assert masters(saved_by(file)) >= 4


def test_a_log_of_which_only_the_time_has_changed_goes_on_and_nothing_is_told(files: RuntimeFiles) -> None:
    """A write that finds no room moves the time, and nothing else."""
    log, file = EventLog(files), EventLogFile(files.events)
    log.record(MASTERS)
    for recorder in (log, EventLog(files)):
        recorder.resume()
        os.utime(files.events, (1.0, 1.0))
        recorder.record(MASTERS)
    assert masters(file) == 3
    assert file.history.last_replaced is None
    assert not files.damaged_events.exists()


def test_a_log_that_is_gone_is_written_anew(files: RuntimeFiles) -> None:
    log, file = EventLog(files), EventLogFile(files.events)
    for _ in range(3):
        log.record(MASTERS)
    files.events.unlink()
    log.flush()
    assert masters(file) == 3


def test_a_folder_in_the_log_s_place_is_set_aside(files: RuntimeFiles) -> None:
    files.events.mkdir()
    log = EventLog(files)
    log.resume()
    log.record(MASTERS)
    assert masters(EventLogFile(files.events)) == 1


def test_counts_outlive_the_host_s_memory(files: RuntimeFiles) -> None:
    log, file = EventLog(files), EventLogFile(files.events)
    for _ in range(3):
        log.record(MASTERS)
    assert masters(file) == 3
    files.events.unlink()  # a boot: the runtime directory is empty
    after = saved_by(file)
    EventLog(files).record(MASTERS)
    assert masters(after) == 4


@given(st.binary(max_size=200) | st.builds(lambda n: json.dumps({"format": 1, "sequence": n}).encode(), st.integers()))
def test_a_state_file_that_makes_no_sense_is_refused(content: bytes) -> None:
    with contextlib.suppress(ParseError):
        parse_vrrp_state(content)
