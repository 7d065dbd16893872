"""A real Alertmanager that inhibits an alert whose beginning was told: its end is told all the same."""

from __future__ import annotations

import time
from pathlib import Path
from threading import Thread

import pytest

from alerts.notifier import unheard
from alerts.notifier.heartbeat import Heartbeat
from alerts.notifier.metrics import Metrics
from alerts.notifier.notifier import Notifier
from alerts.notifier.routes import NotifierServer
from alerts.notifier.settings import load
from tests.alerting.messages import titles
from tests.alerting.standin_signal import StandinSignal
from tests.rules.real_alertmanager import alertmanager_for, free_port, wait_for

SPLIT = {"alertname": "DnsHaSplitBrain", "severity": "critical", "component": "vip", "site": "home"}
LOST = {"alertname": "DnsHaRedundancyLost", "severity": "warning", "component": "vrrp", "site": "home", "node": "beta"}


def test_an_end_that_another_alert_hid_is_told(
    phone: StandinSignal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unheard, "LOOK_SECONDS", 0.5)
    monkeypatch.setattr(unheard, "GONE_SECONDS", 4.0)
    port = free_port()
    with alertmanager_for(f"127.0.0.1:{port}", tmp_path, intervals="1s") as alertmanager:
        settings = load(
            {
                "NOTIFY_URLS": phone.url,
                "NOTIFIER_STATE": str(tmp_path / "told.json"),
                "ALERTMANAGER_PORT": alertmanager.address.rpartition(":")[2],
            }
        )
        metrics = Metrics()
        notifier = Notifier(settings, metrics)
        server = NotifierServer("127.0.0.1", port, notifier, Heartbeat("", metrics), metrics)
        notifier.start()
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            for number, labels in enumerate((LOST, SPLIT), start=1):
                alertmanager.send([labels], annotations={"summary": f"home: {labels['alertname']}"})
                assert wait_for(lambda number=number: len(phone.sent) == number, 20)  # type: ignore[misc]
            alertmanager.send([LOST], resolved=True, annotations={"summary": "home: DnsHaRedundancyLost"})
            assert wait_for(lambda: len(phone.sent) == 3, 20)
            alertmanager.send([SPLIT], resolved=True, annotations={"summary": "home: DnsHaSplitBrain"})
            assert wait_for(lambda: len(phone.sent) == 4, 20)
            time.sleep(6)
        finally:
            notifier.stop(2)
            server.shutdown()
            server.server_close()
    assert [title.partition(" (after ")[0] for title in titles(phone)] == [
        "⚠️ WARNING home: DnsHaRedundancyLost",
        "🔴 CRITICAL home: DnsHaSplitBrain",
        "✅ recovered: home: DnsHaRedundancyLost",
        "✅ recovered: home: DnsHaSplitBrain",
    ]
