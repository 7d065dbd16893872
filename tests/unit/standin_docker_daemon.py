"""A stand-in for dockerd: over a UNIX socket or TCP it answers as Docker does, or misbehaves as told.

Its answers are written by hand, so that the code under test never judges itself.
"""

from __future__ import annotations

import contextlib
import json
import select
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

STARTED = "2026-03-01T12:00:00.123456789Z"
STARTED_AT = 1772366400.123456789
SECRET = "correct horse battery staple"


def identifier(name: str) -> str:
    """A container's identifier, made of its name."""
    return name.encode().hex().rjust(64, "0")


def container(name: str, status: str = "running", **state: Any) -> dict[str, Any]:
    """What Docker answers to the inspection of a container."""
    return {
        "Id": identifier(name),
        "Name": f"/{name}",
        "RestartCount": 0,
        "State": {"Status": status, "OOMKilled": False, "ExitCode": 0, "StartedAt": STARTED, **state},
        "Config": {"Env": [f"PASSWORD={SECRET}"], "Labels": {"secret": SECRET}},
    }


def event(name: str, action: str, nanoseconds: int, **more: Any) -> dict[str, Any]:
    """One event as Docker sends it."""
    attributes = {"name": name, "image": "pihole/pihole:2026.01.0", "secret": SECRET, **more}
    return {
        "status": action,
        "id": identifier(name),
        "Type": "container",
        "Action": action,
        "Actor": {"ID": identifier(name), "Attributes": attributes},
        "scope": "local",
        "time": nanoseconds // 10**9,
        "timeNano": nanoseconds,
    }


@dataclass(frozen=True)
class Request:
    """What was asked."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: str

    @property
    def kind(self) -> str:
        """What the path is about: list, inspect, events or something that nobody should ask."""
        if self.path == "/version":
            return "version"
        parts = self.path.split("/")[2:]
        if parts == ["events"]:
            return "events"
        if parts == ["containers", "json"]:
            return "list"
        return "inspect" if len(parts) == 3 and parts[0] == "containers" and parts[2] == "json" else "other"


class Line:
    """One connection, as the stand-in has it."""

    def __init__(self, connection: socket.socket, gone: threading.Event) -> None:
        self.socket = connection
        self.gone = gone
        self.sent = 0

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)
        self.sent += len(data)

    def pause(self, seconds: float) -> None:
        """Wait; less if the stand-in is to end."""
        self.gone.wait(seconds)

    def hang(self) -> None:
        """Do nothing until the other side has enough."""
        while not self.gone.is_set():
            ready, _, _ = select.select([self.socket], [], [], 0.02)
            if ready and not self.socket.recv(4096):
                return


Answer = Callable[[Line], None]


def raw(data: bytes) -> Answer:
    """Send these bytes and close the connection."""

    def answer(line: Line) -> None:
        line.send(data)
        raise ConnectionAbortedError

    return answer


def reply(document: object, status: str = "200 OK", headers: str = "") -> Answer:
    """Answer with a JSON document."""
    return body(json.dumps(document).encode(), status, f"Content-Type: application/json\r\n{headers}")


def body(content: bytes, status: str = "200 OK", headers: str = "") -> Answer:
    """Answer with any content."""
    head = f"HTTP/1.1 {status}\r\nApi-Version: 1.51\r\n{headers}Content-Length: {len(content)}\r\n\r\n"
    return lambda line: line.send(head.encode() + content)


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"


def hang(line: Line) -> None:
    """Take the request and never answer."""
    line.hang()


def hang_after(data: bytes) -> Answer:
    """Send these bytes and then nothing."""

    def answer(line: Line) -> None:
        line.send(data)
        line.hang()

    return answer


def drip(data: bytes, each: float) -> Answer:
    """Send these bytes one by one, again and again."""

    def answer(line: Line) -> None:
        while not line.gone.is_set():
            for byte in data:
                line.send(bytes([byte]))
                line.pause(each)

    return answer


def flood(head: bytes, block: bytes, size: int) -> Answer:
    """Send a head, and then a block again and again until so many bytes were sent."""

    def answer(line: Line) -> None:
        line.send(head)
        while line.sent < size and not line.gone.is_set():
            line.send(block)
        raise ConnectionAbortedError

    return answer


class StandinDocker:
    """A daemon with the containers in ``containers`` that answers to a kind of request as ``answers`` says."""

    def __init__(self, address: Path | None = None) -> None:
        self._path = address
        self._port = 0
        self.containers: dict[str, dict[str, Any]] = {}
        self.answers: dict[str, Answer] = {}
        self.accepts = True
        self.versions = (24, 51)  # 1.24 to 1.51
        self.past: list[dict[str, Any]] = []  # events that are repeated when asked for
        self.requests: list[Request] = []
        self.connections: list[Line] = []  # all there ever were
        self.bytes_sent = 0
        self._lines: set[Line] = set()
        self._streams: set[Line] = set()
        self._lock = threading.Lock()
        self._gone = threading.Event()
        self._listener: socket.socket | None = None
        self._threads: list[threading.Thread] = []

    @property
    def url(self) -> str:
        return f"unix://{self._path}" if self._path else f"tcp://127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        self.appear()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.vanish()

    def appear(self) -> None:
        """Begin to listen."""
        self._gone = threading.Event()
        if self._path:
            listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            listener.bind(str(self._path))
        else:
            listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("127.0.0.1", self._port))
            self._port = listener.getsockname()[1]
        listener.listen(16)
        self._listener = listener
        self._spawn(self._accept, listener, self._gone)

    def vanish(self) -> None:
        """Close everything and remove the socket."""
        self._gone.set()
        self.hang_up()
        if self._listener is not None:
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5.0)
        self._threads.clear()
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        if self._path:
            self._path.unlink(missing_ok=True)

    def hang_up(self) -> None:
        """Close every connection, as a proxy does that restarts."""
        with self._lock:
            lines = list(self._lines)
        for line in lines:
            with contextlib.suppress(OSError):
                line.socket.shutdown(socket.SHUT_RDWR)

    @property
    def streams(self) -> int:
        """How many streams of events are open."""
        with self._lock:
            return len(self._streams)

    def emit(self, *events: dict[str, Any] | bytes) -> None:
        """Send events, or lines that are none, to everyone who listens."""
        with self._lock:
            for one in events:
                line = one if isinstance(one, bytes) else json.dumps(one).encode()
                if isinstance(one, dict):
                    self.past.append(one)
                for stream in self._streams:
                    with contextlib.suppress(OSError):
                        stream.send(chunk(line + b"\n"))

    def asked(self, kind: str) -> list[Request]:
        """The requests of one kind."""
        return [request for request in self.requests if request.kind == kind]

    def _spawn(self, work: Callable[..., None], *arguments: Any) -> None:
        thread = threading.Thread(target=work, args=arguments, name="stand-in", daemon=True)
        self._threads = [*filter(threading.Thread.is_alive, self._threads), thread]
        thread.start()

    def _accept(self, listener: socket.socket, gone: threading.Event) -> None:
        while not gone.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            self._spawn(self._serve, Line(connection, gone))

    def _serve(self, line: Line) -> None:
        with self._lock:
            self._lines.add(line)
            self.connections.append(line)
        try:
            with line.socket, line.socket.makefile("rb") as reader:
                if not self.accepts:
                    line.hang()
                    return
                for request in _requests(reader):
                    self.requests.append(request)
                    self._answer(request, line)
                    if line.gone.is_set():
                        return
        except OSError:
            pass
        finally:
            with self._lock:
                self._lines.discard(line)
                self.bytes_sent += line.sent

    def _answer(self, request: Request, line: Line) -> None:
        kind = request.kind
        lowest, highest = self.versions
        if kind == "version":
            answer = self.answers.get(kind, reply({"ApiVersion": f"1.{highest}", "MinAPIVersion": f"1.{lowest}"}))
            answer(line)
            return
        version = int(request.path.split("/")[1].removeprefix("v1."))
        if not lowest <= version <= highest:
            far = f"new. Maximum supported API version is 1.{highest}"
            if version < lowest:
                far = f"old. Minimum supported API version is 1.{lowest}, please upgrade your client"
            message = {"message": f"client version 1.{version} is too {far}"}
            content = json.dumps(message)
            head = f"HTTP/1.1 400 Bad Request\r\nApi-Version: 1.{highest}\r\nContent-Length: {len(content)}\r\n\r\n"
            line.send(f"{head}{content}".encode())
        elif kind in self.answers:
            self.answers[kind](line)
        elif kind == "list":
            containers = list(self.containers.items())
            reply([{"Id": identifier(name), "Names": [f"/{name}"], "State": "running"} for name, _ in containers])(line)
        elif kind == "inspect":
            wanted = request.path.split("/")[3]
            found = [container for name, container in self.containers.items() if identifier(name) == wanted]
            (reply(found[0]) if found else reply({"message": "No such container"}, "404 Not Found"))(line)
        elif kind == "events":
            self._stream(request, line)
        else:
            reply({"message": "forbidden"}, "403 Forbidden")(line)

    def _stream(self, request: Request, line: Line) -> None:
        since = float(request.query["since"][0]) * 10**9
        with self._lock:
            line.send(CHUNKED)
            for one in self.past:
                if one["timeNano"] >= since:
                    line.send(chunk(json.dumps(one).encode() + b"\n"))
            self._streams.add(line)
        try:
            line.hang()
        finally:
            with self._lock:
                self._streams.discard(line)


def _requests(reader: Any) -> Iterator[Request]:
    while first := reader.readline():
        headers = "".join(header.decode() for header in iter(reader.readline, b"\r\n"))
        method, target, _ = first.decode().split()
        parts = urlsplit(target)
        yield Request(method, unquote(parts.path), parse_qs(parts.query), headers)
