"""A silence that hides everything, in a real Alertmanager: that it does is told all the same."""

from __future__ import annotations

import http.client
import http.server
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread

import pytest

from alerts.notifier import unheard
from alerts.notifier.heartbeat import Heartbeat
from alerts.notifier.metrics import Metrics
from alerts.notifier.notifier import Notifier
from alerts.notifier.routes import NotifierServer
from alerts.notifier.settings import load
from alerts.notifier.silences import ALERT
from tests.alerting.messages import titles
from tests.alerting.standin_signal import StandinSignal
from tests.rules.real_alertmanager import alertmanager_for, free_port, wait_for

NO_OWNER = {"alertname": "DnsHaNoOwner", "severity": "critical", "component": "vip", "site": "home"}
SILENCED = {"alertname": ALERT, "severity": "warning", "component": "monitoring", "site": "home"}


class StandinPrometheus(http.server.BaseHTTPRequestHandler):
    """Answers with one critical rule."""

    def do_GET(self) -> None:
        rules = [{"name": "DnsHaNoOwner", "labels": {"severity": "critical", "component": "vip"}, "type": "alerting"}]
        body = json.dumps({"status": "success", "data": {"groups": [{"rules": rules}]}}).encode()
        self.send_response(http.HTTPStatus.OK)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the library's name)
        """Say nothing."""


@contextmanager
def standin_prometheus() -> Iterator[int]:
    """A server in Prometheus' place; gives its port."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), StandinPrometheus) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def silence_everything(address: str) -> None:
    """What anybody can do who reaches Alertmanager: one POST."""
    now = datetime.now(UTC)
    document = {
        "matchers": [{"name": "alertname", "value": ".+", "isRegex": True, "isEqual": True}],
        "startsAt": now.isoformat(),
        "endsAt": (now + timedelta(days=3650)).isoformat(),
        "createdBy": "the owner, honestly",
        "comment": "",
    }
    connection = http.client.HTTPConnection(address, timeout=10)
    connection.request("POST", "/api/v2/silences", json.dumps(document), {"Content-Type": "application/json"})
    assert connection.getresponse().status == http.HTTPStatus.OK
    connection.close()


def test_a_silence_of_everything_is_counted_and_told(
    phone: StandinSignal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unheard, "LOOK_SECONDS", 0.5)
    port = free_port()
    with standin_prometheus() as prometheus, alertmanager_for(f"127.0.0.1:{port}", tmp_path, intervals="1s") as manager:
        settings = load(
            {
                "NOTIFY_URLS": phone.url,
                "NOTIFIER_STATE": str(tmp_path / "told.json"),
                "ALERTMANAGER_PORT": manager.address.rpartition(":")[2],
                "PROMETHEUS_PORT": str(prometheus),
            }
        )
        metrics = Metrics()
        notifier = Notifier(settings, metrics)
        server = NotifierServer("127.0.0.1", port, notifier, Heartbeat("", metrics), metrics)
        notifier.start()
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            assert wait_for(lambda: b"dnsha_notifier_critical_silences 0.0" in metrics.render(), 20)
            silence_everything(manager.address)
            assert wait_for(lambda: b"dnsha_notifier_critical_silences 1.0" in metrics.render(), 20)
            manager.send([NO_OWNER], annotations={"summary": "home: nobody has the virtual IP"})
            manager.send([SILENCED], annotations={"summary": "home: critical alerts are silenced"})  # as the rule does
            assert wait_for(lambda: len(phone.sent) == 1, 20)
            assert not wait_for(lambda: len(phone.sent) > 1, 4)  # it is told once, and what is silenced is not told
        finally:
            notifier.stop(2)
            server.shutdown()
            server.server_close()
    assert titles(phone) == ["⚠️ WARNING home: critical alerts are silenced"]
