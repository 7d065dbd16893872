"""The notifier's own metrics: the only place where their names are spelled."""

from __future__ import annotations

from functools import partial
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.exposition import generate_latest
from prometheus_client.process_collector import ProcessCollector

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
DELIVERY_BUCKETS: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
_RECEIVER: Final = ("receiver", "scheme")  # its place in NOTIFY_URLS, and its service
_HELP: Final = {
    "messages": "Posts of Alertmanager, by the highest severity in them: a receiver knows all of it (delivered), none "
    "is configured for it (no_receiver), nobody was reached (failed), or the other node is at it (not_yet).",
    "deliveries": "Attempts to deliver a message, by the receiver's place in NOTIFY_URLS.",
    "duration": "How long the service of a receiver took.",
    "last_success": "When a receiver last took a message.",
    "failing_since": "Since when a receiver has taken no message; 0 when the last one was taken.",
    "owed": "Messages that a receiver has not got yet.",
    "told": "Alerts that were told and have not ended.",
    "receivers": "Receivers that are configured, by severity.",
    "heartbeats": "Heartbeats of Alertmanager: passed on to HEARTBEAT_URL, failed, too_soon for another, or "
    "not_configured.",
    "last_heartbeat": "When HEARTBEAT_URL last answered well.",
    "silences": "Active silences that hide critical alerts, by this node's Alertmanager; NaN while it is not known.",
    "bad_requests": "Requests that were refused.",
}


class Metrics:
    """One set for each process, in a registry of its own."""

    def __init__(self) -> None:
        # When a counter was made is nobody's question.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        counter, gauge = partial(Counter, registry=self._registry), partial(Gauge, registry=self._registry)
        histogram = partial(Histogram, registry=self._registry, buckets=DELIVERY_BUCKETS)
        self.messages = counter("dnsha_notifier_messages", _HELP["messages"], ("severity", "result"))
        self.deliveries = counter("dnsha_notifier_deliveries", _HELP["deliveries"], (*_RECEIVER, "result"))
        self.duration = histogram("dnsha_notifier_delivery_duration_seconds", _HELP["duration"], _RECEIVER)
        self.last_success = gauge("dnsha_notifier_last_success_timestamp_seconds", _HELP["last_success"], _RECEIVER)
        self.failing_since = gauge("dnsha_notifier_failing_since_timestamp_seconds", _HELP["failing_since"], _RECEIVER)
        self.owed = gauge("dnsha_notifier_owed_messages", _HELP["owed"], _RECEIVER)
        self.told = gauge("dnsha_notifier_told_alerts", _HELP["told"])
        self.receivers = gauge("dnsha_notifier_receivers", _HELP["receivers"], ("severity",))
        self.heartbeats = counter("dnsha_notifier_heartbeats", _HELP["heartbeats"], ("result",))
        self.last_heartbeat = gauge("dnsha_notifier_last_heartbeat_timestamp_seconds", _HELP["last_heartbeat"])
        self.critical_silences = gauge("dnsha_notifier_critical_silences", _HELP["silences"])
        self.bad_requests = counter("dnsha_notifier_bad_requests", _HELP["bad_requests"], ("reason",))

    def render(self) -> bytes:
        """All of them, as Prometheus reads them."""
        return generate_latest(self._registry)
