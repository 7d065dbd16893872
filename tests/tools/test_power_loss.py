"""Killed at any moment, a backup or a sync leaves nothing truncated and starts again by itself."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from exporter.parsers.stamp import parse_stamp
from stack.tools.archive import inspect

from .conftest import MakeNode, Node
from .standin_pihole_api import StandinPihole
from .standin_pihole_content import content, empty_content
from .standin_pihole_server import standin_pihole

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]
ROUNDS = 30
# A sync waits for Pi-hole's restart: some seconds each.
SYNC_ROUNDS = 10


def start(node: Node, *arguments: str, **more: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "stack.tools", *arguments],
        cwd=REPOSITORY,
        env={**os.environ, **node.environment, **more},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def cut_power(process: subprocess.Popen[bytes], environment_mark: str) -> None:
    """End the run and whatever it started at once: a power cut spares no child."""
    process.send_signal(signal.SIGSTOP)
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if environment_mark.encode() in (entry / "environ").read_bytes():
                    os.kill(int(entry.name), signal.SIGKILL)
            except (OSError, ProcessLookupError):
                continue
    process.wait()
    assert process.stderr is not None
    process.stderr.close()


def duration(node: Node, *arguments: str, **more: str) -> float:
    began = time.monotonic()
    process = start(node, *arguments, **more)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 0, said.decode()
    return time.monotonic() - began


class Moments:
    """Random moments of a run, however fast the machine is just now; ``hit`` counts those at which it still ran."""

    def __init__(self, whole: float, seed: int) -> None:
        self.hit = 0
        self._whole = whole
        self._chance = random.Random(seed)

    def wait_for_one(self, process: subprocess.Popen[bytes]) -> None:
        time.sleep(self._chance.uniform(0.2, 1.0) * self._whole)
        running = process.poll() is None
        self.hit += running
        self._whole *= 1.03 if running else 0.85


def whole_stamp(node: Node, task: str) -> None:
    path = node.settings.stamp_directory / f"{task}.json"
    if path.exists():
        parse_stamp(path.read_bytes(), time.time())


@pytest.mark.timeout(240)
def test_a_backup_that_is_killed_at_any_moment(make_node: MakeNode, pihole: StandinPihole, tmp_path: Path) -> None:
    node = make_node(PIHOLE_API=pihole.url, BACKUP_RETENTION_DAYS="1")
    mark = {"TEST_MARK": str(tmp_path)}
    whole = duration(node, "backup", "now", **mark)
    moment = Moments(whole, seed=3)
    while moment.hit < ROUNDS:
        process = start(node, "backup", "now", **mark)
        moment.wait_for_one(process)
        cut_power(process, f"TEST_MARK={tmp_path}")
        pihole.sessions.clear()  # Pi-hole ends them by itself after a while
        for archive in node.tasks.backup_directory.glob("*.zip"):
            inspect(archive)
        whole_stamp(node, "backup")
    duration(node, "backup", "now", **mark)
    assert not list(node.tasks.backup_directory.glob(".*"))
    assert json.loads((node.settings.stamp_directory / "backup.json").read_bytes())["exit_status"] == 0


@pytest.mark.timeout(240)
def test_a_sync_that_is_killed_at_any_moment(make_node: MakeNode, tmp_path: Path) -> None:
    if not shutil.which("rrsync"):
        pytest.fail("rsync is missing") if os.environ.get("CI") else pytest.skip("rsync is missing")
    source, live = tmp_path / "source", tmp_path / "live"
    source.mkdir()
    live.mkdir()
    mark = {
        "TEST_MARK": str(tmp_path),
        "STANDIN_SSH_DIRECTORY": str(source),
        "TMPDIR": str(tmp_path),
    }
    versions: set[str] = set()

    def change(number: int) -> None:
        for name in ("one.conf", "two.conf", f"extra-{number % 3}.conf"):
            text = f"# {number} {name}\n" + "server:\n" * 2000
            versions.add(hashlib.sha256(text.encode()).hexdigest())
            (source / name).write_text(text)
        (source / f"extra-{(number + 1) % 3}.conf").unlink(missing_ok=True)
        kept = [f"https://lists.example/{n}" for n in range(8)]
        primary.content = content(*kept, f"https://lists.example/new/{number}", domains=(f"{number}.example",))

    with standin_pihole(empty_content()) as primary, standin_pihole(empty_content()) as replica:
        node = make_node(
            PIHOLE_API=replica.url,
            PEER_PIHOLE_API=primary.url,
            SYNC_PIHOLE_COMMAND=str(HERE / "standin-nebula-sync"),
            UNBOUND_SHARED_DIRECTORY=str(live),
            SYNC_UNBOUND_SOURCE="primary:",
            SYNC_REMOTE_SHELL=str(HERE / "standin-ssh"),
            SYNC_TIMEOUT="10",
        )
        change(0)
        whole = duration(node, "sync", "now", **mark)
        moment = Moments(whole, seed=4)
        number = 0
        while moment.hit < SYNC_ROUNDS:
            change(number := number + 1)
            process = start(node, "sync", "now", **mark)
            moment.wait_for_one(process)
            cut_power(process, f"TEST_MARK={tmp_path}")
            for api in (primary, replica):
                api.sessions.clear()
            for file in live.glob("*.conf"):
                assert hashlib.sha256(file.read_bytes()).hexdigest() in versions
            for task in ("unbound", "pihole"):
                whole_stamp(node, task)
        duration(node, "sync", "now", **mark)
        assert replica.content == primary.content
    assert {p.name: p.read_bytes() for p in live.iterdir()} == {p.name: p.read_bytes() for p in source.iterdir()}
