"""A sync ends in a restart of the replica's FTL, and is done when gravity is built from the lists that came."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from ipaddress import IPv4Address
from pathlib import Path
from types import SimpleNamespace

import pytest

from stack.tools import gravity, inventory, schedule, sync_pihole
from stack.tools.backup import back_up, restore
from stack.tools.errors import Interrupted, PutOffError, ToolError
from stack.tools.inventory import NOT_BUILT

from .conftest import MakeNode
from .pair import ONE, TWO, Pair, synchronised_pair
from .standin_pihole_api import StandinPihole
from .standin_pihole_content import content


@pytest.fixture
def pair(make_node: MakeNode) -> Iterator[Pair]:
    with synchronised_pair(make_node) as made:
        yield made


def add_list(pihole: StandinPihole) -> None:
    pihole.content = content(ONE, TWO)


def test_a_sync_that_differs_costs_the_replica_no_more_than_its_restart(pair: Pair) -> None:
    add_list(pair.primary)
    pair.replica.gravity_seconds = 2.0
    pair.sync()
    assert pair.replica.content["lists"] == pair.primary.content["lists"]
    assert pair.replica.loaded
    assert len(pair.replica.gaps) == 1
    assert pair.replica.gaps[0] < 1.0
    assert (pair.stamp()["exit_status"], pair.stamp()["last_error"]) == (0, None)
    assert (pair.primary.sessions, pair.replica.sessions) == ({}, {})


@pytest.mark.parametrize("end", ["abort", "kill"])
def test_a_sync_that_ended_before_gravity_is_made_good_by_the_next(
    pair: Pair, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    add_list(pair.primary)
    monkeypatch.setenv("STANDIN_SYNC_FAULT", end)
    pair.replica.resolves = False  # so that gravity cannot be built, whoever asks for it
    with pytest.raises(ToolError):
        pair.sync()
    assert pair.replica.content["lists"] == pair.primary.content["lists"]
    assert not pair.replica.loaded
    monkeypatch.delenv("STANDIN_SYNC_FAULT")
    pair.replica.resolves = True
    pair.sync()
    assert pair.replica.loaded


def test_the_inventories_differ_while_the_lists_that_came_are_not_built(pair: Pair) -> None:
    add_list(pair.primary)
    pair.replica.resolves = False
    with pytest.raises(ToolError, match="No DNS resolution available"):
        pair.sync()
    assert NOT_BUILT in pair.inventory.splitlines()
    assert pair.stamp()["exit_status"] == 1
    pair.replica.resolves = True
    pair.sync()
    assert NOT_BUILT not in pair.inventory.splitlines()
    assert f"list block {TWO}" in pair.inventory


def test_what_needs_no_gravity_does_not_run_it(pair: Pair) -> None:
    pair.primary.content = content(ONE, domains=("ads.example",), hosts=("192.0.2.80 www.example",))
    before = pair.replica.requests.count("POST /api/action/gravity 200")
    pair.sync()
    assert pair.replica.content == pair.primary.content
    assert pair.replica.requests.count("POST /api/action/gravity 200") == before


def test_a_change_that_restarts_pihole_a_second_time_is_waited_for(pair: Pair) -> None:
    add_list(pair.primary)
    pair.primary.content["cnameRecords"] = ["www.example,nas.example"]
    pair.replica.dying_seconds = 0.05
    pair.sync()
    assert pair.replica.content == pair.primary.content
    assert pair.replica.loaded
    assert (pair.primary.sessions, pair.replica.sessions) == ({}, {})


def test_a_copier_that_dies_after_its_work_is_no_failure_and_keeps_no_sessions(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_list(pair.primary)
    monkeypatch.setenv("STANDIN_SYNC_FAULT", "kill")
    pair.sync()
    assert pair.replica.loaded
    assert pair.stamp()["exit_status"] == 0
    assert (pair.primary.sessions, pair.replica.sessions) == ({}, {})


def test_a_tool_that_was_killed_before_gravity_leaves_it_to_the_next(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_list(pair.primary)

    def killed(*_: object) -> None:
        raise Interrupted(9)

    with monkeypatch.context() as patch:
        patch.setattr("stack.tools.gravity.build", killed)
        with pytest.raises(Interrupted):
            pair.sync()
    assert (pair.replica.content, pair.replica.loaded) == (pair.primary.content, False)
    pair.sync()
    assert pair.replica.loaded


def test_gravity_that_is_built_elsewhere_counts_for_nothing_until_it_is_proved_here(pair: Pair) -> None:
    """A secondary that knows nothing yet, such as one that was updated, builds gravity once."""
    gravity.state_file(pair.node.tasks.task_directory).unlink()
    before = pair.replica.requests.count("POST /api/action/gravity 200")
    pair.sync()
    pair.sync()
    assert pair.replica.requests.count("POST /api/action/gravity 200") == before + 1


class TestTheNodeHasTheVip:
    """Clients use the secondary now: the primary is drained, or was down a moment ago."""

    @pytest.fixture(autouse=True)
    def owner(self, monkeypatch: pytest.MonkeyPatch) -> None:
        held = [SimpleNamespace(packed=IPv4Address(one).packed) for one in ("192.0.2.12", "192.0.2.53")]
        monkeypatch.setattr(sync_pihole, "all_addresses", lambda: held)

    def test_a_sync_that_would_change_something_is_put_off_and_is_no_failure(self, pair: Pair) -> None:
        before = pair.stamp()
        add_list(pair.primary)
        with pytest.raises(PutOffError, match=r"beta has 192\.0\.2\.53 now .* in 120 minutes; by hand: sync now"):
            pair.sync(by_hand=False)
        after = pair.stamp()
        assert {**after, "last_attempt": 0} == {**before, "last_attempt": 0}
        assert pair.replica.gaps == []

    def test_one_that_changes_nothing_is_done(self, pair: Pair) -> None:
        pair.sync(by_hand=False)

    def test_one_by_hand_is_done(self, pair: Pair) -> None:
        add_list(pair.primary)
        pair.sync()
        assert pair.replica.loaded

    def test_after_two_intervals_it_is_done_all_the_same(self, pair: Pair) -> None:
        add_list(pair.primary)
        path = pair.node.settings.stamp_directory / "pihole.json"
        stamp = json.loads(path.read_bytes())
        path.write_text(json.dumps({**stamp, "last_success": stamp["last_success"] - 7300}))
        pair.sync(by_hand=False)
        assert pair.replica.loaded


def test_a_put_off_run_is_tried_again_soon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule, "PUT_OFF_SECONDS", 0.1)
    asked: list[bool] = []

    def task(by_hand: bool) -> None:
        asked.append(by_hand)
        raise PutOffError("not now") if len(asked) < 3 else Interrupted(15)

    (tmp_path / "now").touch()
    with pytest.raises(Interrupted):
        schedule.run_for_ever("x", schedule.every(3600), task, tmp_path / "alive", tmp_path / "now", time.time())
    assert asked == [True, False, False]


def no_database(pihole: StandinPihole, *, resolves: bool) -> None:
    pihole.database = pihole.opened_database = False
    pihole.gravity, pihole.resolves = None, resolves


class TestNoGravityDatabase:
    """The first start of Pi-hole found no DNS."""

    def test_a_primary_builds_it_when_names_resolve(self, pair: Pair, make_node: MakeNode, tmp_path: Path) -> None:
        no_database(pair.primary, resolves=False)
        tasks = make_node(
            NODE_ROLE="primary", PIHOLE_API=pair.primary.url, TASK_DIRECTORY=str(tmp_path / "primary")
        ).tasks
        with pytest.raises(ToolError, match=r"Pi-hole has no gravity database yet.*No DNS resolution available"):
            inventory.update(tasks)
        written = tasks.task_directory / "shared" / "pihole.txt"
        assert written.read_text() == f"{NOT_BUILT}\n"
        pair.primary.resolves = True
        asked = len(pair.primary.requests)
        with pytest.raises(ToolError, match="Pi-hole has no gravity database yet"):
            inventory.update(tasks)  # it waits a while before it tries again
        assert "POST /api/action/gravity 200" not in pair.primary.requests[asked:]
        gravity.write_state(gravity.state_file(tasks.task_directory), gravity.GravityState(tried=time.time() - 400))
        inventory.update(tasks)
        assert f"list block {ONE}" in written.read_text()
        assert NOT_BUILT not in written.read_text()
        assert pair.primary.sessions == {}

    def test_a_secondary_builds_it_before_it_copies(self, pair: Pair) -> None:
        no_database(pair.replica, resolves=True)
        add_list(pair.primary)
        pair.sync()
        assert (pair.replica.content, pair.replica.loaded) == (pair.primary.content, True)

    def test_a_secondary_says_that_the_primary_has_none(self, pair: Pair) -> None:
        no_database(pair.primary, resolves=True)
        with pytest.raises(ToolError, match=f"{pair.primary.url}: Pi-hole has no gravity database yet"):
            pair.sync()

    def test_a_backup_builds_it_too(self, pair: Pair) -> None:
        no_database(pair.replica, resolves=True)
        assert back_up(pair.node.settings, pair.node.tasks, 0).exists()


def test_a_pihole_with_lists_and_without_a_domain_is_told_and_made_good(pair: Pair) -> None:
    assert pair.replica.gravity is not None
    pair.replica.gravity.domains = 0
    pair.sync()
    assert pair.replica.gravity.domains > 0


def test_two_factor_authentication_is_named_and_an_application_password_passes(
    pair: Pair, make_node: MakeNode, tmp_path: Path
) -> None:
    add_list(pair.primary)
    for pihole, name in ((pair.primary, "there"), (pair.replica, "here")):
        pihole.totp, pihole.app_password = True, f"app password of {name}"
        (tmp_path / name).write_text(f"app password of {name}\n")
    with pytest.raises(ToolError, match=r"two-factor authentication.*PIHOLE_APP_PASSWORD"):
        pair.sync()
    with pytest.raises(ToolError, match=r"two-factor authentication.*PIHOLE_APP_PASSWORD"):
        back_up(pair.node.settings, pair.node.tasks, 0)
    files = {
        "PIHOLE_APP_PASSWORD_FILE": str(tmp_path / "here"),
        "PEER_PIHOLE_APP_PASSWORD_FILE": str(tmp_path / "there"),
    }
    pair.node = make_node(**{**pair.node.environment, **files})
    pair.sync()
    assert pair.replica.loaded
    assert back_up(pair.node.settings, pair.node.tasks, 0).exists()
    pair.replica.app_sudo = False
    with pytest.raises(ToolError, match=r"webserver\.api\.app_sudo"):
        restore(pair.node.tasks, next(pair.node.tasks.backup_directory.glob("*.zip")))


def test_an_empty_file_is_no_application_password(pair: Pair, make_node: MakeNode, tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    files = {name: str(tmp_path / "empty") for name in ("PIHOLE_APP_PASSWORD_FILE", "PEER_PIHOLE_APP_PASSWORD_FILE")}
    pair.node = make_node(**{**pair.node.environment, **files})
    pair.sync()
