"""What Alertmanager posts, as data: webhook message version 4.

Source: https://prometheus.io/docs/alerting/latest/configuration/#webhook_config and notify/webhook/webhook.go.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

from alerts.notifier.text import clean
from exporter.model.errors import ParseError
from exporter.parsers.fields import EXACT, Fields, as_object, parse_object

Severity = Literal["critical", "warning", "info", "other"]
SEVERITIES: Final[tuple[Severity, ...]] = ("critical", "warning", "info", "other")
_FINGERPRINT: Final = re.compile(r"[0-9a-f]{1,64}")
_LINK: Final = re.compile(r"https?://[^\s<>\"'\\\x00-\x20\x7f]{1,400}", re.ASCII)
# The alert about what is over when it fires: what it was is written when it is told, and its end is no news.
FAILOVER: Final = "DnsHaFailover"
_TEXTS: Final = ("fingerprint", "severity", "name", "summary", "description", "link")
LABEL_LENGTH: Final = 80
SUMMARY_LENGTH: Final = 200
DESCRIPTION_LENGTH: Final = 600


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert; all its texts are harmless, times are Unix seconds.

    ``ending`` is what its end is called; empty where the rule does not say it.
    """

    fingerprint: str
    firing: bool
    severity: Severity
    name: str
    summary: str
    description: str
    link: str
    starts_at: float
    ends_at: float
    labels: Mapping[str, str] = field(default_factory=dict)
    ending: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """One post: all alerts of a group, and how many more Alertmanager left out."""

    key: str
    alerts: tuple[Alert, ...]
    left_out: int = 0


def parse(content: bytes) -> Group:
    """Read a post.

    Raises:
        ParseError: it is not what Alertmanager sends; the message says where, and never repeats a value.
    """
    post = parse_object(content, "the post")
    if post.values.get("version", "4") != "4":
        msg = "version is not 4, the only one that is understood"
        raise ParseError(msg)
    alerts = [as_object(alert, f"alerts[{position}]") for position, alert in enumerate(post.array("alerts"))]
    key = post.text("groupKey", EXACT)
    return Group(
        # Long where a site's name is; two of one length compare the same way.
        key=hashlib.sha256(key.encode()).hexdigest()[:32],
        alerts=tuple(_alert(alert) for alert in alerts),
        left_out=post.count("truncatedAlerts") if post.has("truncatedAlerts") else 0,
    )


def alert_of(value: dict[str, Any]) -> Alert:
    """Read an alert back that ``dataclasses.asdict`` made and a file kept.

    Raises:
        KeyError, TypeError, ValueError, OverflowError, AttributeError: it is none.
    """
    times = {name: moment(value[name]) for name in ("starts_at", "ends_at")}
    labels = value.get("labels", {})  # which the first versions did not write
    texts = [value[name] for name in _TEXTS] + [*labels.keys(), *labels.values()]
    if not all(isinstance(text, str) for text in texts) or value["severity"] not in SEVERITIES:
        raise TypeError("not an alert's texts")  # noqa: EM101
    return Alert(**{**value, **times, "firing": bool(value["firing"])})


def moment(value: Any) -> float:  # noqa: ANN401
    """Read a time in Unix seconds.

    Raises:
        TypeError, ValueError, OverflowError: it is none.
    """
    seconds = float(value)
    if not math.isfinite(seconds):
        raise ValueError("not a time")  # noqa: EM101
    return seconds


def _alert(alert: Fields) -> Alert:
    labels, annotations = _strings(alert, "labels"), _strings(alert, "annotations")
    name = clean(labels.get("alertname", ""), LABEL_LENGTH) or "alert without a name"
    severity = labels.get("severity", "")
    return Alert(
        fingerprint=alert.word("fingerprint", _FINGERPRINT, "a fingerprint"),
        firing=alert.one_of("status", {"firing": True, "resolved": False}),
        severity=next((known for known in SEVERITIES if known == severity), "other"),
        name=name,
        summary=clean(annotations.get("summary", ""), SUMMARY_LENGTH) or name,
        description=clean(annotations.get("description", ""), DESCRIPTION_LENGTH),
        link=link if _LINK.fullmatch(link := annotations.get("runbook_url", "")) else "",
        starts_at=_time(alert, "startsAt"),
        ends_at=_time(alert, "endsAt"),
        labels={clean(label, LABEL_LENGTH): clean(text, LABEL_LENGTH) for label, text in sorted(labels.items())},
        ending=clean(annotations.get("resolved", ""), SUMMARY_LENGTH),
    )


def _strings(alert: Fields, key: str) -> Mapping[str, str]:
    found = alert.object(key).values
    if not all(isinstance(text, str) for text in found.values()):
        alert.refuse(key, "an object of strings")
    return found


def _time(alert: Fields, key: str) -> float:
    found = None
    with suppress(ValueError):
        found = datetime.fromisoformat(alert.text(key, LABEL_LENGTH))
    if found is None or found.tzinfo is None:
        alert.refuse(key, "a time with its zone, as RFC 3339 has it")
    return found.timestamp()
