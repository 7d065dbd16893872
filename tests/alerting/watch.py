"""Everything between an exporter and a phone, on the lab: what watches and tells, on both nodes as it is shipped.

Prometheus, Alertmanager and node_exporter are Debian's, the notifier is ours. The phone stands on the client: a
stand-in of signal-cli-rest-api that writes down what it is given.
"""

from __future__ import annotations

import http.client
import json
import os
import shutil
import sys
import tempfile
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from tests.alerting import configuration
from tests.alerting.configuration import ALERTMANAGER_PORT, NODE_EXPORTER_PORT, NOTIFIER_PORT, PROMETHEUS_PORT
from tests.alerting.phone import Phone
from tests.lab.errors import NoAnswerError
from tests.lab.fixtures import require_lab
from tests.lab.host import Host
from tests.lab.http_get import get
from tests.lab.lab import Lab
from tests.lab.plan import CLIENT, Place, peer_of
from tests.lab.service import Daemon
from tests.lab.waiting import wait_for

PHONE_PORT: Final = 8080
WATCHING: Final = ("node_exporter", "notifier", "alertmanager", "prometheus")
"""The daemons that are added to each node, in the order in which they start."""

_WATCHDOG: Final = "DnsHaWatchdog"
_READY_SECONDS: Final = 90.0  # rates need two scrapes, and a cluster a while to settle


class Watched:
    """A lab whose nodes are watched, and the phone that is told."""

    def __init__(self, lab: Lab, phone: Phone) -> None:
        self.lab = lab
        self.phone = phone

    def query(self, node: str, expression: str) -> list[tuple[dict[str, str], float]]:
        """Ask a node's Prometheus; return labels and value of every series.

        Raises:
            NoAnswerError: it gave no answer; fit for ``wait_for``.
        """
        found = self._ask(node, PROMETHEUS_PORT, f"/api/v1/query?query={urllib.parse.quote(expression)}")
        return [(row["metric"], float(row["value"][1])) for row in found["data"]["result"]]

    def firing(self, node: str) -> frozenset[str]:
        """The alerts that a node's Prometheus fires now, without the watchdog."""
        expression = f'ALERTS{{alertstate="firing",alertname!="{_WATCHDOG}"}}'
        return frozenset(labels["alertname"] for labels, _ in self.query(node, expression))

    def wait_calm(self, timeout: float = _READY_SECONDS) -> None:
        """Wait until both nodes watch everything on both, are one cluster, and find nothing to tell.

        Raises:
            LabTimeoutError: not in ``timeout`` seconds; the message has what was seen last.
        """
        targets = float(2 * len(configuration.JOBS))

        def look() -> dict[str, Any]:
            return {
                host.place.name: (
                    self.query(host.place.name, "sum(up)"),
                    self.query(host.place.name, 'min(alertmanager_cluster_members{job="alertmanager"})'),
                    sorted(self.firing(host.place.name)),
                )
                for host in self.lab.nodes
            }

        calm: tuple[Any, ...] = ([({}, targets)], [({}, 2.0)], [])
        wait_for(
            "both nodes to watch everything and to have nothing to tell",
            look,
            until=lambda seen: all(each == calm for each in seen.values()),
            timeout=timeout,
            every=0.5,
        )

    def _ask(self, node: str, port: int, path: str) -> Any:
        host = self.lab.hosts[node]
        try:
            response = get(host, "127.0.0.1", port, path)
        except (OSError, http.client.HTTPException) as error:
            message = f"port {port} of {node} gives no answer: {error}"
            raise NoAnswerError(message) from error
        if response.status != http.client.OK:
            message = f"port {port} of {node} answers {response.status}: {response.body[:200]}"
            raise NoAnswerError(message)
        return json.loads(response.body)


def require_watching() -> None:
    """Skip the calling test, or fail it in CI, where a tool is missing or no lab can run."""
    require_lab()
    tools = ("prometheus", "prometheus-alertmanager", "prometheus-node-exporter")
    missing = [tool for tool in tools if shutil.which(tool) is None]
    if not missing:
        return
    reason = f"missing: {' '.join(missing)}; tests/packages alerts installs the packages"
    if os.environ.get("CI"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@contextmanager
def watched(lab: Lab) -> Iterator[Watched]:
    """Let a running lab be watched until it ends; what is stored outlives a crash of its node, as on a card."""
    with tempfile.TemporaryDirectory(prefix="dnsha-watched-") as directory:
        storage = Path(directory)
        phone = Phone(lab.client, PHONE_PORT, storage / "phone")
        phone.start()
        for host in lab.nodes:
            for daemon in _daemons(lab, host.place, storage / host.place.name):
                host.install(daemon).launch()
        try:
            for host in lab.nodes:
                host.wait_ready(_READY_SECONDS)
            yield Watched(lab, phone)
        finally:
            for host in lab.nodes:
                for name in WATCHING:
                    host.remove(name)
            phone.remove()


def _daemons(lab: Lab, place: Place, storage: Path) -> list[Daemon]:
    storage.mkdir()
    configuration_file = configuration.write_prometheus(place, storage)
    return [
        Daemon(
            "node_exporter",
            ("prometheus-node-exporter", *configuration.NODE_EXPORTER_FLAGS),
            ready=_answers(NODE_EXPORTER_PORT, "/"),
        ),
        Daemon(
            "notifier",
            (sys.executable, "-m", "alerts.notifier"),
            ready=_answers(NOTIFIER_PORT, "/healthz"),
            environment={
                "NOTIFIER_PORT": str(NOTIFIER_PORT),
                "NOTIFY_URLS": f"signal://{CLIENT.ipv4}:{PHONE_PORT}/+12025550100/+12025550101",
                "HEARTBEAT_URL": "",
                "NOTIFIER_STATE": str(storage / "notifier.json"),
                "NODE_NAME": place.name,
                "PEER_IP": peer_of(place.name).ipv4,
            },
        ),
        Daemon(
            "alertmanager",
            ("prometheus-alertmanager", *configuration.alertmanager_flags(place, storage / "alertmanager")),
            ready=_answers(ALERTMANAGER_PORT, "/-/ready"),
        ),
        Daemon(
            "prometheus",
            ("prometheus", *configuration.prometheus_flags(configuration_file, storage / "prometheus")),
            ready=_answers(PROMETHEUS_PORT, "/-/ready"),
        ),
    ]


def _answers(port: int, path: str) -> Callable[[Host], bool]:
    def ready(host: Host) -> bool:
        try:
            return get(host, "127.0.0.1", port, path).status == http.client.OK
        except http.client.HTTPException:
            return False

    return ready
