"""The containers collector, evaluated by a real Docker Engine."""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import signal
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import docker.errors
import pytest

from exporter.collectors.containers import ContainersCollector, Pace
from exporter.model.errors import CollectorError
from exporter.model.observations import Container
from exporter.settings.load import load
from tests.engine.docker_engine import DockerEngine
from tests.lab.waiting import wait_for

pytestmark = [
    pytest.mark.engine,
    # The docker package leaves a socket that could not connect to the garbage collector, which closes it.
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
]

FOREVER = "while :; do /busybox sleep 1; done"
# How long it may take until what happened is seen; the machine may be busy.
SOON = 10.0
# What is promised of an engine that dies or comes back is 5 s; the rest is for a busy machine.
PROMISED = 5.0 + 5.0


@pytest.fixture(scope="module", autouse=True)
def no_socket_is_left_to_other_tests() -> Iterator[None]:
    yield
    gc.collect()


class Watched:
    """What a collector says of one engine."""

    def __init__(self, collector: ContainersCollector) -> None:
        self._collector = collector

    def now(self) -> dict[str, Container] | str:
        """What it says now: the containers by name, or the reason why there are none."""
        try:
            return {container.name: container for container in self._collector.collect().containers}
        except CollectorError as error:
            return str(error)

    def container(self, name: str, until: Callable[[Container], bool]) -> Container:
        """Wait until a container is as it should be."""
        seen = wait_for(
            f"{name} to be as expected",
            self.now,
            until=lambda seen: isinstance(seen, dict) and until(seen[name]),
            timeout=SOON,
            every=0.05,
        )
        assert isinstance(seen, dict)
        return seen[name]

    def counting(self) -> None:
        """Wait until events are counted."""
        wait_for(
            "events to be counted",
            self.now,
            until=lambda seen: isinstance(seen, dict) and all(container.events for container in seen.values()),
            timeout=SOON,
        )

    def failure(self) -> str:
        """Wait until it has nothing but a reason."""
        seen = wait_for("the collector to fail", self.now, until=lambda seen: isinstance(seen, str), timeout=PROMISED)
        assert isinstance(seen, str)
        return seen


@contextlib.contextmanager
def watching(engine: DockerEngine, *names: str, pace: Pace | None = None) -> Iterator[Watched]:
    environment = {
        "NODE_ROLE": "standalone",
        "NODE_NAME": "alpha",
        "NODE_IP": "192.0.2.2",
        "VIP_ADDRESS": "192.0.2.53",
        "NETWORK_INTERFACE": "eth0",
        "DOCKER_HOST": engine.url,
        "EXPECTED_CONTAINERS": ",".join(names),
    }
    collector = ContainersCollector(load(None, environment, {}, lambda _: ()), pace=pace)
    collector.start()
    try:
        yield Watched(collector)
    finally:
        collector.stop()


def happened(container: Container) -> dict[str, int]:
    return {action: count for action, count in container.events.items() if count}


def test_a_container_whose_health_check_succeeds_is_running_and_healthy(engine: DockerEngine) -> None:
    before = time.time()
    engine.run("pihole", FOREVER, health="exit 0")
    with watching(engine, "pihole") as watched:
        seen = watched.container("pihole", lambda c: c.health == "healthy")
    assert (seen.state, seen.restarts, seen.oom_killed, seen.exit_code) == ("running", 0, False, None)
    assert seen.started_at is not None
    assert before <= seen.started_at <= time.time()
    second = datetime.strptime(engine.state("pihole")["StartedAt"][:19], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC)
    assert int(seen.started_at) == second.timestamp()


def test_a_health_check_that_begins_to_fail_is_seen_and_counted(engine: DockerEngine) -> None:
    engine.run("pihole", FOREVER, health="test ! -e /failing")
    with watching(engine, "pihole") as watched:
        watched.container("pihole", lambda c: c.health == "healthy")
        execution = engine.client.exec_create("pihole", ["/busybox", "touch", "/failing"])
        engine.client.exec_start(execution["Id"])
        seen = watched.container("pihole", lambda c: c.health == "unhealthy")
        assert seen.state == "running"
        assert seen.events["health_status_unhealthy"] == 1


def test_a_container_without_a_health_check_has_no_health(engine: DockerEngine) -> None:
    engine.run("unbound", FOREVER)
    with watching(engine, "unbound") as watched:
        seen = watched.container("unbound", lambda c: c.state == "running")
    assert seen.health is None


def test_a_container_that_ended_tells_its_exit_code(engine: DockerEngine) -> None:
    engine.run("sync", "exit 7")
    with watching(engine, "sync") as watched:
        seen = watched.container("sync", lambda c: c.state == "exited")
    assert (seen.exit_code, seen.oom_killed, seen.restarts) == (7, False, 0)


def test_a_container_that_could_not_be_started_tells_why_by_its_exit_code(engine: DockerEngine) -> None:
    made = engine.create("unbound", FOREVER, program="/no-such-program")
    with pytest.raises(docker.errors.APIError, match="no-such-program"):
        engine.client.start(made)
    with watching(engine, "unbound") as watched:
        seen = watched.container("unbound", lambda c: c.state == "created")
    assert (seen.exit_code, seen.started_at) == (127, None)


def test_restarts_by_the_restart_policy_are_counted_as_docker_counts_them(engine: DockerEngine) -> None:
    engine.create("unbound", "exit 3", restart_policy={"Name": "on-failure", "MaximumRetryCount": 3})
    with watching(engine, "unbound") as watched:
        watched.counting()
        engine.client.start("unbound")
        seen = watched.container("unbound", lambda c: c.state == "exited" and c.restarts == 3)
        assert seen.exit_code == 3
        # Once by hand and three times by the policy.
        assert happened(seen) == {"start": 4, "die": 4}


def test_a_container_killed_for_lack_of_memory_says_so(engine: DockerEngine) -> None:
    if not engine.client.info()["MemoryLimit"]:
        pytest.skip("this machine's control groups do not limit memory, so nothing is killed for lack of it")
    with watching(engine, "pihole") as watched:
        watched.counting()
        engine.run("pihole", "x=a; while :; do x=$x$x; done", mem_limit="8m")
        seen = watched.container("pihole", lambda c: c.state == "exited")
        assert (seen.oom_killed, seen.exit_code) == (True, 137)
        assert watched.container("pihole", lambda c: c.events["oom"] > 0).events["oom"] >= 1


def test_a_paused_container_is_not_running(engine: DockerEngine) -> None:
    engine.run("pihole", FOREVER)
    with watching(engine, "pihole") as watched:
        watched.counting()
        engine.client.pause("pihole")
        seen = watched.container("pihole", lambda c: c.state == "paused")
        assert (seen.running, seen.exit_code) == (False, None)
        engine.client.unpause("pihole")
        seen = watched.container("pihole", lambda c: c.running)
        assert happened(seen) == {"pause": 1, "unpause": 1}


def test_a_container_that_is_removed_is_absent_and_one_that_is_created_is_not(engine: DockerEngine) -> None:
    engine.run("unbound", FOREVER)
    with watching(engine, "unbound") as watched:
        watched.container("unbound", lambda c: c.running and bool(c.events))
        engine.client.remove_container("unbound", force=True)
        seen = watched.container("unbound", lambda c: c.state == "absent")
        assert (seen.restarts, seen.started_at, seen.health) == (None, None, None)
        assert seen.events["destroy"] == 1
        engine.run("unbound", FOREVER)
        watched.container("unbound", lambda c: c.running and c.events["create"] == 1)


def test_a_container_that_gives_its_name_away_is_absent(engine: DockerEngine) -> None:
    engine.run("unbound", FOREVER)
    with watching(engine, "unbound") as watched:
        watched.container("unbound", lambda c: c.running and bool(c.events))
        engine.client.rename("unbound", "unbound-old")
        watched.container("unbound", lambda c: c.state == "absent" and c.events["rename"] == 1)


def test_only_the_very_names_count(engine: DockerEngine) -> None:
    # As an expression, a.b matches axb; and Docker finds a container by the first digits of its identifier too.
    other = engine.run("axb", FOREVER)
    engine.run("pihole2", FOREVER)
    with watching(engine, "a.b", "pihole", other[:12]) as watched:
        seen = watched.now()
        watched.counting()
        seen = watched.now()
        assert isinstance(seen, dict)
        assert {name: container.state for name, container in seen.items()} == {
            "a.b": "absent",
            "pihole": "absent",
            other[:12]: "absent",
        }


def test_a_container_that_dies_and_returns_between_two_looks_is_counted_every_time(engine: DockerEngine) -> None:
    engine.run("pihole", FOREVER, health="exit 0")
    engine.run("unbound", FOREVER)
    with watching(engine, "pihole", "unbound") as watched:
        watched.counting()
        began = time.monotonic()
        for _ in range(4):
            engine.client.kill("unbound", "KILL")
            engine.client.wait("unbound")
            engine.client.start("unbound")
        took = time.monotonic() - began
        seen = watched.container("unbound", lambda c: c.events["start"] >= 4)
        assert took < 5 * 30.0
        assert happened(seen) == {"kill": 4, "die": 4, "start": 4}
        # Health checks are executions in the container, and Docker has events for each: none of them counts.
        pihole = watched.container("pihole", lambda c: c.health == "healthy")
        assert set(happened(pihole)) <= {"health_status_healthy"}


def test_an_engine_that_is_restarted_costs_the_data_while_it_is_away(engine: DockerEngine) -> None:
    engine.run("unbound", FOREVER)
    with watching(engine, "unbound") as watched:
        watched.counting()
        engine.client.restart("unbound", timeout=0)
        before = watched.container("unbound", lambda c: c.events["restart"] == 1 and c.events["start"] == 1)
        engine.stop(signal.SIGTERM)
        try:
            assert str(engine.socket) in watched.failure()
        finally:
            engine.start()
        after = watched.container("unbound", lambda c: c.state == "exited" and bool(c.events))
        assert after.events["start"] == before.events["start"]
        assert after.events["die"] >= before.events["die"]
        engine.client.start("unbound")
        seen = watched.container("unbound", lambda c: c.running)
        assert seen.events["start"] == before.events["start"] + 1


def test_an_engine_that_crashes_is_noticed_and_found_again(engine: DockerEngine) -> None:
    engine.run("unbound", FOREVER)
    with watching(engine, "unbound") as watched:
        watched.counting()
        engine.stop(signal.SIGKILL)
        try:
            reason = watched.failure()
        finally:
            engine.start()
        assert "Docker's API at unix://" in reason
        wait_for("containers", watched.now, until=lambda seen: isinstance(seen, dict), timeout=PROMISED)
        watched.counting()


def test_an_engine_that_hangs_is_noticed_and_its_events_are_made_up_for(engine: DockerEngine) -> None:
    engine.run("unbound", FOREVER)
    with watching(engine, "unbound", pace=Pace(between_polls=1.0)) as watched:
        watched.counting()
        os.kill(engine.pid, signal.SIGSTOP)
        try:
            reason = watched.failure()
        finally:
            os.kill(engine.pid, signal.SIGCONT)
        assert "did not answer within 2 s" in reason
        engine.client.kill("unbound", "KILL")
        seen = watched.container("unbound", lambda c: c.state == "exited" and bool(c.events))
        assert happened(seen) == {"kill": 1, "die": 1}


def test_what_containers_keep_secret_is_neither_kept_nor_logged(
    engine: DockerEngine, caplog: pytest.LogCaptureFixture
) -> None:
    secret = "correct horse battery staple"
    engine.run("pihole", FOREVER, environment={"FTLCONF_webserver_api_password": secret}, health="exit 0")
    with caplog.at_level(logging.DEBUG), watching(engine, "pihole") as watched:
        seen = watched.container("pihole", lambda c: c.running and bool(c.events))
    environment = engine.client.inspect_container("pihole")["Config"]["Env"]
    assert any(secret in line for line in environment)
    assert secret not in repr(seen)
    assert secret not in caplog.text
