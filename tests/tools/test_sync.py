"""A secondary copies from its primary, and loses nothing: a stand-in Pi-hole and nebula-sync, the real rsync."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from stack.tools.errors import RefusedError, ToolError
from stack.tools.sync import synchronise

from .conftest import MakeNode, Node
from .standin_pihole_api import StandinPihole
from .standin_pihole_content import content, empty_content
from .standin_pihole_server import standin_pihole

HERE = Path(__file__).parent
SYSTEM_PATH = f"{os.environ['PATH']}:/usr/sbin"
OLD = 'server:\n    local-data: "printer.home.example. 60 IN A 192.0.2.97"\n'
NEW = OLD.replace("97", "98")


@pytest.fixture(autouse=True)
def rsync() -> None:
    if shutil.which("rsync") and shutil.which("rrsync") and shutil.which("unbound-checkconf", path=SYSTEM_PATH):
        return
    if os.environ.get("CI"):
        pytest.fail("rsync or unbound-checkconf is missing", pytrace=False)
    pytest.skip("rsync or unbound-checkconf is missing: apt-get install rsync unbound")


@dataclass
class Nodes:
    """The secondary's settings, both Pi-holes, both folders."""

    node: Node
    primary: StandinPihole
    replica: StandinPihole
    source: Path
    live: Path

    def sync(self, *, force: bool = False) -> None:
        synchronise(self.node.settings, self.node.tasks, 0, force=force)

    def stamp(self, task: str) -> dict[str, object]:
        found: dict[str, object] = json.loads((self.node.settings.stamp_directory / f"{task}.json").read_bytes())
        return found

    def files(self, folder: Path) -> dict[str, str]:
        return {str(p.relative_to(folder)): p.read_text() for p in sorted(folder.rglob("*")) if p.is_file()}

    def in_task_directory(self) -> set[str]:
        return {path.name for path in self.node.tasks.task_directory.iterdir()}


@pytest.fixture
def nodes(make_node: MakeNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Nodes]:
    source, live = tmp_path / "source", tmp_path / "live"
    source.mkdir()
    live.mkdir()
    (source / "home.conf").write_text("server:\n")
    monkeypatch.setenv("STANDIN_SSH_DIRECTORY", str(source))
    held = content("https://lists.example/one", domains=("ads.example",), hosts=("192.0.2.80 www.example.test",))
    with standin_pihole(held) as primary, standin_pihole(empty_content()) as replica:
        node = make_node(
            PIHOLE_API=replica.url,
            PEER_PIHOLE_API=primary.url,
            SYNC_PIHOLE_COMMAND=str(HERE / "standin-nebula-sync"),
            UNBOUND_SHARED_DIRECTORY=str(live),
            SYNC_UNBOUND_SOURCE="primary:",
            SYNC_REMOTE_SHELL=str(HERE / "standin-ssh"),
            SYNC_TIMEOUT="20",
        )
        yield Nodes(node, primary, replica, source, live)


def test_a_fresh_secondary_gets_all_of_it(nodes: Nodes) -> None:
    nodes.sync()
    assert nodes.replica.content == nodes.primary.content
    assert nodes.files(nodes.live) == {"home.conf": "server:\n"}
    for task in ("pihole", "unbound"):
        stamp = nodes.stamp(task)
        assert (stamp["exit_status"], stamp["last_error"]) == (0, None)
        assert stamp["last_success"] is not None
    assert nodes.in_task_directory() == {
        "gravity.json", "shared", "sync-pihole.json", "sync-unbound.json", "sync.lock",
    }  # fmt: skip
    assert (nodes.primary.sessions, nodes.replica.sessions) == ({}, {})


def test_later_changes_and_deletions_on_the_primary_follow(nodes: Nodes) -> None:
    (nodes.source / "old.conf").write_text(OLD)
    nodes.sync()
    (nodes.source / "old.conf").unlink()
    (nodes.source / "home.conf").write_text(NEW)
    (nodes.source / "more.conf").write_text("")
    nodes.primary.content = content("https://lists.example/two")
    nodes.sync()
    assert nodes.files(nodes.live) == {"home.conf": NEW, "more.conf": ""}
    assert nodes.replica.content == nodes.primary.content


def test_both_nodes_write_the_same_inventory_for_the_same_content(nodes: Nodes, make_node: MakeNode) -> None:
    from stack.tools import inventory

    nodes.sync()
    here = (nodes.node.tasks.task_directory / "shared" / "pihole.txt").read_bytes()
    primary = make_node(
        NODE_ROLE="primary", PIHOLE_API=nodes.primary.url, TASK_DIRECTORY=str(nodes.source.parent / "p")
    )
    inventory.update(primary.tasks)
    assert (primary.tasks.task_directory / "shared" / "pihole.txt").read_bytes() == here
    assert here.count(b"\n") == 3


def test_an_empty_primary_costs_the_replica_nothing(nodes: Nodes) -> None:
    nodes.sync()
    before = (dict(nodes.replica.content), nodes.files(nodes.live))
    nodes.primary.content = empty_content()
    (nodes.source / "home.conf").unlink()
    with pytest.raises(RefusedError, match=r"(?s)Unbound.*the primary is empty.*Pi-hole.*the primary is empty"):
        nodes.sync()
    assert (nodes.replica.content, nodes.files(nodes.live)) == before
    assert [nodes.stamp(task)["exit_status"] for task in ("pihole", "unbound")] == [2, 2]


def test_what_was_changed_on_the_replica_is_not_overwritten(nodes: Nodes) -> None:
    nodes.sync()
    nodes.replica.content["domains"] = content(domains=("ads.example", "mine.example"))["domains"]
    (nodes.live / "home.conf").write_text("edited here")
    with pytest.raises(RefusedError, match=r"home\.conf.*domain deny exact mine\.example"):
        nodes.sync()
    assert nodes.files(nodes.live) == {"home.conf": "edited here"}
    assert len(nodes.replica.content["domains"]) == 2


def test_by_force_the_primary_wins_and_the_replica_was_backed_up_first(nodes: Nodes) -> None:
    nodes.replica.content = content(domains=("mine.example",))
    with pytest.raises(RefusedError):
        nodes.sync()
    nodes.sync(force=True)
    assert nodes.replica.content["domains"] == nodes.primary.content["domains"]
    assert len(list(nodes.node.tasks.backup_directory.glob("*.zip"))) == 1


def test_one_part_that_fails_is_not_in_the_way_of_the_other(nodes: Nodes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STANDIN_SYNC_FAULT", "error")
    with pytest.raises(ToolError, match="standin-nebula-sync ended with 1: Sync failed") as caught:
        nodes.sync()
    assert "correct horse" not in str(caught.value)
    assert nodes.files(nodes.live) == {"home.conf": "server:\n"}
    assert (nodes.stamp("unbound")["exit_status"], nodes.stamp("pihole")["exit_status"]) == (0, 1)


def test_a_copy_that_hangs_is_ended_and_may_be_done_again(
    nodes: Nodes, make_node: MakeNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STANDIN_SYNC_FAULT", "hang")
    hasty = make_node(**{**nodes.node.environment, "SYNC_TIMEOUT": "1"})
    with pytest.raises(ToolError, match="did not end within 1 s"):
        synchronise(hasty.settings, hasty.tasks, 0)
    monkeypatch.delenv("STANDIN_SYNC_FAULT")
    nodes.sync()
    assert nodes.replica.content == nodes.primary.content


def test_a_copy_that_changed_nothing_is_no_success(nodes: Nodes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STANDIN_SYNC_FAULT", "idle")
    with pytest.raises(ToolError, match="still differ"):
        nodes.sync()
    assert nodes.stamp("pihole")["last_success"] is None


def test_a_source_that_is_not_there_is_an_error_not_an_empty_folder(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    nodes.sync()
    monkeypatch.setenv("STANDIN_SSH_DIRECTORY", str(nodes.source / "nowhere"))
    with pytest.raises(ToolError, match="rsync ended with"):
        nodes.sync()
    assert nodes.files(nodes.live) == {"home.conf": "server:\n"}


def test_a_primary_does_not_copy_from_its_secondary(nodes: Nodes, make_node: MakeNode) -> None:
    primary = make_node(**{**nodes.node.environment, "NODE_ROLE": "primary"})
    with pytest.raises(RefusedError, match="the secondary copies from the primary"):
        synchronise(primary.settings, primary.tasks, 0)
    assert not primary.settings.stamp_directory.exists()


def test_a_link_in_the_folder_is_not_followed(nodes: Nodes) -> None:
    nodes.sync()
    (nodes.live / "secret.conf").symlink_to("/etc/shadow")
    with pytest.raises(RefusedError, match="is no ordinary file"):
        nodes.sync()


def test_a_password_that_nebula_sync_cannot_take_is_named(nodes: Nodes, tmp_path: Path) -> None:
    from stack.tools import sync_pihole
    from stack.tools.pihole_api import PiholeApi

    (tmp_path / "password").write_text("a,b")
    api = PiholeApi("http://192.0.2.1", "a,b", 1)
    with pytest.raises(ToolError, match="a comma or a"):
        sync_pihole._nebula_sync(api, api, nodes.node.tasks, 0)


def faulty(nodes: Nodes, name: str, content: str) -> str:
    """Put a faulty file on the primary after a good sync: nothing changes here, and the sync says why."""
    nodes.sync()
    (nodes.source / name).write_text(content)
    (nodes.source / "home.conf").write_text(NEW)
    with pytest.raises(RefusedError, match="this node's Unbound goes on as before"):
        nodes.sync()
    assert nodes.files(nodes.live) == {"home.conf": "server:\n"}
    stamp = nodes.stamp("unbound")
    assert stamp["exit_status"] == 2
    return str(stamp["last_error"])


def test_a_typo_on_the_primary_ends_nothing_and_is_named_with_its_line(nodes: Nodes) -> None:
    said = faulty(nodes, "nas.conf", "server:\n\n    local-dato: 'nas.home.example. A 192.0.2.98'\n")
    assert "nas.conf, line 3: local-dato: in server: is unknown" in said
    assert "correct it in unbound.d on the primary, then there: docker compose run --rm tools reload-unbound" in said
    (nodes.source / "nas.conf").unlink()
    nodes.sync()
    assert nodes.files(nodes.live) == {"home.conf": NEW}


def test_what_only_unbound_finds_wrong_is_not_copied_either(nodes: Nodes) -> None:
    assert "nas.conf, line 2: error parsing local-data" in faulty(nodes, "nas.conf", OLD.replace("97", "997"))


def test_a_file_that_would_load_code_is_not_copied(nodes: Nodes) -> None:
    module = "python:\n    python-script: '/etc/unbound/shared/evil.conf'\n"
    assert "evil.conf, line 1: python: is not for drop-in files" in faulty(nodes, "evil.conf", module)


def test_what_is_no_conf_file_is_not_copied(nodes: Nodes) -> None:
    assert "evil.py: only ordinary files named *.conf" in faulty(nodes, "evil.py", "import os\n")


def test_a_file_that_arrived_with_an_earlier_version_is_looked_at_too(nodes: Nodes) -> None:
    nodes.sync()
    for folder in (nodes.source, nodes.live):
        (folder / "old.conf").write_text("server:\n    interface: 0.0.0.0\n")
    with pytest.raises(RefusedError, match=r"old\.conf, line 2: interface: in server: is unknown or not"):
        nodes.sync()


def test_a_reload_that_failed_is_made_good_by_the_next_sync(nodes: Nodes, make_node: MakeNode, tmp_path: Path) -> None:
    commands = {"UNBOUND_RELOAD_COMMAND": f"touch {tmp_path}/nowhere/x", "SYNC_PIHOLE_COMMAND": ""}
    node = make_node(**{**nodes.node.environment, **commands})
    with pytest.raises(ToolError, match="touch ended with 1"):
        synchronise(node.settings, node.tasks, 0)
    (tmp_path / "nowhere").mkdir()
    synchronise(node.settings, node.tasks, 0)
    (tmp_path / "nowhere" / "x").unlink()
    synchronise(node.settings, node.tasks, 0)  # nothing to do any more
    assert not (tmp_path / "nowhere" / "x").exists()


@pytest.mark.parametrize("files", [{"big.conf": 4 << 30}, {f"{n}.conf": 1 << 20 for n in range(100)}])
def test_a_primary_that_sends_too_much_is_stopped_while_it_sends(
    nodes: Nodes, files: dict[str, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    for name, size in files.items():
        with (nodes.source / name).open("wb") as file:
            file.truncate(size)
    largest = 0
    done = threading.Event()

    def look() -> None:
        nonlocal largest
        while not done.wait(0.01):
            held = subprocess.run(["du", "-sk", scratch], capture_output=True, text=True, check=False).stdout
            largest = max(largest, int(held.split()[0] or 0) << 10)

    looker = threading.Thread(target=look)
    looker.start()
    try:
        with pytest.raises(RefusedError, match=r"more than the 200 files and 4 MiB that are shared, .*\.conf; move it"):
            nodes.sync()
    finally:
        done.set()
        looker.join()
    assert 0 < largest < 128 << 20
    assert list(scratch.iterdir()) == []
    assert nodes.stamp("unbound")["exit_status"] == 2


def test_a_primary_that_sends_too_many_files_is_stopped(nodes: Nodes) -> None:
    for number in range(1000):
        (nodes.source / f"{number}.conf").touch()
    with pytest.raises(RefusedError, match="more than"):
        nodes.sync()
    assert nodes.files(nodes.live) == {}
