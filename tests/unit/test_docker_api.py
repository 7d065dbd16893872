"""Docker's API as a source: what is asked, how long it may take, how much it may be, and what is said of the rest."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.model.errors import CollectorError, ExporterError, ParseError
from exporter.parsers.container import EVENTS_WANTED
from exporter.sources.docker_api import DockerApi
from exporter.sources.docker_guard import RefusedError
from tests.lab.waiting import wait_for
from tests.unit import standin_docker_daemon as standin
from tests.unit.standin_docker_daemon import CHUNKED, StandinDocker, chunk, container, event

PIHOLE = standin.identifier("pihole")
NOW = 1_772_370_000.0


@pytest.fixture
def docker(tmp_path: Path) -> Iterator[StandinDocker]:
    with StandinDocker(tmp_path / "docker.sock") as daemon:
        daemon.containers = {"pihole": container("pihole")}
        yield daemon


def listed(url: str, *names: str, seconds: float = 2.0) -> object:
    with DockerApi(url, seconds).session() as session:
        return session.list_containers(names)


def heard(docker: StandinDocker, answer: standin.Answer, *, lines: int = 99, seconds: float = 2.0) -> list[bytes]:
    """What a stream of events gives until it ends or so many lines were read."""
    docker.answers["events"] = answer
    found: list[bytes] = []
    with DockerApi(docker.url, seconds).session() as session:
        stream = session.listen(NOW, EVENTS_WANTED)
        with contextlib.closing(stream):  # type: ignore[type-var]
            while len(found) < lines:
                found.append(next(stream))
    return found


# What is asked


def test_a_list_is_of_all_containers_of_these_very_names(docker: StandinDocker) -> None:
    assert listed(docker.url, "pihole", "dns.sync") == [
        {"Id": PIHOLE, "Names": ["/pihole"], "State": "running"},
    ]
    query = docker.requests[0].query
    assert query["all"] == ["1"]
    assert json.loads(query["filters"][0]) == {"name": ["^/?pihole$", r"^/?dns\.sync$"]}


def test_a_container_is_inspected_by_its_identifier_over_the_same_connection(docker: StandinDocker) -> None:
    with DockerApi(docker.url).session() as session:
        session.list_containers(["pihole"])
        assert session.inspect_container(PIHOLE) == container("pihole")
        assert len(docker.connections) == 1


def test_a_container_that_does_not_exist_is_refused_with_404(docker: StandinDocker) -> None:
    with DockerApi(docker.url).session() as session, pytest.raises(RefusedError) as refused:
        session.inspect_container(standin.identifier("nobody"))
    assert refused.value.status == 404


def test_the_stream_begins_at_a_time_and_is_of_the_wanted_events_of_containers(docker: StandinDocker) -> None:
    assert json.loads(heard(docker, standin.hang_after(CHUNKED + chunk(b'{"a":1}\n')), lines=1)[0]) == {"a": 1}
    query = docker.asked("events")[0].query
    assert float(query["since"][0]) == NOW
    filters = json.loads(query["filters"][0])
    assert filters["type"] == ["container"]
    assert {"start", "die", "oom", "health_status"} <= set(filters["event"])
    assert not [action for action in filters["event"] if action.startswith("exec")]


def test_nothing_is_asked_before_there_is_a_question(docker: StandinDocker) -> None:
    with DockerApi(docker.url).session():
        time.sleep(0.05)
    assert docker.connections == []


@pytest.mark.parametrize(
    ("versions", "asked"),
    [((12, 41), ["1.44", "1.41", "1.41"]), ((24, 45), ["1.44", "1.44"]), ((60, 70), ["1.44", "1.70", "1.70"])],
)
def test_a_version_that_is_refused_is_replaced_by_the_one_that_docker_names_and_that_is_remembered(
    docker: StandinDocker, versions: tuple[int, int], asked: list[str]
) -> None:
    docker.versions = versions
    api = DockerApi(docker.url)
    for _ in range(2):
        with api.session() as session:
            session.list_containers(["pihole"])
    assert [request.path.split("/")[1] for request in docker.requests] == [f"v{version}" for version in asked]


def test_neither_a_proxy_for_the_web_nor_a_netrc_has_a_say(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".netrc").write_text("default login root password secret\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("HTTP_PROXY", "http://192.0.2.99:3128")
    monkeypatch.setenv("http_proxy", "http://192.0.2.99:3128")
    with StandinDocker() as daemon:
        assert listed(daemon.url, "pihole") == []
        assert "authorization" not in daemon.requests[0].headers.lower()


# What comes instead of a good answer


@pytest.mark.parametrize(
    "answer",
    [
        standin.hang,
        standin.hang_after(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n[{"),
        standin.hang_after(CHUNKED + b"ffff\r\n[{"),
        standin.drip(b"HTTP/1.1 200 OK\r\nX-Slow: yes", 0.02),
        standin.drip(CHUNKED + b"1\r\n[\r\n" * 9999, 0.001),
    ],
)
def test_an_answer_that_takes_too_long_is_not_waited_for(docker: StandinDocker, answer: standin.Answer) -> None:
    docker.answers["list"] = answer
    with pytest.raises(
        CollectorError, match=r"did not answer within 0\.1 s; is the socket proxy running, and Docker\?"
    ):
        listed(docker.url, "pihole", seconds=0.1)


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (standin.raw(b""), "closed the connection"),
        (standin.raw(b"SSH-2.0-OpenSSH_9.2\r\n"), "something that is not HTTP"),
        (standin.raw(os.urandom(16).hex().encode() + b"\0\xff\n\n"), "something that is not HTTP"),
        (standin.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n[{"), "broke off in the middle of an answer"),
        (standin.raw(CHUNKED + b"ffff\r\n[{"), "broke off in the middle of an answer"),
        (standin.raw(CHUNKED + b"nonsense\r\n[{\r\n"), "broke off in the middle of an answer"),
        (standin.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n[]"), "not HTTP"),
        (standin.body(b"<html>hello</html>"), "something that is not JSON"),
        (standin.body(b"\xff\xfe\x00[]"), "something that is not JSON"),
        (standin.body(b"[" * 100_000), "something that is not JSON"),
        (standin.body(b"[" + b"9" * 10_000 + b"]"), "something that is not JSON"),
        (standin.body(b""), "something that is not JSON"),
        (standin.body(b"[]", headers="Content-Encoding: gzip\r\n"), "sends compressed answers"),
        (standin.reply({"message": "no"}, "403 Forbidden"), "answered 403 to GET /containers/.*allow GET"),
        (
            standin.reply({"message": "the disk is full"}, "500 Internal Server Error"),
            "answered 500 .*: the disk is full",
        ),
        (standin.reply(["?"], "503 Service Unavailable"), "answered 503 to GET /containers/.*json$"),
        (standin.body(b"x" * 5000, "502 Bad Gateway"), "answered 502 to GET /containers/.*json$"),
        (standin.reply({}, "302 Found", "Location: http://192.0.2.1/\r\n"), "answered 302"),
        (
            standin.reply({}, "400 Bad Request"),
            "it speaks version 1.51, not 1.51|answered 400 to GET /containers/json$",
        ),
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


def test_the_answers_of_one_look_share_its_time(docker: StandinDocker) -> None:
    def slow(line: standin.Line) -> None:
        line.pause(0.06)
        standin.reply(container("pihole"))(line)

    docker.answers["inspect"] = slow
    with DockerApi(docker.url, request_seconds=0.2).session(seconds=0.2) as session:
        session.inspect_container(PIHOLE)
        session.inspect_container(PIHOLE)
        with pytest.raises(CollectorError, match="did not answer"):
            list(map(session.inspect_container, [PIHOLE] * 10))
    assert 2 <= len(docker.asked("inspect")) <= 4


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5f5e100\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffff\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",  # the length of a chunk, without end
        b"HTTP/1.1 500 Internal Server Error\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX-Long: ",
    ],
)
@pytest.mark.parametrize("kind", ["list", "events"])
def test_an_answer_without_end_is_left_after_a_megabyte_or_so(docker: StandinDocker, head: bytes, kind: str) -> None:
    endless = standin.flood(head, b"1" * 65536, 100_000_000)
    docker.answers[kind] = endless
    with pytest.raises(
        CollectorError, match=r"sends more than any answer|broke off|not HTTP|does not stream|answered 500"
    ):
        _ = listed(docker.url, "pihole") if kind == "list" else heard(docker, endless)
    docker.vanish()
    assert docker.bytes_sent < 8e6  # what sockets hold comes on top


# Who does not even take the question


def test_a_daemon_that_takes_no_connections_is_said_to_hang(tmp_path: Path) -> None:
    path = tmp_path / "docker.sock"
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as first:
        listener.bind(str(path))
        listener.listen(0)
        first.connect(str(path))  # the queue is full now
        with pytest.raises(CollectorError, match="accepts no more connections, it hangs"):
            listed(f"unix://{path}")


def test_a_host_that_does_not_answer_a_tcp_connection_is_not_waited_for() -> None:
    with socket.socket() as listener, socket.socket() as first:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        first.connect(listener.getsockname())  # the queue is full now, and the kernel drops what comes
        with pytest.raises(CollectorError, match=r"did not answer within 0\.1 s"):
            listed(f"tcp://127.0.0.1:{listener.getsockname()[1]}", seconds=0.1)


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
    with pytest.raises(CollectorError, match="does not resolve: Name or service not known"):
        listed("tcp://docker-proxy:2375")


def test_every_address_of_a_name_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    with StandinDocker() as daemon:
        port = int(daemon.url.rpartition(":")[2])

        def resolve(*_: object, **__: object) -> list[object]:
            return [
                (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", 1, 0, 0)),
                (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)),
            ]

        monkeypatch.setattr(socket, "getaddrinfo", resolve)
        assert listed(f"tcp://docker-proxy:{port}") == []


# The stream


def test_an_event_in_pieces_is_one_line_and_blank_lines_are_none(docker: StandinDocker) -> None:
    content = json.dumps(event("pihole", "die", int(NOW * 1e9))).encode()
    data = b"\n" + content + b"\n\r\n" + content + b"\n"
    pieces = b"".join(chunk(data[at : at + 100]) for at in range(0, len(data), 100))
    assert heard(docker, standin.hang_after(CHUNKED + pieces), lines=2) == [content, content]


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (standin.raw(CHUNKED + b"0\r\n\r\n"), "ended its stream of events"),
        (standin.raw(CHUNKED), "broke off in the middle"),
        (standin.raw(CHUNKED + b"ffff\r\n{"), "broke off in the middle"),
        (standin.body(b"{}\n"), "does not stream events; is there a proxy"),
        (standin.hang_after(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"), "does not stream events"),
        (standin.reply({}, "403 Forbidden"), "answered 403 to GET /events"),
    ],
)
def test_a_stream_that_cannot_be_had_is_told(docker: StandinDocker, answer: standin.Answer, complaint: str) -> None:
    with pytest.raises(CollectorError, match=complaint):
        heard(docker, answer)


@pytest.mark.parametrize(
    "answer",
    [
        standin.hang_after(CHUNKED + chunk(b"{}\n")),
        standin.hang_after(CHUNKED + chunk(b"{}\n") + b"ffff\r\n{"),
        standin.drip(CHUNKED + chunk(b"{}\n") + chunk(b"{") * 9999, 0.0001),
    ],
)
def test_a_stream_without_lines_ends_without_complaint_before_long(
    docker: StandinDocker, monkeypatch: pytest.MonkeyPatch, answer: standin.Answer
) -> None:
    monkeypatch.setattr("exporter.sources.docker_api.SILENT_SECONDS", 0.2)
    with pytest.raises(StopIteration):
        heard(docker, answer)


@pytest.mark.parametrize("answer", [standin.hang, standin.drip(b"HTTP/1.1 200 OK\r\nX-Slow: yes", 0.02)])
def test_a_stream_that_does_not_begin_is_not_waited_for(docker: StandinDocker, answer: standin.Answer) -> None:
    with pytest.raises(CollectorError, match="did not answer within"):
        heard(docker, answer, seconds=0.1)


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


def test_closing_ends_what_waits_and_allows_nothing_new(docker: StandinDocker) -> None:
    api = DockerApi(docker.url)
    ended: list[str] = []

    def listen() -> None:
        try:
            with api.session() as session:
                list(session.listen(NOW, EVENTS_WANTED))
        except CollectorError as error:
            ended.append(str(error))

    thread = threading.Thread(target=listen)
    thread.start()
    wait_for("a stream", lambda: docker.streams)
    api.close()
    thread.join(2.0)
    assert len(ended) == 1
    with pytest.raises(CollectorError, match="is not asked any more"):
        api.session()


def test_a_session_leaves_nothing_open_whatever_was_answered(docker: StandinDocker) -> None:
    def descriptors() -> set[str]:
        return {path.name for path in Path("/proc/self/fd").iterdir()}

    docker.vanish()
    before = len(descriptors())
    for answer in (standin.raw(CHUNKED), standin.reply([]), standin.raw(b"?\r\n"), standin.reply({}, "500 No")):
        docker.appear()
        docker.answers["list"] = answer
        for _ in range(20):
            with contextlib.suppress(CollectorError, ParseError):
                listed(docker.url, "pihole")
        docker.vanish()
    assert len(descriptors()) == before
