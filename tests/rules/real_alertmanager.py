"""A real Alertmanager with the shipped configuration, and a recorder in the notifier's place."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

from tests.rules.tools import ALERTS, tool

CONFIGURATION: Final = ALERTS / "alertmanager" / "alertmanager.yaml"
NOTIFIER: Final = "127.0.0.1:9754"

Labels = dict[str, str]


def wait_for(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


class Recorder:
    """Keeps what Alertmanager posts: the path and the message."""

    def __init__(self) -> None:
        self.posts: list[tuple[str, dict[str, Any]]] = []
        posts = self.posts

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                posts.append((self.path, message))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def messages(self, path: str) -> list[dict[str, Any]]:
        return [message for posted_to, message in self.posts if posted_to == path]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Alertmanager:
    """Speaks to one running Alertmanager."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._url = f"http://{address}/api/v2/alerts"
        self._starts: dict[tuple[frozenset[tuple[str, str]], float], datetime] = {}
        self._ends: dict[tuple[frozenset[tuple[str, str]], float], datetime] = {}

    def is_up(self) -> bool:
        try:
            self.alerts()
        except OSError:
            return False
        return True

    def send(
        self,
        alerts: list[Labels],
        *,
        resolved: bool = False,
        annotations: Labels | None = None,
        ahead: float = 0.0,
        age: float = 0.0,
    ) -> None:
        """Send alerts as a Prometheus does whose clock is so many seconds ahead, which began ``age`` seconds ago."""
        now = datetime.now(UTC) + timedelta(seconds=ahead)
        texts = annotations or {}
        body = []
        for labels in alerts:
            alert = (frozenset(labels.items()), ahead)
            # As Prometheus: always the same, from the first time on. Alertmanager would take the end for it.
            starts = self._starts.setdefault(alert, now - timedelta(seconds=age))
            ends = self._ends.setdefault(alert, now) if resolved else now + timedelta(minutes=10)
            times = {"startsAt": starts.isoformat(), "endsAt": ends.isoformat()}
            body.append({"labels": labels, "annotations": texts, **times})
        request = urllib.request.Request(
            self._url, json.dumps(body).encode(), {"Content-Type": "application/json"}, method="POST"
        )
        urllib.request.urlopen(request, timeout=5).close()

    def alerts(self) -> list[dict[str, Any]]:
        with urllib.request.urlopen(self._url, timeout=5) as answer:
            found: list[dict[str, Any]] = json.load(answer)
        return found


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


@contextmanager
def alertmanager_for(notifier: str, directory: Path, *options: str, intervals: str = "5s") -> Iterator[Alertmanager]:
    """Alertmanager with the shipped configuration that tells the notifier at another address; not clustered."""
    binary = tool("prometheus-alertmanager")
    configuration = directory / "alertmanager.yaml"
    text = CONFIGURATION.read_text().replace(NOTIFIER, notifier)
    configuration.write_text(re.sub(r"(group_wait|group_interval): 5s", rf"\1: {intervals}", text))
    address = f"127.0.0.1:{free_port()}"
    with (directory / "log").open("ab") as log:
        process = subprocess.Popen(
            [
                binary,
                f"--config.file={configuration}",
                f"--storage.path={directory / 'data'}",
                f"--web.listen-address={address}",
                *(options or ["--cluster.listen-address="]),
            ],
            stdout=log,
            stderr=log,
        )
    try:
        alertmanager = Alertmanager(address)
        assert wait_for(alertmanager.is_up, 15), (directory / "log").read_text()
        yield alertmanager
    finally:
        process.terminate()
        process.wait(10)


@contextmanager
def running_alertmanager(directory: Path) -> Iterator[tuple[Alertmanager, Recorder]]:
    recorder = Recorder()
    try:
        with alertmanager_for(recorder.address, directory) as alertmanager:
            yield alertmanager, recorder
    finally:
        recorder.close()
