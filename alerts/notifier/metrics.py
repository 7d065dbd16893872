"""The notifier's own metrics: the only place where their names are spelled."""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.exposition import generate_latest
from prometheus_client.process_collector import ProcessCollector

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
DELIVERY_BUCKETS: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)


class Metrics:
    """One set for each process, in a registry of its own."""

    def __init__(self) -> None:
        # When a counter was made is nobody's question.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self.messages = Counter(
            "dnsha_notifier_messages",
            "Posts of Alertmanager, by the highest severity in them: a receiver knows all of it (delivered), none is "
            "configured for it (no_receiver), nobody was reached (failed), or the other node is at it (not_yet).",
            ["severity", "result"],
            registry=registry,
        )
        self.deliveries = Counter(
            "dnsha_notifier_deliveries",
            "Attempts to deliver a message, by the receiver's place in NOTIFY_URLS.",
            ["receiver", "scheme", "result"],
            registry=registry,
        )
        self.duration = Histogram(
            "dnsha_notifier_delivery_duration_seconds",
            "How long the service of a receiver took.",
            ["receiver", "scheme"],
            buckets=DELIVERY_BUCKETS,
            registry=registry,
        )
        self.last_success = Gauge(
            "dnsha_notifier_last_success_timestamp_seconds",
            "When a receiver last took a message.",
            ["receiver", "scheme"],
            registry=registry,
        )
        self.failing_since = Gauge(
            "dnsha_notifier_failing_since_timestamp_seconds",
            "Since when a receiver has taken no message; 0 when the last one was taken.",
            ["receiver", "scheme"],
            registry=registry,
        )
        self.owed = Gauge(
            "dnsha_notifier_owed_messages",
            "Messages that a receiver has not got yet.",
            ["receiver", "scheme"],
            registry=registry,
        )
        self.told = Gauge("dnsha_notifier_told_alerts", "Alerts that were told and have not ended.", registry=registry)
        self.receivers = Gauge(
            "dnsha_notifier_receivers", "Receivers that are configured, by severity.", ["severity"], registry=registry
        )
        self.heartbeats = Counter(
            "dnsha_notifier_heartbeats",
            "Heartbeats of Alertmanager: passed on to HEARTBEAT_URL, failed, too_soon for another, or not_configured.",
            ["result"],
            registry=registry,
        )
        self.last_heartbeat = Gauge(
            "dnsha_notifier_last_heartbeat_timestamp_seconds",
            "When HEARTBEAT_URL last answered well.",
            registry=registry,
        )
        self.critical_silences = Gauge(
            "dnsha_notifier_critical_silences",
            "Active silences that hide critical alerts, by this node's Alertmanager; NaN while it is not known.",
            registry=registry,
        )
        self.bad_requests = Counter(
            "dnsha_notifier_bad_requests", "Requests that were refused.", ["reason"], registry=registry
        )

    def render(self) -> bytes:
        """All of them, as Prometheus reads them."""
        return generate_latest(self._registry)
