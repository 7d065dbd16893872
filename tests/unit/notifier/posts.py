"""Posts as Alertmanager 0.25 makes them, and what they become."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, Final

from alerts.notifier.payload import Alert, Group, parse

NOON: Final = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC).timestamp()
RUNBOOK: Final = "https://dns.example/docs/runbooks/DnsHaSplitBrain.md"


def rfc3339(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat().replace("+00:00", "Z")


def entry(number: int = 1, **changes: Any) -> dict[str, Any]:
    """An alert as it is in a post; ``starts`` and ``ends`` are seconds after noon."""
    ends = changes.pop("ends", None)
    starts = changes.pop("starts", 0.0)
    labels = {"alertname": "DnsHaSplitBrain", "severity": "critical", "site": "home", "vip": "192.0.2.53"}
    annotations = {
        "summary": f"home: problem {number}",
        "description": "Both answer. Unplug one.",
        "runbook_url": RUNBOOK,
    }
    return {
        "status": "firing" if ends is None else "resolved",
        "labels": labels | changes.pop("labels", {}),
        "annotations": annotations | changes.pop("annotations", {}),
        "startsAt": rfc3339(NOON + starts),
        "endsAt": "0001-01-01T00:00:00Z" if ends is None else rfc3339(NOON + ends),
        "generatorURL": "http://prometheus.example/graph",
        "fingerprint": f"{number:016x}",
    } | changes


def post(*entries: dict[str, Any], **changes: Any) -> bytes:
    firing = any(alert["status"] == "firing" for alert in entries)
    document = {
        "version": "4",
        "groupKey": '{}/{severity="critical"}:{site="home"}',
        "truncatedAlerts": 0,
        "status": "firing" if firing else "resolved",
        "receiver": "notifier",
        "groupLabels": {"site": "home"},
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": "http://alertmanager.example",
        "alerts": list(entries),
    }
    return json.dumps(document | changes).encode()


def group(*entries: dict[str, Any], **changes: Any) -> Group:
    return parse(post(*entries, **changes))


def alert(number: int = 1, **changes: Any) -> Alert:
    return group(entry(number, **changes)).alerts[0]
