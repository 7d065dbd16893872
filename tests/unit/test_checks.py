"""The verdict as a whole, and the checks of collectors, containers, sync and the other node."""

from __future__ import annotations

from dataclasses import replace

import pytest

from exporter import checks
from exporter.checks.build import age
from exporter.model.observations import (
    CollectorResult,
    Container,
    NodeStatus,
    PeerObservation,
    PeerStatus,
    PeerVip,
    Status,
    SyncTask,
    VipObservation,
)
from tests.unit import samples
from tests.unit.evaluating import evaluate, the, verdicts
from tests.unit.samples import NOW, beta, check, container, task

OK, WARNING, CRITICAL, UNKNOWN = Status.OK, Status.WARNING, Status.CRITICAL, Status.UNKNOWN


def test_a_healthy_pair_is_well_in_every_respect() -> None:
    found = evaluate(status=samples.healthy())
    assert {check.status for check in found} == {OK}
    assert {check.id for check in found} == {
        "vip.split_brain",
        "vip.owner",
        "vip.usable",
        "keepalived.running",
        "vrrp.state",
        "vrrp.priority",
        "vrrp.agreement",
        "vrrp.filter",
        "firewall.loaded",
        "health.chain",
        "health.address",
        "health.running",
        "recorder.running",
        "resolve.vip",
        "resolve.pihole",
        "resolve.unbound",
        "resolve.peer",
        "container.running",
        "sync.task",
        "sync.drift",
        "peer.pair_key",
        "peer.reachable",
        "peer.settings",
        "conflict.advertisements",
        "conflict.this_host",
    }
    assert {check.node for check in found} == {"alpha"}


def test_a_file_that_was_damaged_and_replaced_is_told() -> None:
    healthy = samples.healthy()
    results = tuple(
        replace(one, observation=replace(one.observation, notices=("vip.json made no sense",)))
        if isinstance(one.observation, VipObservation)
        else one
        for one in healthy.results
    )
    found = the(evaluate(status=replace(healthy, results=results)), "vip.file")
    assert (found.status, found.seen) == (WARNING, "vip.json made no sense")


@pytest.mark.parametrize(
    ("statuses", "overall"),
    [
        ([], UNKNOWN),
        ([OK, OK], OK),
        ([OK, UNKNOWN], UNKNOWN),
        ([UNKNOWN, WARNING], WARNING),
        ([WARNING, CRITICAL, UNKNOWN], CRITICAL),
    ],
)
def test_the_worst_verdict_counts_and_unknown_is_less_bad_than_a_warning(
    statuses: list[Status], overall: Status
) -> None:
    assert checks.worst([check(status=status) for status in statuses]) is overall


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (119, "119 s"),
        (120, "2 min"),
        (7199, "120 min"),
        (7200, "2.0 h"),
        (172_799, "48.0 h"),
        (172_800, "2.0 days"),
        (8_640_000, "100.0 days"),
    ],
)
def test_an_age_is_written_as_people_say_it(seconds: float, words: str) -> None:
    assert age(seconds) == words


def test_a_collector_without_data_is_unknown_and_says_its_reason() -> None:
    one = the(evaluate(status=samples.status(failed={"vip": "the kernel does not let this process watch"})), "vip.data")
    assert (one.status, one.collector) == (UNKNOWN, "vip")
    assert one.seen == "the kernel does not let this process watch"


def test_a_collector_with_a_part_of_its_data_is_evaluated_by_it_and_unknown_as_well() -> None:
    results = (CollectorResult("sync", 0.1, samples.sync(), "/srv/x cannot be read: Permission denied"),)
    found = evaluate(status=NodeStatus(samples.IDENTITY, NOW, results))
    assert the(found, "sync.data").status is UNKNOWN
    assert the(found, "sync.task").status is OK


@pytest.mark.parametrize(
    ("state", "seen"),
    [
        (container(state="absent", health=None, restarts=None, oom_killed=None), "pihole does not exist"),
        (container(state="exited", exit_code=1), "pihole is exited, exit code 1"),
        (
            container(state="exited", exit_code=137, oom_killed=True),
            "pihole is exited, exit code 137, killed for lack of memory",
        ),
        (container(state="paused"), "pihole is paused"),
        (container(state="restarting", exit_code=2), "pihole is restarting, exit code 2"),
        (container(health="unhealthy"), "pihole runs but is unhealthy"),
    ],
)
def test_a_container_that_does_not_do_its_work_is_a_warning(state: Container, seen: str) -> None:
    one = the(evaluate(samples.containers(state)), "container.running")
    assert (one.status, one.subject, one.seen) == (WARNING, "pihole", seen)


@pytest.mark.parametrize(
    ("state", "seen"),
    [
        (container(), "pihole runs and is healthy"),
        (container(health=None), "pihole runs"),
        (container(health="starting", restarts=3), "pihole runs and is starting, restarted 3 times"),
    ],
)
def test_a_container_that_runs_is_well(state: Container, seen: str) -> None:
    one = the(evaluate(samples.containers(state)), "container.running")
    assert (one.status, one.seen) == (OK, seen)


@pytest.mark.parametrize(
    ("done", "status", "seen"),
    [
        (task(), OK, "pihole succeeded 10 min ago"),
        (
            SyncTask("pihole", None, None, None, None, None, 10_800.0),
            WARNING,
            "pihole has never run",
        ),
        (
            task(last_success=None, exit_status=1, error="HTTP 401"),
            WARNING,
            "pihole has never succeeded: HTTP 401",
        ),
        (
            task(last_success=None, exit_status=7),
            WARNING,
            "pihole has never succeeded: exit status 7",
        ),
        (
            task(exit_status=1, error="HTTP 400"),
            WARNING,
            "pihole failed: HTTP 400; last success 10 min ago",
        ),
        (task(last_success=NOW - 10_801), WARNING, "pihole last succeeded 3.0 h ago"),
        (task(last_success=NOW - 10_800), OK, "pihole succeeded 3.0 h ago"),
        (task(last_success=NOW + 30), OK, "pihole succeeded 0 s ago"),
    ],
)
def test_a_task_is_evaluated_by_its_last_run_and_its_age(done: SyncTask, status: Status, seen: str) -> None:
    one = the(evaluate(samples.sync(done)), "sync.task")
    assert (one.status, one.seen, one.expected) == (status, seen, "a success within 3.0 h")


def test_content_that_differs_is_a_warning_on_the_node_that_sees_it() -> None:
    one = the(evaluate(samples.sync(digest="cd" * 32), samples.peer()), "sync.drift")
    assert (one.status, one.subject, one.seen) == (WARNING, "unbound", "unbound differs between the nodes")


def test_what_differs_is_named_by_the_node_whose_sync_found_it_and_by_the_other_one() -> None:
    differs = samples.sync(digest="cd" * 32)
    differs = replace(differs, digests=(replace(differs.digests[0], differs=("host a", "setting b")),))
    here = the(evaluate(differs, samples.peer()), "sync.drift")
    assert here.seen == "unbound differs between the nodes: host a, setting b"
    theirs = replace(samples.check(node="beta"), id="sync.drift", subject="unbound", status=WARNING, seen=here.seen)
    there = the(evaluate(samples.sync(digest="cd" * 32), samples.peer(samples.beta(checks=(theirs,)))), "sync.drift")
    assert there.seen == here.seen


def test_a_silent_peer_is_a_warning_because_nobody_could_take_over() -> None:
    one = the(evaluate(samples.silent_peer()), "peer.reachable")
    assert (one.status, one.subject) == (WARNING, "192.0.2.12")
    assert one.seen == "http://192.0.2.12:9753/api/v1/status did not answer within 1 s"
    alone = the(evaluate(samples.vips(), samples.silent_peer()), "peer.reachable")
    assert alone.status is WARNING
    assert alone.seen == f"{one.seen}; alpha serves, and nobody is known who could take over"


def test_a_node_without_every_virtual_ip_does_not_say_that_it_serves() -> None:
    some = replace(samples.vips(), vips=(*samples.vips().vips, replace(samples.vips().vips[0], device=None)))
    for seen in (some, replace(some, vips=())):
        one = the(evaluate(seen, samples.silent_peer()), "peer.reachable")
        assert "serves" not in one.seen


@pytest.mark.parametrize(
    ("there", "difference"),
    [
        (
            beta(vips={samples.VIP: PeerVip(False, None)}),
            "VIP_ADDRESS is 192.0.2.53,2001:db8::53 here and 192.0.2.53 there",
        ),
        (beta(role="primary"), "both nodes are primary"),
        (beta(virtual_router_ids={"VI_1": 54}), "VIRTUAL_ROUTER_ID is 53 here and 54 there"),
    ],
)
def test_settings_that_do_not_fit_together_are_critical(there: PeerStatus, difference: str) -> None:
    one = the(evaluate(samples.vips(), samples.vrrp(), samples.peer(there)), "peer.settings")
    assert (one.status, one.subject, one.seen) == (CRITICAL, "beta", difference)


def test_nodes_that_speak_other_versions_of_vrrp_do_not_fit_together() -> None:
    there = beta(vrrp_versions={"VI_1": 2})
    one = the(evaluate(samples.vips(), samples.vrrp(), samples.peer(there)), "peer.settings")
    assert (one.status, one.seen) == (CRITICAL, "VRRP version is 3 here and 2 there (see VRRP_PASSWORD)")


def test_a_full_disk_is_critical_and_one_with_room_is_no_check() -> None:
    full = replace(samples.sync(), disk_full="3 MiB are left on the disk of /stamps")
    one = the(evaluate(full), "sync.disk")
    assert (one.status, one.seen) == (CRITICAL, "the disk is full: 3 MiB are left on the disk of /stamps")
    assert verdicts(evaluate(samples.sync()), "sync.disk") == {}


def test_every_difference_is_named_at_once() -> None:
    there = beta(role="primary", virtual_router_ids={"VI_1": 54})
    one = the(evaluate(samples.vips(), samples.vrrp(), samples.peer(there)), "peer.settings")
    assert one.seen == "both nodes are primary; VIRTUAL_ROUTER_ID is 53 here and 54 there"


def test_what_the_peer_does_not_know_is_no_difference() -> None:
    there = beta(vips={}, virtual_router_ids={}, digests={}, keepalived_up=None, drained=None)
    assert the(evaluate(samples.vips(), samples.vrrp(), samples.peer(there)), "peer.settings").status is OK


def test_a_pair_without_a_key_is_a_warning_that_names_whom_it_trusts() -> None:
    keyless = PeerObservation(samples.BETA, 0.4, 0.003, beta(), None, keyed=False)
    silent = PeerObservation(samples.BETA, 0.4, 1.0, None, "it is silent", keyed=False)
    for seen in (keyless, silent):
        one = the(evaluate(seen), "peer.pair_key")
        assert (one.status, one.subject) == (WARNING, samples.BETA)
        assert one.seen == f"there is no pair key: whoever answers at {samples.BETA} is taken for the other node"
        assert "stack/deploy.sh" in one.advice
    assert the(evaluate(samples.peer(beta())), "peer.pair_key").status is OK


@pytest.mark.parametrize(
    ("offset", "seen"), [(5.1, "beta's clock is 5.1 s ahead"), (-3600.0, "beta's clock is 3600.0 s behind")]
)
def test_clocks_that_differ_are_a_warning(offset: float, seen: str) -> None:
    one = the(evaluate(samples.peer(beta(clock_offset=offset))), "peer.clock")
    assert (one.status, one.seen, one.expected) == (WARNING, seen, "at most 5 s apart")


def test_clocks_that_differ_by_as_much_as_they_may_are_no_check() -> None:
    found = evaluate(samples.peer(beta(clock_offset=-5.0)))
    assert verdicts(found, "peer.clock") == {}


def test_what_the_peer_says_of_itself_is_repeated_unless_it_is_well() -> None:
    bad = check(node="beta", id="container.running", subject="pihole", status=WARNING, seen="x", advice="y")
    found = evaluate(samples.peer(beta(checks=(bad, check(node="beta")))))
    (repeated,) = (one for one in found if one.node == "beta")
    assert (repeated.id, repeated.collector, repeated.status) == ("container.running", "peer", WARNING)


@pytest.mark.parametrize(
    "name", ["peer.reachable", "peer.settings", "vip.split_brain", "vip.owner", "sync.drift", "resolve.peer"]
)
def test_what_the_peer_says_of_the_pair_is_evaluated_here_and_not_repeated(name: str) -> None:
    bad = check(node="beta", id=name, status=CRITICAL, seen="x", advice="y")
    assert {one.node for one in evaluate(samples.peer(beta(checks=(bad,))))} == {"alpha"}
