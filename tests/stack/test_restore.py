"""A whole node restored on an empty disk: its volumes, its settings and its owner's files are gone."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.lab.plan import ALPHA

from .node import Node
from .pihole_api import call, set_local_records
from .rig import Rig

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]

RECORD = "192.0.2.77 nas.home.arpa"
ZONE = 'server:\n    local-data: "attic.example. IN A 192.0.2.99"\n'


def records(node: Node) -> list[str]:
    return list(call(node, "GET", "config/dns/hosts")["config"]["dns"]["hosts"])


def test_a_node_on_an_empty_disk_is_as_it_was_before(rig: Rig, tmp_path: Path) -> None:
    node = rig.node(ALPHA.name)
    (node.compose_folder / "unbound.d/attic.conf").write_text(ZONE)
    set_local_records(node, RECORD)
    try:
        assert node.script("deploy.sh", "--offline").returncode == 0  # .env reaches the backup
        node.compose("exec", "-T", "backup", "python3", "-m", "stack.tools", "backup", "now")
        settings = (node.compose_folder / ".env").read_text()
        node.compose("cp", "backup:/var/lib/dnsha/backups/node", str(tmp_path))
        (archive,) = (tmp_path / "node").glob("node-alpha-*.tar")
        # A new card: a clone of the same version, and the same images in place of building them.
        node.compose("--profile", "*", "down", "--volumes")
        (node.compose_folder / ".env").unlink()
        (node.compose_folder / "unbound.d/attic.conf").unlink()
        done = node.script("restore.sh", "--offline", str(archive))
        assert done.returncode == 0, done.stdout + done.stderr
        assert "restore: alpha is as it was" in done.stdout
        assert (node.compose_folder / ".env").read_text() == settings
        assert (node.compose_folder / "unbound.d/attic.conf").read_text() == ZONE
        assert records(node) == [RECORD]
        answer = node.engine.docker("exec", "unbound", "drill", "@127.0.0.1", "-p", "5335", "attic.example")
        assert "192.0.2.99" in answer
        rig.wait_healthy()
        # Again: nothing is changed, and all is given back anew.
        again = node.script("restore.sh", "--offline", str(archive))
        assert again.returncode == 0, again.stdout + again.stderr
        assert "restore: written" not in again.stdout
    finally:
        (node.compose_folder / "unbound.d/attic.conf").unlink(missing_ok=True)
        node.write_env(rig.env(node.place))
        set_local_records(node)
        shutil.rmtree(tmp_path / "node", ignore_errors=True)
