"""An application whose collectors are stand-ins: they see what they are given."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from exporter.app import Application
from exporter.engine.runner import Runner
from exporter.http.server import HttpServer
from exporter.model.errors import NotReadyError
from exporter.model.observations import CollectorResult, NodeIdentity, NodeStatus, Observation
from exporter.routes import routes
from exporter.settings.values import Settings
from tests.unit import samples


class StandinCollector:
    """Gives what it is given; None is nothing yet."""

    def __init__(self, result: CollectorResult) -> None:
        self.name = result.collector
        self._result = result

    def start(self) -> None:
        pass

    def collect(self) -> Observation:
        if self._result.observation is None:
            raise NotReadyError(self._result.error or "not yet")
        return self._result.observation

    def stop(self) -> None:
        pass


def application(status: NodeStatus, name: str = "alpha", **settings: Any) -> Application:
    """An application of this name that sees this status."""
    made = Application(samples.settings(node_name=name, **settings))
    identity = NodeIdentity(name, "primary", samples.ALPHA, "0.1.0")
    made.runner = Runner(identity, [StandinCollector(result) for result in status.results], clock=lambda: samples.NOW)
    return made


@contextmanager
def running_exporter(status: NodeStatus, name: str = "alpha") -> Iterator[int]:
    """An exporter that serves this status on a port of loopback."""
    server = HttpServer("127.0.0.1", 0, routes(application(status, name)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


Factory = Callable[..., Application]


def factory(status: NodeStatus) -> Factory:
    """Stand in for ``Application`` where a snapshot of its own is made."""

    def make(settings: Settings, *, persistent: bool = True, only: tuple[str, ...] = ()) -> Application:
        assert not persistent  # a snapshot of its own leaves the saved counters alone
        wanted = [result for result in status.results if not only or result.collector in only]
        return application(NodeStatus(status.node, status.time, tuple(wanted)), settings.node_name)

    return make
