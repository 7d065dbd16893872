"""What the shipped Alertmanager configuration does with alerts: where they go, which are told, in how many messages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.rules.real_alertmanager import (
    CONFIGURATION,
    Alertmanager,
    Labels,
    running_alertmanager,
    wait_for,
)
from tests.rules.tools import load_rules, run, tool

ALERTING = {rule["alert"]: rule["labels"] for rule in load_rules() if "alert" in rule}
VIP = "192.0.2.53"


def test_the_heartbeat_comes_with_every_flush() -> None:
    """A repeat_interval as long as group_interval is a moment too long, and every second flush would say nothing."""
    (beat,) = (
        route
        for route in yaml.safe_load(CONFIGURATION.read_text())["route"]["routes"]
        if route["receiver"] == "heartbeat"
    )
    assert (beat["group_interval"], beat["repeat_interval"]) == ("1m", "50s")


def alert(name: str, node: str = "", **more: str) -> Labels:
    """An alert as Prometheus sends it, without its site."""
    return {"alertname": name, **ALERTING[name], **({"node": node} if node else {}), **more}


def test_amtool_accepts_the_configuration() -> None:
    code, said = run(tool("amtool"), "check-config", CONFIGURATION)
    assert code == 0, said


@pytest.mark.parametrize(
    ("labels", "receiver", "route"),
    [
        ("alertname=DnsHaWatchdog severity=info site=home", "heartbeat", 'alertname="DnsHaWatchdog"'),
        ("alertname=DnsHaSplitBrain severity=critical site=home vip=192.0.2.53", "notifier", 'severity="critical"'),
        ("alertname=DnsHaNodeDown severity=warning site=home node=alpha", "notifier", 'severity="warning"'),
        ("alertname=DnsHaVersionsDiffer severity=info site=home", "notifier", 'severity="info"'),
        ("alertname=DnsHaNotWatched severity=warning", "notifier", 'severity="warning"'),
        ("alertname=SomebodysOwnAlert", "notifier", "default-route"),
        ("alertname=SomebodysOwnAlert severity=page site=home", "notifier", "default-route"),
    ],
)
def test_an_alert_goes_to_its_receiver(labels: str, receiver: str, route: str) -> None:
    command = (tool("amtool"), "config", "routes", "test", f"--config.file={CONFIGURATION}", "--tree")
    code, said = run(*command, f"--verify.receivers={receiver}", *labels.split())
    assert code == 0, said
    assert route in said


def test_every_alert_of_ours_has_a_route_of_its_severity() -> None:
    for name, labels in ALERTING.items():
        receiver = "heartbeat" if name == "DnsHaWatchdog" else "notifier"
        command = (tool("amtool"), "config", "routes", "test", f"--config.file={CONFIGURATION}")
        code, said = run(
            *command, f"--verify.receivers={receiver}", f"alertname={name}", f"severity={labels['severity']}"
        )
        assert code == 0, f"{name}: {said}"


def test_inhibition_names_alerts_that_exist() -> None:
    for rule in yaml.safe_load(CONFIGURATION.read_text())["inhibit_rules"]:
        for matcher in rule["source_matchers"] + rule["target_matchers"]:
            label, pattern = re.fullmatch(r'(\w+)(?:=|!=|=~|!~)"(.*)"', matcher).groups()  # type: ignore[union-attr]
            if label in {"alertname", "component", "severity"}:
                values = {labels.get(label, name) for name, labels in ALERTING.items()}
                for alternative in pattern.split("|") if "(" not in pattern else [pattern]:
                    assert any(re.fullmatch(alternative, value) for value in values), matcher


@pytest.fixture(scope="module")
def alertmanager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alertmanager]:
    with running_alertmanager(tmp_path_factory.mktemp("alertmanager")) as (running, _):
        yield running


# What fires at once, and how much of it is told.
SITUATIONS: dict[str, tuple[list[Labels], list[Labels]]] = {
    "split brain after a killed keepalived": (
        [
            alert("DnsHaSplitBrain", vip=VIP),
            alert("DnsHaFilesystemReadOnly", "alpha", mountpoint="/"),
        ],
        [
            alert("DnsHaKeepalivedDeadHoldingVip", "alpha", vip=VIP),
            alert("DnsHaServiceDown", "alpha", service="keepalived"),
            alert("DnsHaContainerDown", "alpha", container="keepalived"),
            alert("DnsHaRedundancyLost", "alpha"),
            alert("DnsHaCheckFailing", "alpha", check="vrrp.agreement"),
        ],
    ),
    "no owner of one address, the other one silent": (
        [alert("DnsHaNoOwner", vip=VIP), alert("DnsHaVipNotAnswering", vip="2001:db8::53")],
        [
            alert("DnsHaVipNotAnswering", vip=VIP),
            alert("DnsHaErrorBudgetBurnFast", vip=VIP),
            alert("DnsHaErrorBudgetBurnFast", vip="2001:db8::53"),
            alert("DnsHaServiceDown", "alpha", service="keepalived"),
            alert("DnsHaServiceDown", "beta", service="keepalived"),
        ],
    ),
    "a dead node": (
        [
            alert("DnsHaNodeDown", "alpha"),
            alert("DnsHaServiceDown", "beta", service="unbound", server="127.0.0.1:5335"),
        ],
        [
            alert("DnsHaMonitoringDown", "alpha", job="dnsha"),
            alert("DnsHaMonitoringDown", "alpha", job="node"),
            alert("DnsHaMonitoringDown", "alpha", job="alertmanager"),
            alert("DnsHaServiceDown", "alpha", service="keepalived"),
            alert("DnsHaPathFailing", "beta", target="peer", protocol="http"),
            alert("DnsHaPathFailing", "beta", target="peer", server="192.0.2.11:53", protocol="udp"),
        ],
    ),
    "a dead Unbound behind a live Pi-hole": (
        [
            alert("DnsHaServiceDown", "alpha", service="unbound", server="127.0.0.1:5335"),
            alert("DnsHaServiceDown", "beta", service="pihole", server="x"),
        ],
        [
            alert("DnsHaServiceDown", "alpha", service="pihole", server="127.0.0.1:53"),
            alert("DnsHaContainerDown", "alpha", container="dnsha-unbound-1"),
            alert("DnsHaContainerDown", "alpha", container="dnsha-pihole-1"),
            alert("DnsHaRedundancyLost", "alpha"),
            alert("DnsHaPathFailing", "beta", target="peer", server="192.0.2.11:53", protocol="tcp"),
        ],
    ),
    "a health check that fails on one node, and the recorder's death on the other": (
        [
            alert("DnsHaRedundancyLost", "alpha"),
            alert("DnsHaHelperDown", "beta", process="recorder"),
            alert("DnsHaCheckFailing", "beta", check="health.chain"),
            alert("DnsHaCheckFailing", "alpha", check="vip.device"),
            alert("DnsHaCheckFailing", "beta", check="resolve.data"),
        ],
        [
            alert("DnsHaCheckFailing", "alpha", check="health.address"),
            alert("DnsHaCheckFailing", "beta", check="vrrp.data"),
        ],
    ),
    "names of the internet that resolve on one node alone": (
        [alert("DnsHaNodeWorldNotResolving", "alpha", severity="warning"), alert("DnsHaRedundancyLost", "beta")],
        [alert("DnsHaRedundancyLost", "alpha")],
    ),
    "names of the internet that resolve on no node": (
        [alert("DnsHaWorldNotResolving", severity="critical")],
        [alert("DnsHaNodeWorldNotResolving", "alpha", severity="warning")],
    ),
    "a dead exporter": (
        [alert("DnsHaMonitoringDown", "alpha", job="dnsha"), alert("DnsHaMonitoringDown", "alpha", job="prometheus")],
        [alert("DnsHaPathFailing", "beta", target="peer", protocol="http")],
    ),
    "a node that was forgotten in maintenance": (
        [
            alert("DnsHaDrainedTooLong", "alpha"),
            alert("DnsHaTemperatureHigh", "alpha"),
            alert("DnsHaContainerDown", "beta", container="pihole"),
        ],
        [
            alert("DnsHaContainerRestarting", "alpha", container="pihole"),
            alert("DnsHaTaskFailing", "alpha", task="pihole"),
        ],
    ),
    "a heartbeat that does not get through": (
        [
            alert("DnsHaNotificationsFailing", "alpha", receiver="HEARTBEAT_URL"),
            alert("DnsHaNotificationsFailing", "alpha", receiver="2", scheme="ntfy"),
        ],
        [alert("DnsHaNotificationsFailing", "alpha")],
    ),
    "a site without power": (
        [alert("DnsHaSiteDown"), alert("DnsHaWatchdog")],
        [
            alert("DnsHaNodeDown", "alpha"),
            alert("DnsHaNodeDown", "beta"),
            alert("DnsHaMonitoringDown", "beta", job="dnsha"),
        ],
    ),
    "a node that dies while the address flaps and the budget burns": (
        [alert("DnsHaFlapping", vip=VIP), alert("DnsHaErrorBudgetBurnFast", vip=VIP), alert("DnsHaNodeDown", "beta")],
        [alert("DnsHaErrorBudgetBurnSlow", vip=VIP)],
    ),
}


@pytest.mark.parametrize("situation", SITUATIONS)
def test_a_message_says_what_happened_and_not_what_follows_from_it(alertmanager: Alertmanager, situation: str) -> None:
    told, muted = ([{**labels, "site": situation} for labels in part] for part in SITUATIONS[situation])
    other_site = {**muted[0], "site": f"not {situation}"}
    alertmanager.send([*muted, *told, other_site])

    def inhibited(state: bool) -> list[Labels]:
        sites = {situation, f"not {situation}"}
        seen = [found for found in alertmanager.alerts() if found["labels"]["site"] in sites]
        return [found["labels"] for found in seen if bool(found["status"]["inhibitedBy"]) is state]

    def sorted_labels(labels: list[Labels]) -> list[list[tuple[str, str]]]:
        return sorted(sorted(each.items()) for each in labels)

    wait_for(lambda: len(inhibited(True)) == len(muted), 5)
    assert sorted_labels(inhibited(True)) == sorted_labels(muted)
    assert sorted_labels(inhibited(False)) == sorted_labels([*told, other_site])


def test_a_pairs_failure_is_one_message_and_so_is_its_end(tmp_path: Path) -> None:
    failure = [
        {**labels, "site": "home"}
        for part in SITUATIONS["no owner of one address, the other one silent"]
        for labels in part
    ]
    watchdog = {**alert("DnsHaWatchdog"), "site": "home"}
    with running_alertmanager(tmp_path) as (alertmanager, recorder):
        alertmanager.send([*failure, watchdog])
        assert wait_for(lambda: len(recorder.messages("/")) == 1, 10)
        assert wait_for(lambda: len(recorder.messages("/heartbeat")) == 1, 5)
        alertmanager.send(failure, resolved=True)
        assert wait_for(lambda: len(recorder.messages("/")) == 2, 15)
        begin, end = recorder.messages("/")
    names = sorted(found["labels"]["alertname"] for found in begin["alerts"])
    assert (begin["status"], names) == ("firing", ["DnsHaNoOwner", "DnsHaVipNotAnswering"])
    assert begin["groupLabels"] == {"site": "home"}
    assert end["status"] == "resolved"
    # Those that were muted may be among the resolved ones: the notifier knows what it has told.
    assert {found["labels"]["alertname"] for found in end["alerts"]} >= set(names)
    assert [found["labels"]["alertname"] for found in recorder.messages("/heartbeat")[0]["alerts"]] == ["DnsHaWatchdog"]
