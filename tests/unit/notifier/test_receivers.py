"""A phone can tell a critical message from a mere recovery: by Apprise's type, and by the service's own priority."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from alerts.notifier.changes import Changes
from alerts.notifier.courier import _kind
from alerts.notifier.receivers import Kind, open_receiver
from tests.unit.notifier.posts import alert

WARNING = {"severity": "warning"}


@dataclass
class StandinService:
    """Takes what is posted, and remembers headers and documents."""

    port: int = 0
    headers: list[dict[str, str]] = field(default_factory=list)
    documents: list[dict[str, str]] = field(default_factory=list)


@pytest.fixture
def service() -> Iterator[StandinService]:
    standin = StandinService()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            standin.headers.append(dict(self.headers.items()))
            standin.documents.append(json.loads(body))
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    standin.port = server.server_port
    Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield standin
    server.shutdown()
    server.server_close()


KINDS: tuple[Kind, ...] = ("critical", "warning", "info", "recovered")


def test_apprises_type_follows_the_severity(service: StandinService) -> None:
    receiver = open_receiver(f"json://127.0.0.1:{service.port}", 1)
    for kind in KINDS:
        receiver.deliver("title", "body", kind)
    assert [document["type"] for document in service.documents] == ["failure", "warning", "info", "success"]


def test_ntfys_priority_follows_the_severity(service: StandinService) -> None:
    receiver = open_receiver(f"ntfy://127.0.0.1:{service.port}/topic", 1)
    for kind in KINDS:
        receiver.deliver("title", "body", kind)
    assert [sent.get("X-Priority") for sent in service.headers] == ["max", None, "low", "low"]


def test_a_priority_in_the_url_is_the_owners(service: StandinService) -> None:
    receiver = open_receiver(f"ntfy://127.0.0.1:{service.port}/topic?priority=high", 1)
    for kind in KINDS:
        receiver.deliver("title", "body", kind)
    assert [sent.get("X-Priority") for sent in service.headers] == ["high"] * 4


@pytest.mark.parametrize("url", ["pover://user@token", "gotify://host/token"])
def test_the_greatest_priority_is_that_of_a_critical_message(url: str) -> None:
    receiver = open_receiver(url, 1)
    values = [receiver._priorities[kind] for kind in KINDS]
    assert values == sorted(values, key=int, reverse=True)
    assert len(set(values)) == 3


def test_a_message_is_as_severe_as_its_news() -> None:
    assert _kind(Changes((alert(1), alert(2, labels=WARNING)), (), (), repeat=False)) == "critical"
    assert _kind(Changes((alert(2, labels=WARNING),), (), (alert(1),), repeat=False)) == "warning"
    assert _kind(Changes((alert(2, labels={"severity": "page"}),), (), (), repeat=False)) == "warning"
    assert _kind(Changes((), (alert(2),), (alert(1),), repeat=False)) == "recovered"
    assert _kind(Changes((), (), (alert(1),), repeat=True)) == "critical"
