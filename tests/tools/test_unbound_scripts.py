"""A fault in an owner's file never ends DNS: the real Unbound, started and told to read its files by our scripts."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from .unbound_node import UnboundNode, unbound_node

PRINTER = 'server:\n    local-data: "printer.home.example. 60 IN A 192.0.2.97"\n'
TYPO = 'server:\n    local-dato: "nas.home.example. 60 IN A 192.0.2.98"\n'


@pytest.fixture
def node(tmp_path: Path) -> Iterator[UnboundNode]:
    path = f"{os.environ['PATH']}:/usr/sbin:/sbin"
    missing = [tool for tool in ("unbound", "unshare", "nsenter", "dig", "ip") if shutil.which(tool, path=path) is None]
    reason = f"missing: {' '.join(missing)}" if missing else "" if os.geteuid() == 0 else "namespaces need root"
    if reason:
        pytest.fail(reason, pytrace=False) if os.environ.get("CI") else pytest.skip(reason)
    with unbound_node(tmp_path) as made:
        yield made


def test_a_faulty_file_is_left_out_at_the_start_and_named(node: UnboundNode) -> None:
    (node.drop_ins / "printer.conf").write_text(PRINTER)
    (node.drop_ins / "nas.conf").write_text(TYPO)
    with node.started():
        assert node.ask("printer.home.example") == "192.0.2.97"
    said = node.log.read_text()
    assert "Unbound of alpha WITHOUT this file: nas.conf, line 2: local-dato: in server: is unknown" in said
    assert "correct it in unbound.d on the primary" in said


def test_what_unbound_alone_finds_wrong_is_left_out_too(node: UnboundNode) -> None:
    (node.drop_ins / "a.conf").write_text('server:\n    local-data: "nas.home.example. 60 IN A 192.0.2.998"\n')
    (node.drop_ins / "b.conf").write_text("server:\n    prefetch: maybe\n")
    (node.drop_ins / "printer.conf").write_text(PRINTER)
    with node.started():
        assert node.ask("printer.home.example") == "192.0.2.97"
    said = node.log.read_text()
    assert "WITHOUT this file: a.conf, line 2: error parsing local-data" in said
    assert "WITHOUT this file: b.conf, line 2: expected yes or no." in said


def test_a_file_that_would_load_code_does_not(node: UnboundNode) -> None:
    (node.drop_ins / "evil.py").write_text("open('/run/loaded', 'w')\n")
    (node.drop_ins / "evil.conf").write_text(
        'server:\n    module-config: "python validator iterator"\npython:\n'
        '    python-script: "/etc/unbound/shared/evil.py"\n'
    )
    with node.started():
        assert node.run("ls", "/run/loaded").returncode != 0
    assert "WITHOUT this file: evil.conf, line 2: module-config: in server: is unknown" in node.log.read_text()


def test_what_cannot_be_looked_at_is_left_out_whole(node: UnboundNode) -> None:
    for command in ("umount /etc/unbound/shared", "umount /mnt/etc/unbound/shared", "rmdir /etc/unbound/shared"):
        assert node.run(*command.split()).returncode == 0, command
    with node.started():
        pass
    assert "starting WITHOUT ANY of the files in unbound.d" in node.log.read_text()


def test_a_typo_changes_nothing_that_runs_and_its_correction_counts(node: UnboundNode) -> None:
    (node.drop_ins / "printer.conf").write_text(PRINTER)
    with node.started() as daemon:
        (node.drop_ins / "nas.conf").write_text(TYPO)
        refused = node.reload()
        assert refused.returncode == 2
        assert "Unbound of alpha goes on as before: nas.conf, line 2: local-dato" in refused.stderr
        assert node.ask("printer.home.example") == "192.0.2.97"
        (node.drop_ins / "nas.conf").write_text(TYPO.replace("dato", "data"))
        (node.drop_ins / "printer.conf").unlink()
        done = node.reload()
        assert (done.returncode, done.stderr) == (0, "")
        assert node.ask("nas.home.example") == "192.0.2.98"
        assert node.ask("printer.home.example") == ""
        assert daemon.poll() is None


def test_a_fault_that_came_around_the_look_is_told_when_unbound_does_not_come_back(node: UnboundNode) -> None:
    with node.started() as daemon:
        # As if unbound-checkconf had been content with something that Unbound itself is not.
        node.run("mount", "--bind", "/bin/true", shutil.which("unbound-checkconf", path="/usr/sbin") or "")
        (node.drop_ins / "bad.conf").write_text("server:\n    prefetch: maybe\n")
        done = node.reload()
        assert done.returncode == 1
        assert "did not come back after it was told to read its files" in done.stderr
        assert daemon.wait(10) != 0
