"""Silences that hide critical alerts: which do, and that the alert about them is told in spite of them."""

from __future__ import annotations

import math
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.notifier.payload import Alert
from alerts.notifier.silences import ALERT, Silences, may_hide
from exporter.http.client import FetchError
from exporter.model.errors import ParseError

CRITICAL = {"alertname": "DnsHaNoOwner", "severity": "critical", "component": "vip"}
WARNING = {"alertname": "DnsHaTaskFailing", "severity": "warning", "component": "sync"}


def matcher(name: str, value: str, *, regex: bool = False, equal: bool = True) -> dict[str, Any]:
    return {"name": name, "value": value, "isRegex": regex, "isEqual": equal}


def silence(*matchers: dict[str, Any], state: str = "active") -> dict[str, Any]:
    return {"id": "x", "status": {"state": state}, "matchers": list(matchers), "createdBy": "somebody"}


HIDING = {
    "everything": [matcher("alertname", ".+", regex=True)],
    "everything in other words": [matcher("nothing", "", regex=False)],
    "all critical ones": [matcher("severity", "critical")],
    "one by its name": [matcher("alertname", "DnsHaNoOwner")],
    "one of a list": [matcher("alertname", "DnsHaTaskFailing|DnsHaNoOwner", regex=True)],
    "what begins so": [matcher("alertname", "DnsHaNo.*", regex=True)],
    "what is no warning": [matcher("severity", "warning", equal=False)],
    "what is none of these": [matcher("severity", "warning|info", regex=True, equal=False)],
    "one address": [matcher("vip", "192.0.2.53"), matcher("site", "home")],
    "what cannot be told": [matcher("alertname", "DnsHa(No|Sync)[A-Z].{2,}", regex=True)],
    "what must not be tried": [matcher("alertname", "(D+)+$", regex=True, equal=False)],
}
HARMLESS = {
    "one warning": [matcher("alertname", "DnsHaTaskFailing")],
    "warnings and infos": [matcher("severity", "warning|info", regex=True)],
    "all but critical ones": [matcher("severity", "critical", equal=False)],
    "a warning of one node": [matcher("alertname", "DnsHaTaskFailing"), matcher("node", "beta")],
    "another component": [matcher("component", "sync"), matcher("site", ".*", regex=True)],
    "a beginning that it has not": [matcher("alertname", "DnsHaSync.*|Other", regex=True)],
}


@pytest.mark.parametrize("matchers", HIDING.values(), ids=HIDING.keys())
def test_a_silence_that_may_hide_a_critical_alert_does(matchers: list[dict[str, Any]]) -> None:
    assert may_hide(matchers, CRITICAL)


@pytest.mark.parametrize("matchers", HARMLESS.values(), ids=HARMLESS.keys())
def test_a_silence_that_cannot_is_harmless(matchers: list[dict[str, Any]]) -> None:
    assert not may_hide(matchers, CRITICAL)


@given(st.text("aD+*()|.?{},$^[]\\", max_size=200))
def test_no_expression_takes_long_to_try(expression: str) -> None:
    began = time.monotonic()
    may_hide([matcher("alertname", expression, regex=True)], {"alertname": "D" * 60 + "!"})
    assert time.monotonic() - began < 0.05


class Programs:
    """What Alertmanager and Prometheus answer, by path; an exception is raised."""

    def __init__(self, *silences: dict[str, Any]) -> None:
        self.told: dict[str, Alert] = {}
        groups = [{"rules": [{"name": labels["alertname"], "labels": labels} for labels in (CRITICAL, WARNING)]}]
        self.answers: dict[str, Any] = {
            "/api/v2/silences": list(silences),
            "/api/v1/rules?type=alert": {"data": {"groups": groups}},
            "/api/v2/alerts": [],
        }
        self.silences = Silences(self._ask, self._ask, lambda: self.told)

    def _ask(self, path: str) -> Any:
        answer = next(answer for known, answer in self.answers.items() if path.startswith(known))
        if isinstance(answer, Exception):
            raise answer
        return answer


def test_active_silences_are_counted_that_hide_a_rule_of_that_severity() -> None:
    everything = HIDING["everything"]
    programs = Programs(
        silence(*everything),
        silence(*HIDING["one by its name"]),
        silence(*HARMLESS["one warning"]),
        silence(*everything, state="expired"),
        silence(*everything, state="pending"),
    )
    assert programs.silences.covering() == 2
    assert Programs().silences.covering() == 0


@pytest.mark.parametrize("path", ["/api/v2/silences", "/api/v1/rules?type=alert"])
@pytest.mark.parametrize("answer", [FetchError("silent"), ParseError("garbage"), None, {}, 5, [5], [{}]])
def test_what_cannot_be_told_is_not_a_number(path: str, answer: Any) -> None:
    programs = Programs(silence(*HIDING["everything"]))
    programs.answers[path] = answer
    found = programs.silences.covering()
    assert math.isnan(found) or (path == "/api/v2/silences" and answer == {} and found == 0)


def hidden_alert(**labels: str) -> dict[str, Any]:
    return {
        "fingerprint": "0123456789abcdef",
        "labels": {"alertname": ALERT, "severity": "warning", "site": "home", **labels},
        "annotations": {"summary": "home: critical alerts are silenced"},
        "startsAt": "2023-11-14T22:13:20.000Z",
        "endsAt": "2023-11-14T22:17:20.000Z",
        "status": {"state": "suppressed", "silencedBy": ["x"], "inhibitedBy": []},
    }


def test_the_alert_about_silences_is_told_although_one_hides_it_and_once() -> None:
    programs = Programs()
    assert programs.silences.hidden() == []
    programs.answers["/api/v2/alerts"] = [hidden_alert()]
    (group,) = programs.silences.hidden()
    (alert,) = group.alerts
    assert (alert.name, alert.firing, alert.summary) == (ALERT, True, "home: critical alerts are silenced")
    programs.told = {alert.fingerprint: alert}
    assert programs.silences.hidden() == []


def test_no_other_alert_is_told_in_spite_of_a_silence() -> None:
    programs = Programs()
    programs.answers["/api/v2/alerts"] = [hidden_alert(alertname="DnsHaNoOwner")]
    assert programs.silences.hidden() == []


@pytest.mark.parametrize(
    "answer", [FetchError("silent"), ParseError("garbage"), None, 5, [5], [{}], [hidden_alert() | {"startsAt": 1}]]
)
def test_garbage_in_alertmanagers_place_tells_nothing(answer: Any) -> None:
    programs = Programs()
    programs.answers["/api/v2/alerts"] = answer
    assert programs.silences.hidden() == []
