"""Silences that hide critical alerts: counted for a rule of Prometheus, whose alert is told even where one hides it.

Whoever reaches Alertmanager may silence everything, that very rule too. So the notifier asks Alertmanager for the one
alert which nobody can silence, and tells it as if Alertmanager had sent it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from alerts.notifier.local import ALERTING_RULES, Query, ask
from alerts.notifier.payload import Alert, Group, parse

ALERT: Final = "DnsHaCriticalSilenced"
UNKNOWN: Final = float("nan")
_SILENCES: Final = "/api/v2/silences"
_HIDDEN: Final = (
    f"/api/v2/alerts?active=false&inhibited=false&unprocessed=false&silenced=true&filter=alertname%3D%22{ALERT}%22"
)
# Of a regular expression only what cannot take long to try: names, each of which may end in "anything".
_NAMES: Final = re.compile(r"(?:[\w:-]*(?:\.[*+])?)(?:\|[\w:-]*(?:\.[*+])?)*", re.ASCII)

Labels = Mapping[str, str]


class Silences:
    """What this node's Alertmanager has, compared with the rules that this node's Prometheus has."""

    def __init__(self, alertmanager: Query, prometheus: Query, told: Callable[[], Mapping[str, Alert]]) -> None:
        """Take both programs, and a function that returns the alerts whose end is still to be told."""
        self._alertmanager, self._prometheus, self._told = alertmanager, prometheus, told

    def covering(self) -> float:
        """How many active silences hide critical alerts; not a number while it cannot be told."""
        active = ask(
            self._alertmanager,
            _SILENCES,
            lambda answer: [one["matchers"] for one in answer if one["status"]["state"] == "active"],
        )
        if not active:
            return UNKNOWN if active is None else 0.0

        def count(answer: Any) -> float:  # noqa: ANN401
            rules = [rule for group in answer["data"]["groups"] for rule in group["rules"]]
            critical = [
                {"alertname": rule["name"], **rule["labels"]}
                for rule in rules
                if rule["labels"].get("severity") == "critical"
            ]
            return float(sum(any(may_hide(matchers, labels) for labels in critical) for matchers in active))

        found = ask(self._prometheus, ALERTING_RULES, count)
        return UNKNOWN if found is None else found

    def hidden(self) -> list[Group]:
        """The alert of that rule where a silence hides it, unless it was told."""

        def read(answer: Any) -> list[Group]:  # noqa: ANN401
            told = self._told()
            new = [
                {**alert, "status": "firing"}
                for alert in answer
                if alert["fingerprint"] not in told and alert["labels"]["alertname"] == ALERT
            ]
            return [parse(json.dumps({"groupKey": f"hidden {ALERT}", "alerts": new}).encode())] if new else []

        return ask(self._alertmanager, _HIDDEN, read) or []


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
