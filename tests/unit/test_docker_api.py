"""Docker's API as a source: what is asked of the docker package, and what is said of a bad answer."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.model.errors import ApiRefusedError, CollectorError, ExporterError
from exporter.parsers.container import EVENTS_WANTED
from exporter.sources import docker_api
from tests.lab.waiting import wait_for
from tests.unit import standin_docker_daemon as standin
from tests.unit.standin_docker_daemon import CHUNKED, StandinDocker, chunk, container, event

# The docker package leaves a socket that could not connect to the garbage collector, which closes it.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")

PIHOLE = standin.identifier("pihole")
NOW = 1_772_370_000.0


@pytest.fixture(scope="module", autouse=True)
def no_socket_is_left_to_other_tests() -> Iterator[None]:
    yield
    gc.collect()


@pytest.fixture
def docker(tmp_path: Path) -> Iterator[StandinDocker]:
    with StandinDocker(tmp_path / "docker.sock") as daemon:
        daemon.containers = {"pihole": container("pihole")}
        yield daemon


def listed(url: str, *names: str, seconds: float = 5.0) -> object:
    with docker_api.connect(url, seconds) as client:
        return docker_api.list_containers(client, names)


def heard(docker: StandinDocker, answer: standin.Answer, *, lines: int = 99, seconds: float = 5.0) -> list[bytes]:
    """What a stream of events gives until it ends or so many lines were read."""
    docker.answers["events"] = answer
    found: list[bytes] = []
    with (
        docker_api.connect(docker.url, seconds) as client,
        docker_api.open_events(client, NOW, EVENTS_WANTED) as stream,
    ):
        for line in docker_api.lines(docker.url, stream):
            found.append(line)
            if len(found) == lines:
                break
    return found


# What is asked


def test_a_list_is_of_all_containers_of_these_very_names(docker: StandinDocker) -> None:
    assert listed(docker.url, "pihole", "dns.sync") == [
        {"Id": PIHOLE, "Names": ["/pihole"], "State": "running"},
    ]
    query = docker.asked("list")[0].query
    assert query["all"] == ["1"]
    assert json.loads(query["filters"][0]) == {"name": ["^/?pihole$", r"^/?dns\.sync$"]}


def test_the_stream_begins_at_a_time_and_is_of_the_wanted_events_of_containers(docker: StandinDocker) -> None:
    assert json.loads(heard(docker, standin.hang_after(CHUNKED + chunk(b'{"a":1}\n')), lines=1)[0]) == {"a": 1}
    query = docker.asked("events")[0].query
    assert float(query["since"][0]) == NOW
    filters = json.loads(query["filters"][0])
    assert filters["type"] == ["container"]
    assert {"start", "die", "oom", "health_status"} <= set(filters["event"])
    assert not [action for action in filters["event"] if action.startswith("exec")]


def test_a_container_that_does_not_exist_is_refused_with_404(docker: StandinDocker) -> None:
    with pytest.raises(ApiRefusedError) as refused, docker_api.connect(docker.url, 5.0) as client:
        client.inspect_container(standin.identifier("nobody"))
    assert refused.value.status == 404


@pytest.mark.parametrize("versions", [(12, 41), (24, 45), (60, 70)])
def test_docker_is_asked_in_the_version_that_it_speaks(docker: StandinDocker, versions: tuple[int, int]) -> None:
    docker.versions = versions
    listed(docker.url, "pihole")
    assert [request.path for request in docker.requests] == ["/version", f"/v1.{versions[1]}/containers/json"]


# What comes instead of a good answer


@pytest.mark.parametrize(
    "answer",
    [
        standin.hang,
        standin.hang_after(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n[{"),
        standin.hang_after(CHUNKED + b"ffff\r\n[{"),
    ],
)
@pytest.mark.parametrize("kind", ["version", "list"])
def test_an_answer_that_stops_is_not_waited_for(docker: StandinDocker, kind: str, answer: standin.Answer) -> None:
    docker.answers[kind] = answer
    with pytest.raises(
        CollectorError, match=r"did not answer within 0\.5 s; is the socket proxy running, and Docker\?"
    ):
        listed(docker.url, "pihole", seconds=0.5)


def test_an_answer_that_says_that_it_is_long_is_not_read(docker: StandinDocker) -> None:
    docker.answers["list"] = standin.flood(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n", b"1" * 65536, 10**8)
    with pytest.raises(CollectorError, match="sends more than any answer of Docker's is long"):
        listed(docker.url, "pihole")
    docker.vanish()
    assert docker.bytes_sent < 8e6  # what sockets hold comes on top


def test_an_event_without_end_is_left_after_a_megabyte_or_so(docker: StandinDocker) -> None:
    endless = standin.flood(CHUNKED, chunk(b"1" * 65536), 10**8)
    with pytest.raises(CollectorError, match="sends more than any answer of Docker's is long"):
        heard(docker, endless)
    docker.vanish()
    assert docker.bytes_sent < 8e6


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (standin.raw(b""), "closed the connection"),
        (standin.raw(b"SSH-2.0-OpenSSH_9.2\r\n"), "something that is not HTTP"),
        (standin.raw(os.urandom(16).hex().encode() + b"\0\xff\n\n"), "something that is not HTTP"),
        (standin.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n[{"), "broke off in the middle of an answer"),
        (standin.raw(CHUNKED + b"ffff\r\n[{"), "broke off in the middle of an answer"),
        (standin.raw(CHUNKED + b"nonsense\r\n[{\r\n"), "broke off in the middle of an answer"),
        (standin.raw(b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n["), "something that is not JSON"),
        (standin.body(b"<html>hello</html>"), "something that is not JSON"),
        (standin.body(b"\xff\xfe\x00[]"), "something that is not JSON"),
        (standin.body(b"[" * 100_000), "something that is not JSON"),
        (standin.body(b"[" + b"9" * 10_000 + b"]"), "something that is not JSON"),
        (standin.body(b""), "something that is not JSON"),
        (standin.body(b"[]", headers="Content-Encoding: gzip\r\n"), "something that is not HTTP"),
        (standin.reply({"message": "no"}, "403 Forbidden"), "answered 403 to GET /containers/.*allow GET"),
        (
            standin.reply({"message": "the disk is full"}, "500 Internal Server Error"),
            "answered 500 .*: the disk is full",
        ),
        (standin.reply(["?"], "503 Service Unavailable"), "answered 503 to GET /containers/.*json$"),
        (standin.body(b"x" * 5000, "502 Bad Gateway"), "answered 502 to GET /containers/.*json$"),
        (standin.reply({}, "302 Found", "Location: http://192.0.2.1/\r\n"), "answered 302"),
        (standin.reply({}, "400 Bad Request"), "answered 400 to GET /containers/json$"),
        (standin.reply({}, "204 No Content"), "answered 204"),
    ],
)
def test_a_bad_answer_is_told_in_a_sentence(docker: StandinDocker, answer: standin.Answer, complaint: str) -> None:
    docker.answers["list"] = answer
    with pytest.raises(ExporterError, match=complaint) as raised:
        listed(docker.url, "pihole")
    assert str(raised.value).startswith(f"Docker's API at {docker.url} ")
    assert len(str(raised.value)) < 300 + len(docker.url)
    assert str(raised.value).isprintable()


# Who does not even take the question


def test_a_daemon_that_takes_no_connections_is_said_to_hang(tmp_path: Path) -> None:
    path = tmp_path / "docker.sock"
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as first:
        listener.bind(str(path))
        listener.listen(0)
        first.connect(str(path))  # the queue is full now
        with pytest.raises(CollectorError, match="accepts no more connections, it hangs"):
            listed(f"unix://{path}")


def test_a_socket_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        CollectorError, match=rf"{tmp_path}/docker\.sock is not there: no such file; is the socket proxy"
    ):
        listed(f"unix://{tmp_path}/docker.sock")


def test_a_socket_that_nobody_listens_to_is_named(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(tmp_path / "docker.sock"))
    with pytest.raises(CollectorError, match="refuses connections, nobody listens"):
        listed(f"unix://{tmp_path}/docker.sock")


def test_a_socket_that_may_not_be_used_is_named(docker: StandinDocker, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: object, __: object) -> None:  # a stand-in for the kernel, which refuses root nothing
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    with pytest.raises(CollectorError, match="permission denied; is the socket's group one of the exporter's"):
        listed(docker.url)


def test_a_path_that_is_too_long_for_a_socket_is_told(tmp_path: Path) -> None:
    with pytest.raises(CollectorError, match="path too long"):
        listed(f"unix://{tmp_path}/{'x' * 200}")


def test_a_name_that_does_not_resolve_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> list[object]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(CollectorError, match="cannot be found, its name does not resolve"):
        listed("tcp://docker-proxy:2375")


# The stream


def test_an_event_in_pieces_is_one_line_and_blank_lines_are_none(docker: StandinDocker) -> None:
    content = json.dumps(event("pihole", "die", int(NOW * 1e9))).encode()
    data = b"\n" + content + b"\n\r\n" + content + b"\n"
    pieces = b"".join(chunk(data[at : at + 100]) for at in range(0, len(data), 100))
    assert heard(docker, standin.hang_after(CHUNKED + pieces), lines=2) == [content, content]


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (standin.body(b"{}\n"), "does not stream events; is there a proxy"),
        (standin.hang_after(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"), "does not stream events"),
        (standin.reply({}, "403 Forbidden"), "answered 403 to GET /events"),
    ],
)
def test_a_stream_that_cannot_be_had_is_told(docker: StandinDocker, answer: standin.Answer, complaint: str) -> None:
    with pytest.raises(CollectorError, match=complaint):
        heard(docker, answer)


def test_a_stream_may_go_on_longer_and_be_longer_than_any_answer(docker: StandinDocker) -> None:
    line = b"x" * 1000 + b"\n"

    def answer(its: standin.Line) -> None:
        its.send(CHUNKED)
        for _ in range(3000):
            its.send(chunk(line))
        its.pause(0.3)
        its.send(chunk(b"{}\n"))
        its.hang()

    assert heard(docker, answer, lines=3001)[-1] == b"{}"


@pytest.mark.parametrize("end", [b"0\r\n\r\n", b"", b"ffff\r\n{", b"nonsense\r\n"])
def test_a_stream_that_breaks_gives_what_came_before(docker: StandinDocker, end: bytes) -> None:
    assert heard(docker, standin.raw(CHUNKED + chunk(b"{}\n") + end)) == [b"{}"]


def test_a_version_that_may_not_be_asked_for_is_told_with_what_to_allow(docker: StandinDocker) -> None:
    docker.answers["version"] = standin.reply({"message": "no"}, "403 Forbidden")
    with pytest.raises(
        ApiRefusedError, match="answered 403 to GET /version; let the socket proxy allow GET on the version"
    ):
        listed(docker.url, "pihole")


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (standin.body(b"<html>hello</html>"), "sent something that is not JSON"),
        (standin.reply({}), "cannot be asked: Invalid response from docker daemon"),
        (standin.reply([]), "cannot be asked: "),
        (standin.reply({"message": "the disk is full"}, "500 No"), "answered 500 to GET /version: the disk is full"),
        (standin.raw(b"SSH-2.0-OpenSSH_9.2\r\n"), "something that is not HTTP"),
    ],
)
def test_a_bad_version_is_told_in_a_sentence(docker: StandinDocker, answer: standin.Answer, complaint: str) -> None:
    docker.answers["version"] = answer
    with pytest.raises(ExporterError, match=rf"Docker's API at {docker.url} .*{complaint}"):
        listed(docker.url, "pihole")


def test_closing_a_stream_ends_whoever_reads_it(docker: StandinDocker) -> None:
    ended = threading.Event()
    with (
        docker_api.connect(docker.url, 5.0) as client,
        docker_api.open_events(client, NOW, EVENTS_WANTED) as stream,
    ):

        def read() -> None:
            list(docker_api.lines(docker.url, stream))
            ended.set()

        thread = threading.Thread(target=read)
        thread.start()
        wait_for("a stream", lambda: docker.streams)
        docker_api.close(stream)
        thread.join(5.0)
        docker_api.close(stream)  # a second time is no harm
    assert ended.is_set()


def test_nothing_is_left_open_whatever_was_answered(docker: StandinDocker) -> None:
    def descriptors() -> int:
        gc.collect()
        return len(list(Path("/proc/self/fd").iterdir()))

    docker.vanish()
    before = descriptors()
    for answer in (standin.raw(CHUNKED), standin.reply([]), standin.raw(b"?\r\n"), standin.reply({}, "500 No")):
        docker.appear()
        docker.answers["list"] = answer
        for _ in range(10):
            with contextlib.suppress(ExporterError):
                listed(docker.url, "pihole")
        docker.vanish()
    assert descriptors() == before
