"""What a VIP collector knows after a restart, a kill or a damaged state file, in a network namespace."""

from __future__ import annotations

import json
import logging
import os
import time
from pathlib import Path

from exporter.collectors.vip import VipCollector
from exporter.model.addressing import parse_virtual_address
from tests.lab.waiting import wait_for
from tests.unit.collecting_vips import ADD, LAN, REMOVE, VIP, collecting, collector, counts, look, started, until
from tests.unit.network_namespace import in_network_namespace, ip


@in_network_namespace
def test_an_address_there_at_the_first_start_is_no_acquisition_but_has_its_time(tmp_path: Path) -> None:
    ip(*LAN, ADD)
    made = time.time()
    with collecting(tmp_path / "vip.json") as one:
        vip = look(one)
    assert (vip.acquisitions, vip.releases, vip.stable_seconds) == (0, 0, None)
    assert vip.last_transition is not None
    assert abs(vip.last_transition - made) < 1.0  # the kernel's stamp follows its ticks, not its clock


@in_network_namespace
def test_a_restart_keeps_the_counters_and_invents_nothing(tmp_path: Path) -> None:
    state = tmp_path / "vip.json"
    ip(*LAN)
    with collecting(state) as one:
        ip(*[ADD, REMOVE] * 3, ADD)
        before = look(one)
    for _ in range(2):
        with collecting(state) as one:
            after = look(one)
        assert (after.acquisitions, after.releases) == (before.acquisitions, before.releases) == (4, 3)
        assert after.last_transition == before.last_transition


@in_network_namespace
def test_what_was_told_is_on_disk_so_that_no_kill_takes_a_counter_back(tmp_path: Path) -> None:
    state = tmp_path / "vip.json"
    ip(*LAN)
    with collecting(state) as one:
        for acquired in range(1, 6):  # sooner after each other than the thread behind saves
            ip(ADD, REMOVE)
            told = counts(one)
            killed_now = VipCollector([parse_virtual_address(VIP)], _copy(state, tmp_path / f"{acquired}.json"))
            with started(killed_now):
                assert told == counts(killed_now) == (False, acquired, acquired)


def _copy(state: Path, to: Path) -> Path:
    to.write_bytes(state.read_bytes())
    return to


@in_network_namespace
def test_what_changed_while_the_exporter_was_away_is_counted(tmp_path: Path) -> None:
    state = tmp_path / "vip.json"
    ip(*LAN)
    with collecting(state) as one:
        ip(ADD)
        assert counts(one) == (True, 1, 0)
    ip(REMOVE)
    with collecting(state) as one:  # lost meanwhile
        assert counts(one) == (False, 1, 1)
    ip(ADD)
    with collecting(state) as one:  # acquired meanwhile
        assert counts(one) == (True, 2, 1)
    time.sleep(0.02)  # the kernel's stamps count hundredths of a second
    ip(REMOVE, ADD)
    with collecting(state) as one:  # lost and acquired again meanwhile: the kernel has made another one
        assert counts(one) == (True, 3, 2)


@in_network_namespace
def test_a_clock_that_steps_between_two_starts_changes_no_count(tmp_path: Path) -> None:
    """A Raspberry Pi has no clock of its own: it boots with an old time and steps when the network is up."""
    state = tmp_path / "vip.json"
    ip(*LAN, ADD)
    for now in (1_000_000_000.0, 1_700_000_000.0, 1_600_000_000.0):
        one = VipCollector([parse_virtual_address(VIP)], state, clock=lambda now=now: now)  # type: ignore[misc]
        one.start()
        until(one, lambda seen: True)
        seen = counts(one)
        one.stop()
        assert seen == (True, 0, 0)


@in_network_namespace
def test_what_changed_after_a_kill_without_any_change_before_is_counted(tmp_path: Path) -> None:
    state = tmp_path / "vip.json"
    ip(*LAN, ADD)
    one = collector(state)
    one.start()
    wait_for("the state", state.exists, timeout=15)  # SIGKILL leaves no time to save: it must be on disk before
    ip(REMOVE)
    saved = state.read_bytes()
    one.stop()
    state.write_bytes(saved)
    with collecting(state) as again:
        assert counts(again) == (False, 0, 1)


@in_network_namespace
def test_a_state_file_that_makes_no_sense_costs_no_count_and_is_told(tmp_path: Path) -> None:
    logging.disable()
    state = tmp_path / "vip.json"
    ip(*LAN, ADD)
    with collecting(state):
        pass
    spoilt = (b"", b'{"format": 1, "vips": {"192.0.2.53": {"own', b"[" * 100_000, b"\0" * (2 << 20), b"null")
    for before, content in enumerate(spoilt):
        state.write_bytes(content)
        with collecting(state) as one:
            assert counts(one) == (True, before, before)
            (notice,) = one.collect().notices
            assert "vip.json" in notice
            ip(REMOVE, ADD)
            assert counts(one) == (True, before + 1, before + 1)
        with collecting(state) as one:
            assert counts(one) == (True, before + 1, before + 1)
            assert one.collect().notices == ()


@in_network_namespace
def test_a_state_file_that_cannot_be_read_or_written_costs_nothing_but_its_purpose(tmp_path: Path) -> None:
    logging.disable()
    fifo, folder, missing = tmp_path / "fifo", tmp_path / "folder", tmp_path / "missing" / "vip.json"
    os.mkfifo(fifo)
    folder.mkdir()
    ip(*LAN)
    for state in (fifo, folder, missing, Path("/proc/vip.json")):
        with collecting(state) as one:
            ip(ADD, REMOVE)
            assert counts(one) == (False, 1, 1)


@in_network_namespace
def test_a_change_is_on_disk_within_seconds_also_if_nothing_else_happens(tmp_path: Path) -> None:
    state = tmp_path / "vip.json"
    ip(*LAN)
    with collecting(state) as one:
        ip(ADD)
        wait_for(
            "the acquisition to be saved",
            lambda: json.loads(state.read_bytes())["vips"][VIP],
            until=lambda seen: bool(seen["acquisitions"] == 1),
            timeout=15,
        )
        del one
