"""Keepalived's check of this node's DNS: only a verdict about DNS fails the node, and keepalived's lock is let go."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from stack.keepalived.start import LOCK_DESCRIPTOR

CHECK = Path(__file__).parents[2] / "stack" / "keepalived" / "check-dns"
NOERROR = ";; ->>HEADER<<- opcode: QUERY, status: NOERROR, id: 4711"
SERVFAIL = ";; ->>HEADER<<- opcode: QUERY, status: SERVFAIL, id: 4711"
HEALTHY, FAILED = 0, 1


def check(directory: Path, dig: str | None, **kept: object) -> int:
    """Run the check with a stand-in for dig(1), a shell script, or without any."""
    for tool in ("timeout", "sleep"):
        found = shutil.which(tool)
        assert found is not None
        (directory / tool).symlink_to(found)
    if dig is not None:
        script = directory / "dig"
        script.write_text(f"#!/bin/sh\n{dig}\n")
        script.chmod(0o755)
    environment = {"PATH": str(directory)}
    return subprocess.run([str(CHECK)], env=environment, check=False, timeout=10, **kept).returncode  # type: ignore[call-overload, no-any-return]


@pytest.mark.parametrize(
    ("dig", "verdict"),
    [
        (f'echo "{NOERROR}"', HEALTHY),
        (f'echo "{SERVFAIL}"', FAILED),  # dig(1) exits with 0
        ('echo ";; no servers could be reached"; exit 9', FAILED),
        ("exit 10", FAILED),
        ("exit 0", FAILED),
    ],
)
def test_only_a_good_answer_is_health(tmp_path: Path, dig: str, verdict: int) -> None:
    assert check(tmp_path, dig) == verdict


@pytest.mark.parametrize("dig", [None, "exit 127", "exit 1", "kill -SEGV $$", "kill -KILL $$"])
def test_a_checker_that_cannot_run_does_not_take_down_a_dns_that_works(tmp_path: Path, dig: str | None) -> None:
    assert check(tmp_path, dig) == HEALTHY


def test_a_server_that_does_not_answer_fails_before_keepalived_loses_patience(tmp_path: Path) -> None:
    began = time.monotonic()
    assert check(tmp_path, "exec sleep 60") == FAILED
    assert time.monotonic() - began < 5  # 0.7 s, on a machine that has nothing else to do


def test_each_question_is_a_new_one_below_the_canary_s_zone(tmp_path: Path) -> None:
    asked = tmp_path / "asked"
    for _ in range(2):
        shutil.rmtree(tmp_path / "bin", ignore_errors=True)
        (tmp_path / "bin").mkdir()
        assert check(tmp_path / "bin", f'echo "$*" >> {asked}; echo "{NOERROR}"') == HEALTHY
    first, second = asked.read_text().splitlines()
    assert first != second
    for question in (first, second):
        words = question.split()
        assert words[0] == "@127.0.0.1"
        assert words[-1] == "TXT"
        assert words[-2].endswith(".canary.dnsha.example")


def test_the_check_keeps_keepalived_s_lock_not_for_a_moment_longer_than_it_needs(tmp_path: Path) -> None:
    """Otherwise a check that waits for an answer keeps a killed keepalived alive for the guard and the exporter."""
    lock = os.open(tmp_path / "lock", os.O_RDWR | os.O_CREAT)
    before = os.dup(LOCK_DESCRIPTOR) if Path(f"/proc/self/fd/{LOCK_DESCRIPTOR}").exists() else None
    os.dup2(lock, LOCK_DESCRIPTOR)
    try:
        held = f"test -e /proc/$$/fd/{LOCK_DESCRIPTOR} && exit 9"
        assert check(tmp_path, f'{held}; echo "{NOERROR}"', pass_fds=(LOCK_DESCRIPTOR,)) == HEALTHY
    finally:
        os.close(lock)
        if before is None:
            os.close(LOCK_DESCRIPTOR)
        else:
            os.dup2(before, LOCK_DESCRIPTOR)
            os.close(before)
