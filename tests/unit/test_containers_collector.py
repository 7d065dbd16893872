"""The containers collector, against a stand-in for Docker that can do what no Docker should."""

from __future__ import annotations

import contextlib
import gc
import json
import logging
import re
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from exporter.collectors.containers import ContainersCollector, Pace
from exporter.model.errors import CollectorError, NotReadyError
from exporter.model.observations import Container
from exporter.parsers.container import ACTIONS
from exporter.settings.load import load
from tests.lab.waiting import wait_for
from tests.unit import standin_docker_daemon as standin
from tests.unit.standin_docker_daemon import CHUNKED, SECRET, STARTED_AT, StandinDocker, chunk, container, event

# The docker package leaves a socket that could not connect to the garbage collector, which closes it.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")

# As in earnest, but faster.
FAST = Pace(
    between_polls=0.2,
    between_polls_without_events=0.05,
    after_failure=0.02,
    shortest_pause=0.005,
    between_streams=0.05,
    after_refused_stream=0.05,
    sound_stream=0.0,
)
HASTY = replace(FAST, request=0.1, poll=0.5)
NOW = 1_772_370_000.0
SOON = 10.0  # however busy the machine is


@pytest.fixture(scope="module", autouse=True)
def no_socket_is_left_to_other_tests() -> Iterator[None]:
    yield
    gc.collect()


@pytest.fixture
def docker(tmp_path: Path) -> Iterator[StandinDocker]:
    with StandinDocker(tmp_path / "docker.sock") as daemon:
        daemon.containers = {name: container(name) for name in ("pihole", "unbound", "grafana")}
        yield daemon


@contextlib.contextmanager
def watching(url: str, *names: str, pace: Pace = FAST) -> Iterator[ContainersCollector]:
    environment = {
        "NODE_ROLE": "standalone",
        "NODE_NAME": "alpha",
        "NODE_IP": "192.0.2.2",
        "VIP_ADDRESS": "192.0.2.53",
        "NETWORK_INTERFACE": "eth0",
        "DOCKER_HOST": url,
        "EXPECTED_CONTAINERS": ",".join(names),
    }
    collector = ContainersCollector(load(None, environment, {}, lambda _: ()), clock=lambda: NOW, pace=pace)
    collector.start()
    try:
        yield collector
    finally:
        before = time.monotonic()
        collector.stop()
        assert time.monotonic() - before < 2.0


def threads() -> int:
    return len([thread for thread in threading.enumerate() if thread.name.startswith("container")])


def said(collector: ContainersCollector) -> dict[str, Container] | str:
    """What it says now: the containers by name, or the reason why there are none."""
    try:
        return {container.name: container for container in collector.collect().containers}
    except NotReadyError:
        return {}
    except CollectorError as error:
        return str(error)


def good(
    collector: ContainersCollector, until: Callable[[dict[str, Container]], bool] = bool, timeout: float = SOON
) -> dict[str, Container]:
    """Wait for containers that are as they should be."""
    seen = wait_for(
        "containers as expected",
        lambda: said(collector),
        until=lambda seen: isinstance(seen, dict) and bool(seen) and until(seen),
        timeout=timeout,
    )
    assert isinstance(seen, dict)
    return seen


def reason(collector: ContainersCollector) -> str:
    """Wait until there is nothing but a reason."""
    seen = wait_for("a reason", lambda: said(collector), until=lambda seen: isinstance(seen, str), timeout=SOON)
    assert isinstance(seen, str)
    return seen


def listening(seen: dict[str, Container]) -> bool:
    return all(container.events for container in seen.values())


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def once(answer: standin.Answer, docker: StandinDocker) -> standin.Answer:
    """Answer so one time, and well afterwards."""

    def answering(line: standin.Line) -> None:
        docker.answers.clear()
        answer(line)

    return answering


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def happened(seen: Container) -> dict[str, int]:
    return {action: count for action, count in seen.events.items() if count}


# When all is well


def test_exactly_the_expected_containers_are_reported_and_those_missing_are_absent(docker: StandinDocker) -> None:
    docker.containers["unbound"] = container("unbound", "exited", ExitCode=7, Health={"Status": "unhealthy"})
    with watching(docker.url, "pihole", "unbound", "keepalived") as collector:
        seen = good(collector)
    assert list(seen) == ["pihole", "unbound", "keepalived"]
    assert (seen["pihole"].state, seen["pihole"].exit_code) == ("running", None)
    assert seen["pihole"].started_at == pytest.approx(STARTED_AT)
    assert (seen["unbound"].state, seen["unbound"].exit_code, seen["unbound"].health) == ("exited", 7, "unhealthy")
    assert (seen["keepalived"].state, seen["keepalived"].exit_code) == ("absent", None)


def test_docker_may_be_reached_over_tcp() -> None:
    with StandinDocker() as daemon:
        daemon.containers = {"pihole": container("pihole")}
        with watching(daemon.url, "pihole") as collector:
            assert good(collector, listening)["pihole"].running


def test_nothing_is_asked_but_what_a_filtering_socket_proxy_allows(docker: StandinDocker) -> None:
    with watching(docker.url, "pihole") as collector:
        good(collector, listening)
        wait_for("some requests", lambda: len(docker.requests) > 5)
    assert {request.kind for request in docker.requests} == {"version", "list", "inspect", "events"}
    assert {request.method for request in docker.requests} == {"GET"}


def test_there_is_nothing_to_say_before_the_first_answer(docker: StandinDocker) -> None:
    docker.answers["list"] = standin.hang
    with watching(docker.url, "pihole") as collector, pytest.raises(NotReadyError, match="has not answered yet"):
        collector.collect()


def test_the_docker_package_is_not_imported_before_it_is_needed() -> None:
    program = (
        "import sys, exporter.collectors.containers; sys.exit('docker' in sys.modules or 'requests' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_what_containers_keep_secret_is_neither_kept_nor_logged_nor_told(
    docker: StandinDocker, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG), watching(docker.url, "pihole") as collector:
        seen = good(collector, listening)
        docker.containers["pihole"]["RestartCount"] = SECRET
        docker.emit(event("pihole", "die", int(NOW * 1e9)))
        docker.emit(b"[" + json.dumps(event("pihole", "die", 1)).encode())
        told = reason(collector)
    assert "RestartCount" in told
    assert SECRET not in repr(seen) + told + caplog.text


# When Docker does not answer well


@pytest.mark.parametrize("kind", ["list", "inspect"])
@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (standin.raw(b""), "closed the connection"),
        (standin.raw(b"SSH-2.0-OpenSSH_9.2\r\n"), "something that is not HTTP"),
        (standin.body(b"<html>hello</html>"), "something that is not JSON"),
        (standin.reply(None), "is not a|is not an"),
        (standin.reply([{"Names": 3}]), "is not a|is not an"),
        (standin.reply({"message": "no"}, "403 Forbidden"), "answered 403 to GET /containers/.*allow GET"),
    ],
)
def test_whatever_docker_does_costs_only_the_data_and_is_told_in_a_sentence(
    docker: StandinDocker, kind: str, answer: standin.Answer, complaint: str
) -> None:
    docker.answers[kind] = answer
    with watching(docker.url, "pihole") as collector:
        assert re.search(complaint, reason(collector))
        del docker.answers[kind]
        assert good(collector)["pihole"].running


def test_a_container_that_goes_away_between_list_and_inspection_is_looked_for_anew(docker: StandinDocker) -> None:
    def gone(line: standin.Line) -> None:
        del docker.containers["pihole"], docker.answers["inspect"]
        standin.reply({"message": "No such container"}, "404 Not Found")(line)

    docker.answers["inspect"] = gone
    with watching(docker.url, "pihole") as collector:
        assert good(collector)["pihole"].state == "absent"


def test_a_container_that_is_listed_but_may_not_be_inspected_is_not_absent(docker: StandinDocker) -> None:
    docker.answers["inspect"] = standin.reply({}, "404 Not Found")
    with watching(docker.url, "pihole") as collector:
        assert "lists containers but answers 404" in reason(collector)


def test_a_poll_that_hangs_is_told_and_asked_anew_in_another_thread(docker: StandinDocker) -> None:
    """The docker package waits for ever for a daemon that sends a byte now and then."""
    drips = standin.drip(CHUNKED + chunk(b" "), 0.02)
    with watching(docker.url, "pihole", pace=replace(FAST, poll=0.3)) as collector:
        good(collector, listening)
        docker.answers["list"] = once(drips, docker)
        docker.emit(event("pihole", "die", int(NOW * 1e9)))
        assert "keeps the exporter waiting for its answers; it is asked again" in reason(collector)
        assert good(collector)["pihole"].running
        assert threads() == 3


def test_a_docker_that_lets_everything_hang_costs_one_thread_more_and_no_second_one(docker: StandinDocker) -> None:
    docker.answers["list"] = standin.drip(CHUNKED + chunk(b" "), 0.02)
    with watching(docker.url, "pihole", pace=replace(FAST, poll=0.2)) as collector:
        wait_for("a reason", lambda: "again and again; restart the socket proxy" in str(said(collector)), timeout=SOON)
        before = threads()
        for _ in range(50):
            assert "again and again" in str(said(collector))
            time.sleep(0.02)
        assert (before, threads()) == (3, 3)
        docker.answers.clear()
        docker.hang_up()
        good(collector, listening)
        wait_for("those that hung to end", lambda: threads() == 2, timeout=SOON)


def test_events_that_do_not_begin_are_told_and_asked_for_anew(docker: StandinDocker) -> None:
    """The docker package waits for the head of this answer without end."""
    docker.answers["events"] = once(standin.hang, docker)
    with watching(docker.url, "pihole", pace=HASTY) as collector:
        good(collector, listening)
        assert len(docker.asked("events")) == 2
        assert threads() == 3


def test_a_stream_that_is_old_is_opened_anew(docker: StandinDocker) -> None:
    with watching(docker.url, "pihole", pace=replace(FAST, oldest_stream=0.3)) as collector:
        good(collector, listening)
        wait_for("a second stream", lambda: len(docker.asked("events")) == 2, timeout=SOON)
        assert listening(good(collector))
        wait_for("one stream", lambda: docker.streams == 1, timeout=SOON)


# Events


def test_what_happens_between_two_looks_is_counted_and_looked_at_at_once(docker: StandinDocker) -> None:
    with watching(docker.url, "pihole", "unbound", pace=Pace(shortest_pause=0.02)) as collector:
        good(collector, listening)
        docker.containers["pihole"] = container("pihole", "exited", ExitCode=137)
        moment = int(NOW * 1e9)
        docker.emit(event("pihole", "kill", moment), event("pihole", "die", moment + 1))
        seen = good(collector, lambda seen: seen["pihole"].state == "exited", timeout=5.0)
        assert happened(seen["pihole"]) == {"kill": 1, "die": 1}
        assert happened(seen["unbound"]) == {}


def test_an_action_that_has_not_happened_is_zero_so_its_first_is_an_increase(docker: StandinDocker) -> None:
    with watching(docker.url, "pihole") as collector:
        seen = good(collector, listening)
    assert seen["pihole"].events == dict.fromkeys(ACTIONS, 0)


def test_what_health_checks_cause_and_lines_that_are_none_do_not_count(docker: StandinDocker) -> None:
    moment = int(NOW * 1e9)
    with watching(docker.url, "pihole") as collector:
        good(collector, listening)
        docker.emit(
            event("pihole", "exec_create: dig", moment),
            b"}{",
            b"",
            b'{"Type":"container","Action":7}',
            event("pihole", "exec_die", moment + 1),
            event("pihole", "health_status: unhealthy", moment + 2),
        )
        seen = good(collector, lambda seen: bool(happened(seen["pihole"])))
    assert happened(seen["pihole"]) == {"health_status_unhealthy": 1}


def test_an_event_in_pieces_is_one_event(docker: StandinDocker) -> None:
    content = json.dumps(event("pihole", "die", int(NOW * 1e9))).encode() + b"\n"

    def answer(line: standin.Line) -> None:
        line.send(CHUNKED)
        for at in range(0, len(content), 100):
            line.send(chunk(content[at : at + 100]))
        line.hang()

    docker.answers["events"] = answer
    with watching(docker.url, "pihole") as collector:
        good(collector, lambda seen: happened(seen["pihole"]) == {"die": 1})


def test_no_event_is_missed_or_counted_twice_while_the_stream_is_opened_anew(docker: StandinDocker) -> None:
    moment = int(NOW * 1e9)
    with watching(docker.url, "pihole") as collector:
        for round_ in range(20):
            wait_for("a stream", lambda: docker.streams == 1)
            docker.emit(event("pihole", "die", moment + round_ * 1000))
            docker.hang_up()
            docker.emit(event("pihole", "start", moment + round_ * 1000 + 500))  # perhaps to nobody
        good(collector, lambda seen: happened(seen["pihole"]) == {"die": 20, "start": 20})
    since = [float(request.query["since"][0]) for request in docker.asked("events")]
    assert since[0] == NOW
    assert all(NOW - 5 < second <= NOW for second in since)


def test_docker_is_asked_for_these_events_alone(docker: StandinDocker) -> None:
    with watching(docker.url, "pihole") as collector:
        good(collector, listening)
    filters = json.loads(docker.asked("events")[0].query["filters"][0])
    assert filters["type"] == ["container"]
    assert {"start", "die", "oom", "health_status"} <= set(filters["event"])
    assert not [action for action in filters["event"] if action.startswith("exec")]


@pytest.mark.parametrize(
    "answer",
    [
        standin.reply({"message": "no"}, "403 Forbidden"),
        standin.raw(CHUNKED + b"0\r\n\r\n"),
        standin.raw(CHUNKED),
        standin.raw(b""),
        standin.raw(b"HTTP/1.1 200 OK\r\n\r\n"),
        standin.hang,
        standin.body(b""),
        standin.hang_after(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"),
        standin.flood(CHUNKED, b"ffffff\r\n" + b"x" * 65536, 100_000_000),
    ],
)
def test_without_events_containers_are_looked_at_more_often_and_no_count_is_given(
    docker: StandinDocker, answer: standin.Answer
) -> None:
    docker.answers["events"] = answer
    with watching(docker.url, "pihole", pace=replace(HASTY, sound_stream=5.0, between_polls=30.0)) as collector:
        good(collector)
        wait_for("looks one after the other", lambda: len(docker.asked("list")) >= 3, timeout=SOON)
        seen = good(collector, lambda seen: not listening(seen))
        assert seen["pihole"].running
        del docker.answers["events"]
        docker.hang_up()  # as a daemon does that was restarted because it hung
        good(collector, listening)


def test_a_container_that_dies_again_and_again_does_not_keep_the_node_busy(docker: StandinDocker) -> None:
    moment = int(NOW * 1e9)
    with watching(docker.url, "pihole", pace=Pace(shortest_pause=0.5)) as collector:
        good(collector, listening)
        before = len(docker.asked("list"))
        docker.emit(*(event("pihole", "die", moment + number) for number in range(500)))
        good(collector, lambda seen: happened(seen["pihole"]) == {"die": 500})
        time.sleep(0.2)
    assert len(docker.asked("list")) - before <= 3


# When Docker goes and comes back


def test_docker_may_vanish_and_return_again_and_again(docker: StandinDocker) -> None:
    moment = int(NOW * 1e9)
    with watching(docker.url, "pihole") as collector:
        for round_ in range(3):
            good(collector, listening)
            docker.emit(event("pihole", "die", moment + round_))
            good(collector, lambda seen, round_=round_: happened(seen["pihole"]) == {"die": round_ + 1})  # type: ignore[misc]
            docker.vanish()
            assert str(docker.url) in reason(collector)
            docker.past.clear()  # a new daemon remembers nothing
            docker.appear()
        good(collector, lambda seen: happened(seen["pihole"]) == {"die": 3})


def test_a_daemon_that_hangs_is_noticed_although_its_stream_of_events_is_open(docker: StandinDocker) -> None:
    with watching(docker.url, "pihole", pace=HASTY) as collector:
        good(collector, listening)
        docker.answers["list"] = docker.answers["events"] = standin.hang
        assert "did not answer within" in reason(collector)
        docker.answers.clear()
        good(collector, listening)


def test_recovery_is_logged_once_and_so_is_failure(docker: StandinDocker, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO), watching(docker.url, "pihole") as collector:
        good(collector, listening)
        docker.answers["list"] = standin.reply({}, "500 Internal Server Error")
        docker.emit(event("pihole", "die", int(NOW * 1e9)))
        reason(collector)
        wait_for("more failures", lambda: len(docker.asked("list")) > 8, timeout=SOON)
        docker.answers.clear()
        good(collector)
    messages = [record.getMessage() for record in caplog.records if "answer" in record.getMessage()]
    assert ["answered 500" in message for message in messages] == [True, False]
    assert "answers again" in messages[1]


@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        ("list", standin.hang),
        ("inspect", standin.drip(CHUNKED, 0.05)),
        ("events", standin.hang),
        ("events", standin.hang_after(CHUNKED)),
        ("events", standin.hang_after(CHUNKED + b"5\r\n{")),
    ],
)
def test_stop_ends_everything_at_once_whatever_docker_is_doing(
    docker: StandinDocker, kind: str, answer: standin.Answer
) -> None:
    docker.answers[kind] = answer
    collectors = watching(docker.url, "pihole", pace=Pace())
    with collectors:
        wait_for("a request", lambda: docker.asked(kind))
        began = time.monotonic()
    assert time.monotonic() - began < 1.0


def test_a_collector_that_never_began_can_be_stopped(docker: StandinDocker) -> None:
    environment = {"NODE_ROLE": "standalone", "NODE_NAME": "a", "NODE_IP": "192.0.2.2", "VIP_ADDRESS": "192.0.2.53"}
    settings = load(None, {**environment, "NETWORK_INTERFACE": "eth0", "DOCKER_HOST": docker.url}, {}, lambda _: ())
    ContainersCollector(settings).stop()


def test_threads_descriptors_and_memory_stay_constant_over_streams_and_polls(docker: StandinDocker) -> None:
    docker.answers["events"] = standin.raw(CHUNKED + chunk(b"{}\n"))
    docker.answers["inspect"] = standin.raw(CHUNKED + b"ffff\r\n[{")
    pace = replace(FAST, after_failure=0.0, shortest_pause=0.0, between_streams=0.0, after_refused_stream=0.0)
    with watching(docker.url, "pihole", pace=pace):
        wait_for(
            "the first ones", lambda: len(docker.asked("events")) > 20 and len(docker.asked("list")) > 20, timeout=30.0
        )
        before, memory = descriptors(), resident_bytes()
        wait_for(
            "many more", lambda: len(docker.asked("events")) > 100 and len(docker.asked("list")) > 100, timeout=60.0
        )
        # Those of the stand-in come and go too.
        assert abs(descriptors() - before) < 12
        assert resident_bytes() - memory < 8 << 20
        assert threads() == 2
