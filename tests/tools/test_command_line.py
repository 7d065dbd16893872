"""The command line: exit codes that mean one thing each, and errors that name every mistake."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from exporter.model.errors import ConfigurationError
from exporter.model.observations import Check, Status
from stack.tools.settings import read_tasks
from stack.tools.verify import NOTHING_CRITICAL, complaints_of

from .conftest import MakeNode
from .standin_pihole_api import StandinPihole

REPOSITORY = Path(__file__).parents[2]
COMMANDS = ("drain", "undrain", "verify", "sync", "backup", "drill", "restore", "alive", "reload-unbound")


def run(environment: dict[str, str], *arguments: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "stack.tools", *arguments],
        cwd=REPOSITORY,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_and_its_exit_codes(command: str) -> None:
    code, said = run({}, command, "--help")
    assert code == 0
    assert "Exit codes: 0 done, 1 failed, 2 refused" in said


@pytest.mark.parametrize(
    "arguments", [(), ("nonsense",), ("backup",), ("drain", "--timeout", "x"), ("drain", "--forc")]
)
def test_a_wrong_command_line_is_3(arguments: tuple[str, ...]) -> None:
    assert run({}, *arguments)[0] == 3


def test_wrong_settings_are_3_and_all_named(make_node: MakeNode) -> None:
    node = make_node(BACKUP_CRON="61 * * * *", SYNC_INTERVAL="soon", PIHOLE_API="ftp://x")
    code, said = run(node.environment, "backup", "now")
    assert code == 3
    for part in ("BACKUP_CRON: '61' is no minute", "SYNC_INTERVAL", "PIHOLE_API"):
        assert part in said
    assert run({}, "drain")[0] == 3


def test_a_backup_by_hand_is_0_and_one_that_fails_is_1(make_node: MakeNode, pihole: StandinPihole) -> None:
    node = make_node(PIHOLE_API=pihole.url)
    assert run(node.environment, "backup", "now")[0] == 0
    (made,) = node.tasks.backup_directory.glob("*.zip")
    assert run(node.environment, "restore", "--check", str(made))[0] == 0
    assert run(node.environment, "restore", str(made))[0] == 0
    made.write_bytes(b"x")
    assert run(node.environment, "restore", "--check", str(made))[0] == 1
    assert run(node.environment, "restore", str(made))[0] == 2
    pihole.fault = "truncated"
    assert run(node.environment, "backup", "now")[0] == 1


def test_a_loop_that_never_ran_is_not_alive(make_node: MakeNode) -> None:
    assert run(make_node().environment, "alive", "sync")[0] == 1


def test_a_drain_where_keepalived_never_ran_says_so(make_node: MakeNode, tmp_path: Path) -> None:
    runtime = tmp_path / "runtime"
    runtime.mkdir()
    node = make_node(RUNTIME_DIRECTORY=str(runtime), PEER_IP="127.0.0.1", EXPORTER_PORT="9")
    code, said = run(node.environment, "drain", "--timeout", "1")
    assert code == 2
    assert "keepalived does not run on this node" in said
    code, said = run(node.environment, "drain", "--timeout", "1", "--force")
    assert code == 1
    assert "has not been started since the boot" in said
    assert sorted(path.name for path in runtime.iterdir()) == ["drain-command.lock"]


def test_a_command_that_is_set_and_empty_is_none_and_a_drill_is_off_by_default() -> None:
    assert read_tasks({"SYNC_PIHOLE_COMMAND": ""}).sync_pihole_command == ()
    assert read_tasks({}).sync_pihole_command == ("nebula-sync", "run")
    assert read_tasks({"DRILL_CRON": "off"}).drill_cron is None


@pytest.mark.parametrize("text", ["9", "32d", "1w", "-5m", "", "1e3"])
def test_an_interval_that_makes_no_sense_is_refused(text: str) -> None:
    if text:
        with pytest.raises(ConfigurationError, match="no time from 10 seconds to 31 days"):
            read_tasks({"SYNC_INTERVAL": text})
    else:
        assert read_tasks({"SYNC_INTERVAL": text}).sync_interval == 3600


def check(name: str, status: Status, node: str = "alpha") -> Check:
    return Check(name, node, "", "vrrp", status, "seen", "expected", "advice")


def test_a_drain_passes_only_where_meant_and_warnings_only_where_accepted() -> None:
    drained = (check("node.drained", Status.WARNING), check("vip.owner", Status.OK))
    assert complaints_of(drained, "alpha", drained=True) == []
    assert complaints_of(drained, "alpha", drained=False) == ["alpha: node.drained: seen"]
    theirs = (check("node.drained", Status.WARNING, "beta"),)
    assert complaints_of(theirs, "alpha", drained=True) == ["beta: node.drained: seen"]
    assert complaints_of(theirs, "alpha", drained=True, accept=NOTHING_CRITICAL) == []
    for status in (Status.CRITICAL, Status.UNKNOWN):
        assert complaints_of((check("x", status),), "alpha", drained=True, accept=NOTHING_CRITICAL) != []
    assert complaints_of((), "alpha", drained=False) == ["nothing was checked"]


def test_a_task_that_never_ran_or_failed_does_not_keep_itself_from_running_again() -> None:
    failed = Check("sync.task", "alpha", "drill", "sync", Status.WARNING, "drill failed", "expected", "advice")
    assert complaints_of((failed,), "alpha", drained=False, but_for="drill") == []
    assert complaints_of((failed,), "alpha", drained=False, but_for="backup") == [
        "alpha: sync.task [drill]: drill failed"
    ]
    assert complaints_of((failed,), "alpha", drained=False) == ["alpha: sync.task [drill]: drill failed"]


def test_unbounds_files_count_when_the_command_says_so(make_node: MakeNode, tmp_path: Path) -> None:
    faulty = tmp_path / "reload"
    faulty.write_text("#!/bin/sh\necho 'unbound: goes on as before: nas.conf, line 2: local-dato' >&2\nexit 2\n")
    faulty.chmod(0o755)
    code, said = run(make_node(UNBOUND_RELOAD_COMMAND=str(faulty)).environment, "reload-unbound")
    assert code == 1
    assert "goes on as before: nas.conf, line 2: local-dato" in said
    code, said = run(make_node(UNBOUND_RELOAD_COMMAND="true").environment, "reload-unbound")
    assert (code, "the files in unbound.d count now" in said) == (0, True)
