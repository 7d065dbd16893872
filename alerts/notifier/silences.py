"""Silences that hide critical alerts: counted for a rule of Prometheus, whose alert is told even where one hides it.

Whoever reaches Alertmanager may silence everything, that very rule too. So the notifier asks Alertmanager for the one
alert which nobody can silence, and tells it as if Alertmanager had sent it.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from alerts.notifier.payload import Alert, Group, parse
from exporter.http.client import FetchError, http_get
from exporter.model.errors import ParseError
from exporter.parsers.fields import parse_json

log = logging.getLogger(__name__)

ALERT: Final = "DnsHaCriticalSilenced"
UNKNOWN: Final = float("nan")
ANSWER_SECONDS: Final = 3.0
MAXIMUM_BYTES: Final = 16 << 20
_SILENCES: Final = "/api/v2/silences"
_RULES: Final = "/api/v1/rules?type=alert"
_HIDDEN: Final = (
    f"/api/v2/alerts?active=false&inhibited=false&unprocessed=false&silenced=true&filter=alertname%3D%22{ALERT}%22"
)
# Of a regular expression only what cannot take long to try: names, each of which may end in "anything".
_NAMES: Final = re.compile(r"(?:[\w:-]*(?:\.[*+])?)(?:\|[\w:-]*(?:\.[*+])?)*", re.ASCII)

Labels = Mapping[str, str]
Ask = Callable[[int, str], Any]


class Silences:
    """What this node's Alertmanager has, compared with the rules that this node's Prometheus has."""

    def __init__(
        self, alertmanager: int, prometheus: int, told: Callable[[], Mapping[str, Alert]], ask: Ask | None = None
    ) -> None:
        """Take both ports on this host, and a function that returns the alerts whose end is still to be told."""
        self._alertmanager, self._prometheus = alertmanager, prometheus
        self._told = told
        self._ask = ask or _ask

    def covering(self) -> float:
        """How many active silences hide critical alerts; not a number while it cannot be told."""
        try:
            active = [one for one in self._ask(self._alertmanager, _SILENCES) if one["status"]["state"] == "active"]
            if not active:
                return 0.0
            groups = self._ask(self._prometheus, _RULES)["data"]["groups"]
            rules = [{"alertname": rule["name"], **rule["labels"]} for group in groups for rule in group["rules"]]
            critical = [labels for labels in rules if labels.get("severity") == "critical"]
            return float(sum(any(may_hide(one["matchers"], labels) for labels in critical) for one in active))
        except FetchError as error:
            log.debug("%s", error)
        except (ParseError, KeyError, TypeError, AttributeError):
            log.warning("Alertmanager or Prometheus answered what makes no sense")
        return UNKNOWN

    def hidden(self) -> list[Group]:
        """The alert of that rule where a silence hides it, unless it was told."""
        try:
            alerts = self._ask(self._alertmanager, _HIDDEN)
            told = self._told()
            new = [
                {**alert, "status": "firing"}
                for alert in alerts
                if alert["fingerprint"] not in told and alert["labels"]["alertname"] == ALERT
            ]
            post = {"groupKey": f"hidden {ALERT}", "alerts": new}
            return [parse(json.dumps(post).encode())] if new else []
        except FetchError as error:
            log.debug("%s", error)
        except (ParseError, KeyError, TypeError):
            log.warning("Alertmanager answered what makes no sense")
        return []


def may_hide(matchers: Iterable[Mapping[str, Any]], labels: Labels) -> bool:
    """Whether a silence hides some alert that has these labels and others, which a rule does not say."""
    return all(_may_match(matcher, labels) for matcher in matchers)


def _may_match(matcher: Mapping[str, Any], labels: Labels) -> bool:
    value = labels.get(matcher["name"])
    if value is None:
        return True
    if not matcher["isRegex"]:
        return (value == matcher["value"]) is matcher.get("isEqual", True)
    if not _NAMES.fullmatch(matcher["value"]):
        return True
    hit = any(re.fullmatch(name, value) for name in matcher["value"].split("|"))
    return hit is matcher.get("isEqual", True)


def _ask(port: int, path: str) -> Any:  # noqa: ANN401
    return parse_json(http_get("127.0.0.1", port, path, ANSWER_SECONDS, MAXIMUM_BYTES), "its answer")
