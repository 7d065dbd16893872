"""A task's stamp tells the truth about its last run, however it ended."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from exporter.parsers.stamp import Stamp, parse_stamp
from stack.tools.errors import Interrupted, RefusedError, ToolError
from stack.tools.stamps import stamped


def read(directory: Path, task: str = "job") -> Stamp:
    return parse_stamp((directory / f"{task}.json").read_bytes(), time.time())


def test_a_good_run_is_a_success_with_its_own_keys(tmp_path: Path) -> None:
    with stamped(tmp_path, "job", clock=lambda: 1000.0) as extra:
        extra["bytes"] = 5
    document = json.loads((tmp_path / "job.json").read_bytes())
    assert document.pop("duration") < 1
    assert document == {
        "last_attempt": 1000.0, "last_success": 1000.0, "exit_status": 0, "last_error": None, "bytes": 5,
    }  # fmt: skip


def test_a_failure_keeps_the_time_of_the_last_success_and_says_why(tmp_path: Path) -> None:
    with stamped(tmp_path, "job", clock=lambda: 1000.0):
        pass
    refusal = RefusedError("the primary is empty")
    with pytest.raises(RefusedError), stamped(tmp_path, "job", clock=lambda: 2000.0):
        raise refusal
    stamp = read(tmp_path)
    assert (stamp.last_attempt, stamp.last_success, stamp.exit_status) == (2000.0, 1000.0, 2)
    assert stamp.error == "the primary is empty"


def test_a_run_that_was_stopped_has_the_exit_status_of_its_signal(tmp_path: Path) -> None:
    with pytest.raises(Interrupted), stamped(tmp_path, "job"):
        raise Interrupted(15)
    assert read(tmp_path).exit_status == 143


def test_a_mistake_of_ours_is_a_failure_too(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), stamped(tmp_path, "job"):
        _ = 1 / 0
    assert read(tmp_path).exit_status == 1


def test_a_run_that_is_killed_leaves_its_attempt_and_no_success(tmp_path: Path) -> None:
    script = (
        "import os, signal, sys, pathlib\nfrom stack.tools.stamps import stamped\n"
        "with stamped(pathlib.Path(sys.argv[1]), 'job'):\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    began = time.time()
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False)
    stamp = read(tmp_path)
    assert stamp.last_success is None
    assert stamp.last_attempt >= began
    assert stamp.exit_status != 0


def test_a_damaged_stamp_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "job.json").write_text("{")
    with stamped(tmp_path, "job", clock=lambda: 1000.0):
        pass
    assert read(tmp_path).last_success == 1000.0


def test_where_no_stamp_can_be_written_nothing_is_begun(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.touch()
    ran = False
    with pytest.raises(ToolError, match="is the disk full or read-only"), stamped(blocked / "stamps", "job"):
        ran = True
    assert not ran
    assert list(tmp_path.iterdir()) == [blocked]
