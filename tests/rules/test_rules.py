"""The shipped rules: as the templates say, known to Prometheus, tested, explained, and about metrics that exist."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import Counter
from prometheus_client.metrics import MetricWrapperBase

from alerts import generate, thresholds
from alerts.notifier.metrics import Metrics
from exporter.app import COLLECTORS
from exporter.model.metrics import METRICS
from exporter.settings.table import SETTINGS
from tests.rules.promql import used
from tests.rules.standin_pair import History, dnsha_series, node_exporter_series
from tests.rules.tools import ALERTS, REPOSITORY, RULE_FILES, load_rules, promtool_test, run, tool

RUNBOOKS = REPOSITORY / "docs" / "runbooks"
TESTS = sorted((ALERTS / "tests").glob("*.yaml"))
RULES = load_rules()
SERVICES = {
    service
    for path in (REPOSITORY / "compose").glob("*.yaml")
    for service in re.findall(r"^  ([a-z-]+):$", path.read_text(), re.MULTILINE)
}
ALERTING = {rule["alert"]: rule for rule in RULES if "alert" in rule}

# Alerts about several things, of which each has some of the labels; promtool's tests have the texts of all.
OF_SEVERAL = {"DnsHaClockWrong", "DnsHaNotificationsFailing", "DnsHaNotWatched", "DnsHaPathFailing", "DnsHaServiceDown"}

# Labels that the shipped Prometheus configuration gives to every target.
TARGET = {"job", "instance", "site", "node"}
# What is not ours, with the labels that rules may use: node_exporter 1.5 to 1.9, Prometheus, Alertmanager.
_FILESYSTEM = {"device", "fstype", "mountpoint"}
FOREIGN: dict[str, set[str]] = {
    "up": set(),
    "ALERTS": {"alertname", "alertstate", "severity", "component"},
    "node_filesystem_avail_bytes": _FILESYSTEM,
    "node_filesystem_size_bytes": _FILESYSTEM,
    "node_filesystem_files": _FILESYSTEM,
    "node_filesystem_files_free": _FILESYSTEM,
    "node_filesystem_readonly": _FILESYSTEM,
    "node_thermal_zone_temp": {"type", "zone"},
    "node_hwmon_temp_celsius": {"chip", "sensor"},
    "node_hwmon_in_lcrit_alarm_volts": {"chip", "sensor"},
    "node_timex_sync_status": set(),
    "node_memory_MemAvailable_bytes": set(),
    "node_memory_MemTotal_bytes": set(),
    "prometheus_notifications_errors_total": {"alertmanager"},
    "prometheus_rule_evaluation_failures_total": {"rule_group"},
    "prometheus_rule_group_iterations_missed_total": {"rule_group"},
    "prometheus_rule_group_last_duration_seconds": {"rule_group"},
    "alertmanager_cluster_members": set(),
    "alertmanager_notifications_failed_total": {"integration", "reason"},
}


def known_labels() -> dict[str, set[str]]:
    """Every series that a rule may use, with its own labels."""
    known = dict(FOREIGN)
    for metric in METRICS.values():
        if metric.kind == "histogram":
            known |= {f"{metric.name}_{part}": {*metric.labels} for part in ("sum", "count")}
            known[f"{metric.name}_bucket"] = {*metric.labels, "le"}
        else:
            known[metric.sample_name] = {*metric.labels}
    for own in vars(Metrics()).values():
        if isinstance(own, MetricWrapperBase):
            name = next(iter(own.describe())).name
            known[f"{name}_total" if isinstance(own, Counter) else name] = set(own._labelnames)
    for rule in RULES:
        if "record" in rule:
            known[rule["record"]] = set(rule["record"].partition(":")[0].split("_"))
    return known


def expressions(rule: dict[str, Any]) -> Iterator[str]:
    """The rule's own expression and the queries in its annotations."""
    yield rule["expr"]
    for text in rule.get("annotations", {}).values():
        for query in re.findall(r'query \(printf "((?:[^"\\]|\\.)*)"', text):
            yield query.replace("%q", '""')


def test_the_rules_are_what_the_templates_say() -> None:
    assert generate.main(["--check"]) == 0


def test_a_rule_file_that_somebody_edited_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generate, "RULES", tmp_path)
    assert generate.main([]) == 0
    assert generate.main(["--check"]) == 0
    (tmp_path / "vip.yaml").write_text("groups: []\n")
    (tmp_path / "left-over.yaml").write_text("groups: []\n")
    monkeypatch.setattr(generate, "HERE", tmp_path / "alerts")
    assert generate.main(["--check"]) == 1
    assert generate.main([]) == 0
    assert sorted(path.name for path in tmp_path.glob("*.yaml")) == [path.name for path in RULE_FILES]
    assert (tmp_path / "vip.yaml").read_text() == (ALERTS / "rules" / "vip.yaml").read_text()


def test_a_template_with_an_unknown_threshold_is_refused() -> None:
    with pytest.raises(KeyError, match="NO_SUCH_THRESHOLD"):
        generate.render("x.yaml", "expr: up > @{NO_SUCH_THRESHOLD}")


def test_an_alert_that_does_not_say_what_its_owner_does_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "x.yaml").write_text("- alert: DnsHaNew\n  expr: up\n  labels:\n    severity: info\n")
    monkeypatch.setattr(generate, "TEMPLATES", tmp_path)
    with pytest.raises(ValueError, match="DnsHaNew needs a line '# Owner"):
        generate.table()


def test_the_table_names_every_alert_with_its_severity() -> None:
    rows = dict(re.findall(r"^\| `(DnsHa\w+)` \| (\w+) \|", (ALERTS / "README.md").read_text(), re.MULTILINE))
    assert rows == {name: rule["labels"]["severity"] for name, rule in ALERTING.items()}


def test_every_threshold_is_used() -> None:
    templates = "".join(path.read_text() for path in generate.TEMPLATES.glob("*.yaml"))
    unused = {name for name in generate.THRESHOLDS | generate.SNIPPETS if f"@{{{name}}}" not in templates}
    assert unused == {"RUNBOOKS"}  # the generator's own


def test_the_exporter_warns_at_the_same_values() -> None:
    defaults = {setting.key: setting.default for setting in SETTINGS}
    assert float(defaults["slow_answer"] or "") == thresholds.SLOW_ANSWER_SECONDS
    assert float(defaults["clock_tolerance"] or "") == thresholds.CLOCK_DIFFERENCE_SECONDS


def test_prometheus_accepts_the_rules() -> None:
    code, said = run(tool("promtool"), "check", "rules", "--lint-fatal", *RULE_FILES)
    assert code == 0, said


@pytest.mark.parametrize("file", TESTS, ids=lambda path: path.stem)
def test_alerts_fire_and_end_when_they_should(file: Path) -> None:
    assert promtool_test(file) == ""


def test_every_alert_is_seen_quiet_then_firing_then_quiet_again() -> None:
    seen: dict[str, set[str]] = {name: set() for name in ALERTING}
    for file in TESTS:
        for case in yaml.safe_load(file.read_text())["tests"]:
            histories: dict[str, str] = {}
            for check in case["alert_rule_test"]:
                letter = "F" if check["exp_alerts"] else "q"
                histories[check["alertname"]] = histories.get(check["alertname"], "") + letter
            for name, history in histories.items():
                seen[name].add(re.sub(r"(.)\1+", r"\1", history))
    untested = {name for name, histories in seen.items() if "qFq" not in histories}
    assert untested == {"DnsHaWatchdog"}  # which never ends


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.get("alert") or rule["record"])
def test_every_metric_and_label_exists(rule: dict[str, Any]) -> None:
    known = known_labels()
    for expression in expressions(rule):
        found = used(expression)
        assert found.matchers.keys() <= known.keys()
        for metric, matchers in found.matchers.items():
            assert matchers <= known[metric] | TARGET, metric
        everything = TARGET | found.made | {label for metric in found.matchers for label in known[metric]}
        assert found.grouping <= everything


@pytest.mark.parametrize("name", ALERTING)
def test_every_alert_says_what_where_and_what_to_do(name: str) -> None:
    rule = ALERTING[name]
    assert name.startswith("DnsHa")
    assert rule["labels"].keys() == {"severity", "component"}
    assert rule["labels"]["severity"] in {"critical", "warning", "info"}
    assert rule["annotations"].keys() == {"summary", "resolved", "description", "runbook_url"}
    assert rule["annotations"]["runbook_url"] == f"{thresholds.RUNBOOKS}/{name}.md"
    # A label that the alert does not have would leave a hole in the text.
    mentioned = set(re.findall(r"\$labels\.(\w+)", "".join(rule["annotations"].values())))
    for file in TESTS:
        for case in yaml.safe_load(file.read_text())["tests"]:
            for check in case["alert_rule_test"]:
                for alert in check["exp_alerts"] if check["alertname"] == name else ():
                    missing = mentioned - alert["exp_labels"].keys()
                    assert not missing or name in OF_SEVERAL


def test_every_alert_has_its_runbook_and_every_runbook_its_alert() -> None:
    assert {path.stem for path in RUNBOOKS.glob("DnsHa*.md")} == ALERTING.keys()


@pytest.mark.parametrize("name", ALERTING)
def test_a_runbook_has_its_four_parts_and_names_what_exists(name: str) -> None:
    text = (RUNBOOKS / f"{name}.md").read_text()
    assert re.findall(r"^#+ .*", text, re.MULTILINE) == [
        f"# {name}",
        "## Meaning",
        "## Impact",
        "## Diagnosis",
        "## Mitigation",
    ]
    for metric in re.findall(r"\b(?:dnsha_|site\w*:dnsha_|node_hwmon_|prometheus_\w|alertmanager_\w)[\w:]+", text):
        assert metric in known_labels()
    for service in re.findall(r"docker compose (?:exec|restart|up -d|run --rm --no-deps) ([a-z][a-z-]*)", text):
        assert service in SERVICES
    for only in re.findall(r"exporter --once --only ([a-z,]+)", text):
        assert set(only.split(",")) <= set(COLLECTORS)
    assert set(re.findall(r"\bDnsHa\w+", text)) <= ALERTING.keys()
    for link in re.findall(r"\]\(([^)#]+)", text):
        assert (RUNBOOKS / link).is_file()


def test_the_stand_in_pair_says_only_what_an_exporter_can_say() -> None:
    known = known_labels()
    for series in (dnsha_series(History(), "alpha"), node_exporter_series()):
        for metric, labels, _ in series:
            own = known[metric]
            # The labels of the real one, no more and, for ours, no less.
            names = set(re.findall(r'(\w+)="', labels))
            assert names == own if metric.startswith("dnsha_") else names <= own
