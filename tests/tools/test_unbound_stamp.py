"""What Unbound was started without, the exporter says: whoever reads no log learns of it too."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path

import pytest

from exporter.checks.sync import evaluate
from exporter.collectors.sync import SyncCollector
from exporter.model.observations import Check, Status
from stack.tools import admit
from tests.unit import samples

GOOD, TYPO = b"server:\n    prefetch: yes\n", b"server:\n    prefetsch: yes\n"


class Node:
    """The folders of a node's Unbound, and the exporter beside it."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.drop_ins, self.admitted, self.stamps = folder / "unbound.d", folder / "admitted", folder / "stamps"
        self.drop_ins.mkdir()
        monkeypatch.setenv("STAMP_DIRECTORY", str(self.stamps))
        monkeypatch.setenv("NODE_NAME", "alpha")
        monkeypatch.setenv("PATH", f"{os.environ['PATH']}:/usr/sbin:/sbin")

    def admit(self, *flags: str) -> int:
        return admit.main([*flags, str(self.drop_ins), str(self.admitted)])

    def said(self) -> Check:
        """What ``exporter --once`` would say of it."""
        collector = SyncCollector(self.stamps, {"drop-ins": 86400.0 * 3650}, {})
        collector._work()
        status = samples.status(collector.collect(), time=time.time())
        (found,) = [check for check in evaluate(status, samples.settings()) if check.subject == "drop-ins"]
        return found


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Node:
    if shutil.which("unbound-checkconf", path=f"{os.environ['PATH']}:/usr/sbin") is None:
        reason = "unbound-checkconf is missing: apt-get install unbound"
        pytest.fail(reason, pytrace=False) if os.environ.get("CI") else pytest.skip(reason)
    return Node(tmp_path, monkeypatch)


def test_what_unbound_starts_without_is_said_until_it_is_corrected(node: Node) -> None:
    (node.drop_ins / "good.conf").write_bytes(GOOD)
    (node.drop_ins / "typo.conf").write_bytes(TYPO)
    assert node.admit("--leave-out") == 0
    assert [path.name for path in node.admitted.iterdir()] == ["good.conf"]
    check = node.said()
    assert check.status is Status.WARNING
    assert "Unbound WITHOUT this file: typo.conf, line 2: prefetsch: in server: is unknown" in check.seen
    (node.drop_ins / "typo.conf").write_bytes(GOOD)
    assert node.admit() == 0
    assert node.said().status is Status.OK


def test_a_reload_that_is_refused_is_said_too(node: Node) -> None:
    assert node.admit("--leave-out") == 0
    assert node.said().status is Status.OK
    (node.drop_ins / "typo.conf").write_bytes(TYPO)
    assert node.admit() == 2
    assert "Unbound goes on as before: typo.conf, line 2" in node.said().seen


def test_a_folder_that_cannot_be_looked_at_is_said(node: Node) -> None:
    node.drop_ins.rmdir()
    assert node.admit("--leave-out") == 1
    assert "cannot be looked at" in node.said().seen


def test_a_disk_that_takes_no_stamp_ends_no_dns(node: Node) -> None:
    node.stamps.write_text("no folder")
    (node.drop_ins / "good.conf").write_bytes(GOOD)
    assert node.admit("--leave-out") == 0
    assert [path.name for path in node.admitted.iterdir()] == ["good.conf"]


def test_a_start_of_long_ago_is_no_finding(node: Node) -> None:
    assert node.admit("--leave-out") == 0
    stamp = node.stamps / "drop-ins.json"
    then = time.time() - 400 * 86400.0
    stamp.write_text(json.dumps(json.loads(stamp.read_text()) | {"last_attempt": then, "last_success": then}))
    assert node.said().status is Status.OK
